import type { Encoding, SchemaElement } from 'hyparquet';
import type { Cell } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import { brokenParquet } from './parquet-errors.js';
import { deltaEnd, deltaReader32, deltaReader64, hybridReader } from './parquet-runs.js';

/** Returns stored values one after the other: numbers, bigints, booleans, views of bytes. */
type NextStored = () => unknown;

export type NextValue = () => Cell;

/** Converts a stored value to a cell. */
export type Decode = (stored: unknown) => Cell;

/** Dictionaries of up to this many entries decode each entry only once. */
const keptEntriesMax = 1024;

const widths: Readonly<Record<string, number>> = { INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8 };

function fixedWidth({ type, type_length }: SchemaElement): number | undefined {
  return type === 'FIXED_LEN_BYTE_ARRAY' ? type_length : widths[type ?? ''];
}

function cut(bytes: Uint8Array, start: number, length: number): Uint8Array {
  if (start + length > bytes.length || !(length >= 0)) throw new RangeError('a value outside its page');
  return bytes.subarray(start, start + length);
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Reads a fixed-width value at an offset. */
function fixedAt(bytes: Uint8Array, element: SchemaElement): (at: number) => unknown {
  const view = viewOf(bytes);
  switch (element.type) {
    case 'INT32':
      return (at) => view.getInt32(at, true);
    case 'INT64':
      return (at) => view.getBigInt64(at, true);
    case 'INT96':
      return (at) => (BigInt(view.getInt32(at + 8, true)) << 64n) | view.getBigUint64(at, true);
    case 'FLOAT':
      return (at) => view.getFloat32(at, true);
    case 'DOUBLE':
      return (at) => view.getFloat64(at, true);
    default:
      return (at) => cut(bytes, at, element.type_length ?? 0);
  }
}

function booleans(bytes: Uint8Array, start: number): NextStored {
  let position = start * 8 - 1;
  return () => {
    position += 1;
    const byte = bytes[position >>> 3];
    if (byte === undefined) throw new RangeError('a value outside its page');
    return (byte & (1 << (position & 7))) !== 0;
  };
}

function plain(bytes: Uint8Array, start: number, element: SchemaElement): NextStored {
  let at = start;
  if (element.type === 'BOOLEAN') return booleans(bytes, start);
  if (element.type === 'BYTE_ARRAY') {
    const view = viewOf(bytes);
    return () => {
      const value = cut(bytes, at + 4, view.getUint32(at, true));
      at += 4 + value.length;
      return value;
    };
  }
  const width = fixedWidth(element);
  if (!width) throw brokenParquet('a column without a width');
  const read = fixedAt(bytes, element);
  return () => {
    at += width;
    return read(at - width);
  };
}

function byteStreamSplit(bytes: Uint8Array, start: number, element: SchemaElement): NextStored {
  const width = fixedWidth(element);
  if (!width || element.type === 'INT96') throw brokenParquet('BYTE_STREAM_SPLIT for an unsupported type');
  const count = Math.floor((bytes.length - start) / width);
  let index = 0;
  return () => {
    if (index >= count) throw new RangeError('a value outside its page');
    const value = new Uint8Array(width);
    for (let byte = 0; byte < width; byte += 1) value[byte] = bytes[start + byte * count + index] ?? 0;
    index += 1;
    return fixedAt(value, element)(0);
  };
}

function deltaLengths(bytes: Uint8Array, start: number): NextStored {
  let at = deltaEnd(bytes, start).end;
  const length = deltaReader32(bytes, start);
  return () => {
    const value = cut(bytes, at, length());
    at += value.length;
    return value;
  };
}

function deltaStrings(bytes: Uint8Array, start: number): NextStored {
  const prefixLength = deltaReader32(bytes, start);
  const suffix = deltaLengths(bytes, deltaEnd(bytes, start).end) as () => Uint8Array;
  let last: Uint8Array = new Uint8Array();
  return () => {
    const prefix = cut(last, 0, prefixLength());
    const rest = suffix();
    if (prefix.length === 0) last = rest;
    else {
      const value = new Uint8Array(prefix.length + rest.length);
      value.set(prefix);
      value.set(rest, prefix.length);
      last = value;
    }
    return last;
  };
}

/** Values of a dictionary page, kept as bytes until they are requested. */
export class Dictionary {
  readonly #read: (index: number) => Cell;
  readonly #count: number;
  readonly #kept: Cell[] | undefined;
  /** Memory use in bytes. */
  readonly bytes: number;

  constructor(page: Uint8Array, count: number, element: SchemaElement, decode: Decode) {
    this.#count = count;
    this.#kept = count <= keptEntriesMax ? [] : undefined;
    const width = fixedWidth(element);
    if (width) {
      if (count * width > page.length) throw brokenParquet('a dictionary larger than its page');
      const read = fixedAt(page, element);
      this.#read = (index) => decode(read(index * width));
      this.bytes = page.length;
    } else {
      const starts = startsOf(page, count, element);
      this.#read = (index) =>
        decode(cut(page, (starts[index] ?? 0) + 4, (starts[index + 1] ?? 0) - (starts[index] ?? 0) - 4));
      this.bytes = page.length + starts.byteLength;
    }
  }

  at(index: number): Cell {
    if (index >= this.#count) throw brokenParquet('an index outside the dictionary');
    if (!this.#kept) return this.#read(index);
    const cell = this.#kept[index] ?? this.#read(index);
    this.#kept[index] = cell;
    return cell;
  }
}

function startsOf(page: Uint8Array, count: number, { type }: SchemaElement): Uint32Array {
  if (type !== 'BYTE_ARRAY') throw brokenParquet('a dictionary for an unsupported type');
  if (count * 4 > page.length) throw brokenParquet('a dictionary larger than its page');
  const view = viewOf(page);
  const starts = new Uint32Array(count + 1);
  for (let index = 0, at = 0; index < count; index += 1) {
    at += 4 + view.getUint32(at, true);
    if (at > page.length) throw brokenParquet('a dictionary larger than its page');
    starts[index + 1] = at;
  }
  return starts;
}

interface ValueSection {
  bytes: Uint8Array;
  start: number;
  encoding: Encoding | undefined;
  element: SchemaElement;
  dictionary: Dictionary | undefined;
  decode: Decode;
}

function indexed({ bytes, start, dictionary }: ValueSection): NextValue {
  if (!dictionary) throw brokenParquet('no dictionary');
  const width = bytes[start];
  if (width === undefined) return () => dictionary.at(Number.POSITIVE_INFINITY);
  const index = hybridReader(bytes, start + 1, width);
  return () => dictionary.at(index());
}

function deltaIntegers({ bytes, start, element: { type } }: ValueSection): NextStored {
  if (type === 'INT32') return deltaReader32(bytes, start);
  if (type === 'INT64') return deltaReader64(bytes, start);
  throw brokenParquet('DELTA_BINARY_PACKED for an unsupported type');
}

function isBytes({ type }: SchemaElement): boolean {
  return type === 'BYTE_ARRAY' || type === 'FIXED_LEN_BYTE_ARRAY';
}

/** Opens the values of a data page; each is decoded on request. */
export function openValues(section: ValueSection): NextValue {
  const { bytes, start, encoding, element, decode } = section;
  if (encoding === 'PLAIN_DICTIONARY' || encoding === 'RLE_DICTIONARY') return indexed(section);
  const stored = openStored(section);
  return () => decode(stored());

  function openStored(of: ValueSection): NextStored {
    switch (encoding) {
      case 'PLAIN':
        return plain(bytes, start, element);
      case 'RLE': {
        if (element.type !== 'BOOLEAN') throw brokenParquet('RLE for an unsupported type');
        const bit = hybridReader(bytes, start + 4, 1);
        return () => bit() === 1;
      }
      case 'BYTE_STREAM_SPLIT':
        return byteStreamSplit(bytes, start, element);
      case 'DELTA_BINARY_PACKED':
        return deltaIntegers(of);
      case 'DELTA_LENGTH_BYTE_ARRAY':
        if (!isBytes(element)) break;
        return deltaLengths(bytes, start);
      case 'DELTA_BYTE_ARRAY':
        if (!isBytes(element)) break;
        return deltaStrings(bytes, start);
    }
    throw new ConnectorError(
      'unsupported',
      `The Parquet file uses the encoding ${encoding ?? 'with an unknown number'}, which is not supported.`,
      {
        remedy: 'Request only the other columns with "columns", or rewrite the file with the encoding PLAIN.',
      },
    );
  }
}
