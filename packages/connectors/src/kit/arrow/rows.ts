import { isAscii } from 'node:buffer';
import type { Data, RecordBatch } from 'apache-arrow';
import type { Cell, Column, Row, ValueShape } from '../../interface/data-types.js';
import { decimalText } from '../decimals.js';
import { jsonCell, listOf } from '../json/cells.js';
import { Misfit, misfitAt } from '../misfit.js';
import { clockText, dayText, fractionText, momentOf, momentText } from '../moments.js';
import { shortestOfSingle } from '../single.js';
import { isSet } from './bitmaps.js';
import { type ArrowType, arrowTypeOf } from './types.js';

/** The value at an index, which is not null. @throws Misfit */
type Read = (index: number) => Cell;

const toFloat = (number: number): Cell => (Number.isFinite(number) ? number : String(number));

function intReader(values: ArrayLike<number | bigint>, { type }: ValueShape): Read {
  if (type !== 'integer') return (index) => String(values[index]);
  return (index) => {
    const number = Number(values[index]);
    if (Number.isSafeInteger(number)) return number;
    throw new Misfit('holds an integer beyond 53 bits');
  };
}

function decimalReader(words: Uint32Array, { bits, scale }: ArrowType & { kind: 'Decimal' }): Read {
  const view = new DataView(words.buffer, words.byteOffset, words.byteLength);
  const width = bits / 8;
  return (index) => {
    let value = view.getBigInt64(index * width + width - 8, true);
    for (let at = width - 16; at >= 0; at -= 8)
      value = (value << 64n) | view.getBigUint64(index * width + at, true);
    return decimalText(value, scale);
  };
}

function textReader({ values, valueOffsets, length }: Data): (index: number) => string {
  const offsets = valueOffsets as Int32Array;
  const bytes = values as Uint8Array;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const first = offsets[0] ?? 0;
  const all = buffer.subarray(first, offsets[length] ?? first);
  if (!isAscii(all)) return (index) => buffer.toString('utf8', offsets[index], offsets[index + 1]);
  const text = all.toString('latin1');
  return (index) => text.slice((offsets[index] ?? 0) - first, (offsets[index + 1] ?? 0) - first);
}

function jsonReader(data: Data): Read {
  const text = textReader(data);
  return (index) => {
    try {
      return jsonCell(text(index));
    } catch (error) {
      throw error instanceof SyntaxError ? new Misfit('holds text that is not valid JSON') : error;
    }
  };
}

function bytesReader({ values, valueOffsets }: Data): Read {
  const offsets = valueOffsets as Int32Array;
  const bytes = values as Uint8Array;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (index) => buffer.toString('base64', offsets[index], offsets[index + 1]);
}

const MICROS = 1_000_000;
export const microsecondsPerDay = 86_400_000_000n;

function timeText(value: bigint): string {
  if (value < 0n || value >= microsecondsPerDay)
    throw new Misfit('holds a time of day outside 0 to 24 hours');
  const { seconds, nanos } = momentOf(value, MICROS);
  return clockText(seconds) + fractionText(nanos);
}

function listReader({ valueOffsets, children }: Data, element: ValueShape): Read {
  const offsets = valueOffsets as Int32Array;
  const item = nullableReader(children[0] as Data, element);
  return (index) => {
    const items: Cell[] = [];
    for (let at = offsets[index] ?? 0; at < (offsets[index + 1] ?? 0); at += 1) items.push(item(at));
    return listOf(items);
  };
}

function readerOf(data: Data, shape: ValueShape): Read {
  const type = arrowTypeOf(shape);
  const { values, offset } = data;
  const bigints = values as BigInt64Array;
  const numbers = values as Float64Array;
  switch (type.kind) {
    case 'Bool':
      return (index) => isSet(values as Uint8Array, offset + index);
    case 'Int':
      return intReader(values, shape);
    case 'Float':
      if (type.bits === 64) return (index) => toFloat(numbers[index] as number);
      return (index) => toFloat(shortestOfSingle(numbers[index] as number));
    case 'Decimal':
      return decimalReader(values as Uint32Array, type);
    case 'Utf8':
      return shape.type === 'json' ? jsonReader(data) : textReader(data);
    case 'Binary':
      return bytesReader(data);
    case 'Date32':
      return (index) => dayText(numbers[index] as number);
    case 'Time64':
      return (index) => timeText(bigints[index] as bigint);
    case 'Timestamp':
      return (index) => momentText(momentOf(bigints[index] as bigint, MICROS), type.zone !== null);
    case 'List':
      return listReader(data, shape.element as ValueShape);
  }
}

function nullableReader(data: Data, shape: ValueShape): Read {
  const read = readerOf(data, shape);
  if (data.nullCount === 0) return read;
  const { nullBitmap, offset } = data;
  return (index) => (isSet(nullBitmap as Uint8Array, offset + index) ? read(index) : null);
}

/**
 * The cells that a batch stands for, as a source would return them in rows.
 * @param batch its columns have the types of {@link arrowTypeOf}
 * @param firstRow number of its first row, from 1
 * @throws ConnectorError `unsupported` for a value that a cell cannot hold, naming column and row
 */
export function rowsOf(batch: RecordBatch, columns: readonly Column[], firstRow = 1): Row[] {
  const rows: Cell[][] = Array.from({ length: batch.numRows }, () => []);
  for (const [position, column] of columns.entries()) {
    const read = nullableReader(batch.data.children[position] as Data, column);
    let index = 0;
    try {
      for (const row of rows) {
        row.push(read(index));
        index += 1;
      }
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      throw misfitAt(error.message, { column: column.name, row: firstRow + index });
    }
  }
  return rows;
}
