import { type Cell, JsonText, type JsonValue, jsonTextOf } from '../../spec/data-types.js';
import { Misfit } from '../misfit.js';
import { DoubledName, parseCellText } from './exact.js';
import { quoted } from './failures.js';

/** JSON's null, where a source has it beside a null of its own. */
const jsonNull = new JsonText('null', true);

/**
 * A text that the source says is JSON, exact.
 * @throws Misfit for a name that stands twice in one object; SyntaxError for what is no JSON
 */
export function jsonCell(text: string): Cell {
  try {
    return parseCellText(text) ?? jsonNull;
  } catch (error) {
    if (!(error instanceof DoubledName)) throw error;
    throw new Misfit(`has the name ${quoted(error.member)} twice in one object of JSON`);
  }
}

/** Whether a cell within another is written otherwise than `JSON.stringify` would write it. */
const needsText = (cell: Cell): boolean => cell instanceof JsonText || Object.is(cell, -0);

const fitDoubles = (cells: readonly Cell[]): boolean =>
  cells.every((cell) => !(cell instanceof JsonText) || cell.fitsDoubles);

/** Cells as one: a list, as its text where an item of it is text or minus zero. */
export function listOf(items: readonly Cell[]): Cell {
  if (!items.some(needsText)) return items as JsonValue[];
  return new JsonText(`[${items.map(jsonTextOf).join()}]`, fitDoubles(items));
}

/** Cells by name as one object, as its text where one of them is text or minus zero. */
export function objectOf(members: readonly (readonly [name: string, cell: Cell])[]): Cell {
  const cells = members.map(([, cell]) => cell);
  // fromEntries defines the names, so a member called __proto__ stays one.
  if (!cells.some(needsText)) return Object.fromEntries(members) as JsonValue;
  const text = members.map(([name, cell]) => `${JSON.stringify(name)}:${jsonTextOf(cell)}`).join();
  return new JsonText(`{${text}}`, fitDoubles(cells));
}

/** A cell as text: a text as it is, everything else as its JSON. */
export const cellText = (cell: Cell): string | null => {
  if (cell === null || typeof cell === 'string') return cell;
  return jsonTextOf(cell);
};
