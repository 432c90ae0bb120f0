import { type Cell, JsonText, type JsonValue, jsonTextOf } from '../../interface/data-types.js';
import { hasHalfCharacter } from '../half-characters.js';
import { toDays, toMicrosecondsOfDay } from './instants.js';

// Arrow's buffers (Columnar Format 1.5, "Physical Memory Layout") of one column of one batch.
// They are filled here and not by apache-arrow's builders: those cost 1,640 ns a row of five columns against
// 250 ns, and the one for timestamps takes milliseconds.

/** The Arrow type cannot hold the value at this index of those to be written. */
export class Unfit extends Error {
  readonly index: number;

  constructor(index: number) {
    super('A value does not fit.');
    this.index = index;
  }
}

/** Undefined: the value does not fit. */
type Convert<Value> = (value: NonNullable<Cell>) => Value | undefined;

export interface Validity {
  length: number;
  nullCount: number;
  /** One bit per value, set where it is not null. */
  nullBitmap: Uint8Array | null;
}

/** Values of variable length, end to end. */
interface Variable {
  data: Uint8Array;
  /** Start of each value, and the end of the last one. */
  valueOffsets: Int32Array;
}

const bitmapOf = (length: number) => new Uint8Array((length + 7) >> 3);

function setBit(bitmap: Uint8Array, index: number): void {
  bitmap[index >> 3] = (bitmap[index >> 3] ?? 0) | (1 << (index & 7));
}

export function validityOf(values: readonly Cell[]): Validity {
  const nullBitmap = bitmapOf(values.length);
  let nullCount = 0;
  for (let index = 0; index < values.length; index += 1) {
    if (values[index] === null) nullCount += 1;
    else setBit(nullBitmap, index);
  }
  return { length: values.length, nullCount, nullBitmap: nullCount === 0 ? null : nullBitmap };
}

/**
 * Fills the target with the values; null leaves 0.
 * @throws Unfit
 */
export function filled<Value, Target extends { [index: number]: Value }>(
  target: Target,
  values: readonly Cell[],
  convert: Convert<Value>,
): Target {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? null;
    if (value === null) continue;
    const converted = convert(value);
    if (converted === undefined) throw new Unfit(index);
    target[index] = converted;
  }
  return target;
}

/** @throws Unfit */
export function bits(values: readonly Cell[]): Uint8Array {
  const data = bitmapOf(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? null;
    if (value === true) setBit(data, index);
    else if (value !== false && value !== null) throw new Unfit(index);
  }
  return data;
}

export const int64: Convert<bigint> = (value) => {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (typeof value !== 'string' || !/^-?\d{1,19}$/.test(value)) return undefined;
  const exact = BigInt(value);
  return BigInt.asIntN(64, exact) === exact ? exact : undefined;
};

/** @param bits 8, 16 or 32 */
export const smallInt =
  (bits: number): Convert<number> =>
  (value) => {
    const most = 2 ** (bits - 1);
    const number = typeof value === 'string' ? Number(int64(value)) : value;
    if (typeof number !== 'number' || !Number.isInteger(number)) return undefined;
    return number < most && number >= -most ? number : undefined;
  };

/** True when the double is the shortest decimal of the single-precision number. */
function standsFor(number: number, single: number): boolean {
  if (number === single) return true;
  for (let digits = 1; digits <= 9; digits += 1)
    if (Number(single.toPrecision(digits)) === number) return true;
  return false;
}

/** The number in single precision. Sources return its shortest decimal. */
export const float32: Convert<number> = (value) => {
  const number = float64(value);
  if (number === undefined || !Number.isFinite(number)) return number;
  const single = Math.fround(number);
  return Number.isFinite(single) && standsFor(number, single) ? single : undefined;
};

export const float64: Convert<number> = (value) => {
  if (typeof value === 'number') return value;
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : undefined;
};

export const days: Convert<number> = (value) => {
  const count = typeof value === 'string' ? toDays(value) : Number.NaN;
  return (count | 0) === count ? count : undefined;
};

export const microsecondsOfDay: Convert<bigint> = (value) => {
  const count = typeof value === 'string' ? toMicrosecondsOfDay(value) : Number.NaN;
  return Number.isNaN(count) ? undefined : BigInt(count);
};

const decimalText = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Digits of a decimal text at `scale`, as an integer; undefined for more fraction digits than `scale`. */
function unscaled(value: NonNullable<Cell>, { precision, scale }: DecimalPlaces): bigint | undefined {
  const [, sign, whole = '', fraction = ''] =
    decimalText.exec(typeof value === 'number' ? String(value) : text(value)) ?? [];
  if (sign === undefined) return undefined;
  let end = fraction.length;
  while (end > scale && fraction.charCodeAt(end - 1) === ZERO) end -= 1;
  if (end > scale) return undefined;
  const digits = (whole + fraction.slice(0, end).padEnd(scale, '0')).replace(/^0+(?=\d)/, '');
  if (digits.length > precision) return undefined;
  return sign === '-' ? -BigInt(digits) : BigInt(digits);
}

const ZERO = 48;

interface DecimalPlaces {
  bits: 128 | 256;
  precision: number;
  scale: number;
}

/** Decimals as integers of 128 or 256 bits, little-endian. @throws Unfit */
export function decimals(values: readonly Cell[], places: DecimalPlaces): Uint32Array {
  const words = places.bits / 64;
  const data = new BigInt64Array(values.length * words);
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? null;
    if (value === null) continue;
    let rest = unscaled(value, places);
    if (rest === undefined) throw new Unfit(index);
    for (let word = 0; word < words; word += 1) {
      data[index * words + word] = rest;
      // After the digits only the sign remains.
      rest = rest === 0n || rest === -1n ? rest : rest >> 64n;
    }
  }
  return new Uint32Array(data.buffer);
}

/** A list that is text because of its minus zeros has them as numbers. */
const listOfCell = (cell: Cell): Cell =>
  cell instanceof JsonText && cell.fitsDoubles ? (JSON.parse(cell.text) as JsonValue) : cell;

/** The items of lists, end to end. @throws Unfit for a value that is not a list, and for nested lists */
export function flattened(values: readonly Cell[]): { items: Cell[]; valueOffsets: Int32Array } {
  const valueOffsets = new Int32Array(values.length + 1);
  const items: Cell[] = [];
  for (let index = 0; index < values.length; index += 1) {
    const value = listOfCell(values[index] ?? null);
    if (value !== null && !Array.isArray(value)) throw new Unfit(index);
    for (const item of value ?? []) {
      if (Array.isArray(item)) throw new Unfit(index);
      items.push(item);
    }
    valueOffsets[index + 1] = items.length;
  }
  return { items, valueOffsets };
}

/** The list that an item belongs to. */
export function listOfItem(valueOffsets: Int32Array, item: number): number {
  let index = 0;
  while ((valueOffsets[index + 1] ?? Number.POSITIVE_INFINITY) <= item) index += 1;
  return index;
}

/** Text unchanged, any other value as JSON. */
export const text = (value: NonNullable<Cell>): string =>
  typeof value === 'string' ? value : jsonTextOf(value);

function concatenated(chunks: readonly Uint8Array[]): Variable {
  const valueOffsets = new Int32Array(chunks.length + 1);
  let end = 0;
  for (let index = 0; index < chunks.length; index += 1) {
    end += chunks[index]?.length ?? 0;
    valueOffsets[index + 1] = end;
  }
  return { data: Buffer.concat(chunks), valueOffsets };
}

/** The values as UTF-8. @throws Unfit for a lone surrogate, which UTF-8 cannot encode */
export function utf8(values: readonly Cell[], toText: (value: NonNullable<Cell>) => string): Variable {
  const valueOffsets = new Int32Array(values.length + 1);
  const texts: string[] = [];
  let end = 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? null;
    const valueText = value === null ? '' : toText(value);
    texts.push(valueText);
    end += valueText.length;
    valueOffsets[index + 1] = end;
  }
  const data = Buffer.from(texts.join(''));
  // Lengths in UTF-16 and UTF-8 are equal only for ASCII.
  if (data.length === end) return { data, valueOffsets };
  const broken = texts.findIndex(hasHalfCharacter);
  if (broken >= 0) throw new Unfit(broken);
  return concatenated(texts.map((one) => Buffer.from(one)));
}

/** The values, base64 texts, as bytes. */
export function bytes(values: readonly Cell[]): Variable {
  return concatenated(values.map((value) => Buffer.from(value === null ? '' : text(value), 'base64')));
}
