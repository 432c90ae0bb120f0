/**
 * Neutral column types. A connector converts the driver's values to these before it returns a row.
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
 * - `datetime`: a local date and time whose zone the source does not store, `YYYY-MM-DDTHH:MM:SS[.ffffff]`
 * - `bytes`: base64 text
 * - `json`: any JSON value
 *
 * Fractional seconds have six digits, or nine if the source has nanoseconds. `null` is null in every type.
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

/** What a source declares about the values of a column before it sends any. */
export interface ValueShape {
  type: NeutralType;
  /** For `decimal`: maximum total and fractional digits. Both or neither. */
  precision?: number;
  scale?: number;
  /** For `integer` or `float`: bits of the signed integer, or of the IEEE number, that holds every value. */
  width?: 8 | 16 | 32 | 64;
  /** For a `json` column whose values are lists: the shape of all items. */
  element?: ValueShape;
}

/** A source's type and its mapping, for the page of values. */
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
 * A JSON value as text, without white space around its tokens. Keeps what JavaScript values would change, such as
 * digits beyond a double or the zeros of `1.0`. Used in cells of `json` columns.
 */
export class JsonText {
  readonly text: string;
  /** Every number in it is a double, though it may be spelled differently. */
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

/**
 * The same for clients that parse numbers into doubles: a cell that doubles cannot hold becomes a string with its JSON
 * text.
 */
export const doublesTextOf = (cell: Cell): string =>
  cell instanceof JsonText && !cell.fitsDoubles ? JSON.stringify(cell.text) : jsonTextOf(cell);

/** Values by position, in column order. */
export type Row = readonly Cell[];
