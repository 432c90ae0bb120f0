import { type Cell, jsonTextOf } from '@mooring/connectors/spec/data-types';
import { toDays } from './arrow-instants.js';
import { hasHalfCharacter } from './half-characters.js';

// Arrow's buffers (Columnar Format 1.5, "Physical Memory Layout") of one column of one batch.
// They are filled here and not by apache-arrow's builders: those cost 1,640 ns a row of five columns against
// 250 ns, and the one for timestamps takes milliseconds.

/** A value that the Arrow type cannot hold. */
export class Unfit extends Error {}

/** Undefined: the value does not fit. */
type Convert<Value> = (value: NonNullable<Cell>) => Value | undefined;

export interface Validity {
  length: number;
  nullCount: number;
  /** A bit a value, set where it is not null. */
  nullBitmap: Uint8Array | null;
}

/** Values of changing length, end to end. */
interface Variable {
  data: Uint8Array;
  /** Where each value begins, and where the last one ends. */
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
    if (converted === undefined) throw new Unfit();
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
    else if (value !== false && value !== null) throw new Unfit();
  }
  return data;
}

export const int64: Convert<bigint> = (value) => {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (typeof value !== 'string' || !/^-?\d{1,19}$/.test(value)) return undefined;
  const exact = BigInt(value);
  return BigInt.asIntN(64, exact) === exact ? exact : undefined;
};

export const float64: Convert<number> = (value) => {
  if (typeof value === 'number') return value;
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : undefined;
};

export const days: Convert<number> = (value) => {
  const count = typeof value === 'string' ? toDays(value) : Number.NaN;
  return Number.isNaN(count) ? undefined : count;
};

/** A text as it is, and anything else that turns up as JSON. */
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

/**
 * The values as UTF-8.
 * @throws Unfit for half of a surrogate pair, which UTF-8 has no bytes for
 */
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
  // Lengths in UTF-16 are lengths in UTF-8 only where all is ASCII.
  if (data.length === end) return { data, valueOffsets };
  if (texts.some(hasHalfCharacter)) throw new Unfit();
  return concatenated(texts.map((one) => Buffer.from(one)));
}

/** The values, base64 texts, as bytes. */
export function bytes(values: readonly Cell[]): Variable {
  return concatenated(values.map((value) => Buffer.from(value === null ? '' : text(value), 'base64')));
}
