import { type Cell, JsonText, type JsonValue, jsonTextOf } from '../../spec/data-types.js';
import { Misfit } from '../misfit.js';
import { DoubledName, parseCellText } from './exact.js';
import { quoted } from './failures.js';

/**
 * A text that the source says is JSON, exact.
 * @throws Misfit for a name that stands twice in one object; SyntaxError for what is no JSON
 */
export function jsonCell(text: string): Cell {
  try {
    return parseCellText(text);
  } catch (error) {
    if (!(error instanceof DoubledName)) throw error;
    throw new Misfit(`has the name ${quoted(error.member)} twice in one object of JSON`);
  }
}

/** Cells as one: a list, as its text where an item of it is text. */
export function listOf(items: readonly Cell[]): Cell {
  const texts = items.filter((item) => item instanceof JsonText);
  if (texts.length === 0) return items as JsonValue[];
  return new JsonText(
    `[${items.map(jsonTextOf).join()}]`,
    texts.every(({ fitsDoubles }) => fitsDoubles),
  );
}

/** Cells by name as one object, as its text where one of them is text. */
export function objectOf(members: readonly (readonly [name: string, cell: Cell])[]): Cell {
  const texts = members.flatMap(([, cell]) => (cell instanceof JsonText ? cell : []));
  // fromEntries defines the names, so a member called __proto__ stays one.
  if (texts.length === 0) return Object.fromEntries(members) as JsonValue;
  return new JsonText(
    `{${members.map(([name, cell]) => `${JSON.stringify(name)}:${jsonTextOf(cell)}`).join()}}`,
    texts.every(({ fitsDoubles }) => fitsDoubles),
  );
}

/** A cell as text: a text as it is, everything else as its JSON. */
export const cellText = (cell: Cell): string | null => {
  if (cell === null || typeof cell === 'string') return cell;
  return jsonTextOf(cell);
};
