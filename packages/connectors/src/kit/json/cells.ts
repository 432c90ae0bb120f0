import { type Cell, JsonText, type JsonValue, jsonTextOf } from '../../interface/data-types.js';
import { Misfit } from '../misfit.js';
import { DoubledName, parseCellText } from './exact.js';
import { quoted } from './failures.js';

/** JSON's null, for sources that also have a null of their own. */
const jsonNull = new JsonText('null', true);

/**
 * Exact value of a text that the source declares to be JSON.
 * @throws Misfit for a name that is repeated in one object; SyntaxError for invalid JSON
 */
export function jsonCell(text: string): Cell {
  try {
    return parseCellText(text) ?? jsonNull;
  } catch (error) {
    if (!(error instanceof DoubledName)) throw error;
    throw new Misfit(`has a JSON object that repeats the name ${quoted(error.member)}`);
  }
}

/** Whether a nested cell must be written differently than `JSON.stringify` would. */
const needsText = (cell: Cell): boolean => cell instanceof JsonText || Object.is(cell, -0);

const fitDoubles = (cells: readonly Cell[]): boolean =>
  cells.every((cell) => !(cell instanceof JsonText) || cell.fitsDoubles);

/** Cells as one list; as text if an item is text or minus zero. */
export function listOf(items: readonly Cell[]): Cell {
  if (!items.some(needsText)) return items as JsonValue[];
  return new JsonText(`[${items.map(jsonTextOf).join()}]`, fitDoubles(items));
}

/** Cells by name as one object; as text if one of them is text or minus zero. */
export function objectOf(members: readonly (readonly [name: string, cell: Cell])[]): Cell {
  const cells = members.map(([, cell]) => cell);
  // fromEntries defines the properties, so a member called __proto__ is preserved.
  if (!cells.some(needsText)) return Object.fromEntries(members) as JsonValue;
  const text = members.map(([name, cell]) => `${JSON.stringify(name)}:${jsonTextOf(cell)}`).join();
  return new JsonText(`{${text}}`, fitDoubles(cells));
}

/** A cell as text: text unchanged, everything else as JSON. */
export const cellText = (cell: Cell): string | null => {
  if (cell === null || typeof cell === 'string') return cell;
  return jsonTextOf(cell);
};
