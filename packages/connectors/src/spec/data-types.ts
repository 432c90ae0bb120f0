/**
 * Neutral column types. A connector converts the driver's values to these before a row leaves it.
 *
 * - `boolean`: JS boolean
 * - `integer`: JS number, safe integer (|n| < 2^53)
 * - `bigint`: decimal text of a 64-bit integer
 * - `decimal`: decimal text, exact
 * - `float`: JS number; NaN and infinities as the texts `NaN`, `Infinity`, `-Infinity`
 * - `string`: text
 * - `date`: `YYYY-MM-DD`
 * - `time`: `HH:MM:SS[.ffffff]`
 * - `timestamp`: an instant, `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`
 * - `datetime`: the reading of a clock whose zone the source does not keep, `YYYY-MM-DDTHH:MM:SS[.ffffff]`
 * - `bytes`: base64 text
 * - `json`: any JSON value
 *
 * Fractions of a second have six digits, or nine where the source has nanoseconds. `null` is null in every type.
 */
export type NeutralType =
  | 'boolean'
  | 'integer'
  | 'bigint'
  | 'decimal'
  | 'float'
  | 'string'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'datetime'
  | 'bytes'
  | 'json';

/** What a source says about the values of a column, before there are any. */
export interface ValueShape {
  type: NeutralType;
  /** Of a `decimal`: digits at the most, and those behind the point. Both or none. */
  precision?: number;
  scale?: number;
  /** Of an `integer` or `float`: bits of the signed integer, or of the IEEE number, that holds every value. */
  width?: 8 | 16 | 32 | 64;
  /** Of a `json` column whose values are lists: what all their items are. */
  element?: ValueShape;
}

/** A type of a source and what becomes of it, for the page of values. */
export interface NativeType {
  native: string;
  shape: ValueShape;
}

export interface Column extends ValueShape {
  name: string;
  nullable: boolean;
}

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/**
 * A JSON value as its text, without white space around its tokens: what JavaScript's values would change of it, such
 * as digits beyond a double or the zeros of `1.0`, stays as it came. Stands in cells of `json` columns.
 */
export class JsonText {
  readonly text: string;
  /** Every number in it is a double, though perhaps spelt in another way. */
  readonly fitsDoubles: boolean;

  constructor(text: string, fitsDoubles: boolean) {
    this.text = text;
    this.fitsDoubles = fitsDoubles;
  }
}

export type Cell = JsonValue | JsonText;

/** The JSON text of a cell. Minus zero keeps its sign, which `JSON.stringify` drops. */
export const jsonTextOf = (cell: Cell): string => {
  if (cell instanceof JsonText) return cell.text;
  return Object.is(cell, -0) ? '-0' : JSON.stringify(cell);
};

/** The same for clients that parse numbers into doubles: what those cannot hold is the text of its JSON, as a text. */
export const doublesTextOf = (cell: Cell): string =>
  cell instanceof JsonText && !cell.fitsDoubles ? JSON.stringify(cell.text) : jsonTextOf(cell);

/** Values by position, in the order of the columns. */
export type Row = readonly Cell[];
