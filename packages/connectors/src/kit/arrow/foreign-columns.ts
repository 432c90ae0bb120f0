import { isUtf8 } from 'node:buffer';
import type { Data, DataType } from 'apache-arrow';
import type { Column } from '../../interface/data-types.js';
import { misfitAt } from '../misfit.js';
import { countSet, isSet } from './bitmaps.js';
import { broken } from './flat-table.js';
import { type ArrowLibrary, dataTypeOf } from './library.js';
import { MICROSECOND, NANOSECOND, type WireBatch, type WireType } from './messages.js';
import { type ArrowType, arrowName, arrowTypeOf } from './types.js';

// The buffers of a stranger's record batch as those of our columns. Lengths, counts and offsets are checked against the
// bytes that have arrived before the library sees any.

/** Buffers of one batch, taken in the order of the format. */
interface Intake {
  node(): { length: number; nullCount: number };
  buffer(): Uint8Array;
}

type Fill = (arrow: ArrowLibrary, intake: Intake) => Data;
interface Form {
  type: DataType;
  fill: Fill;
}

/** A value that the column cannot hold, by its index. */
class MisfitAt extends Error {
  readonly index: number;

  constructor(message: string, index: number) {
    super(message);
    this.index = index;
  }
}

const notText = 'holds bytes that are not UTF-8 text';
const notTextRemedy =
  'Encode the column in a query, for instance as hexadecimal text, or request only the other columns with "columns".';

/** Whether the type on the wire holds exactly our type's values, in the same buffers or in ones that we convert. */
function carries(wire: WireType, type: ArrowType): boolean {
  switch (type.kind) {
    case 'Bool':
    case 'Date32':
      return wire.kind === type.kind;
    case 'Utf8':
      return wire.kind === 'Utf8' || wire.kind === 'Binary';
    case 'Binary':
      return wire.kind === 'Binary' || (wire.kind === 'Fixed' && wire.bytes > 0);
    case 'Int':
    case 'Float':
      return wire.kind === type.kind && wire.bits === type.bits;
    case 'Decimal':
      return (
        wire.kind === 'Decimal' &&
        wire.bits === type.bits &&
        wire.precision === type.precision &&
        wire.scale === type.scale
      );
    case 'Time64':
      return wire.kind === 'Time' && wire.bits === 64 && wire.unit === MICROSECOND;
    case 'Timestamp':
      return (
        wire.kind === 'Timestamp' &&
        (wire.unit === MICROSECOND || wire.unit === NANOSECOND) &&
        wire.hasZone === (type.zone !== null)
      );
    case 'List':
      return wire.kind === 'List' && carries(wire.item, type.item);
  }
}

interface Validity {
  length: number;
  nullCount: number;
  nullBitmap: Uint8Array | null;
}

function validityOf(intake: Intake, length: number | undefined): Validity {
  const node = intake.node();
  const bitmap = intake.buffer();
  if (length !== undefined && node.length !== length) throw broken('columns of different lengths');
  if (node.nullCount === 0) return { ...node, nullBitmap: null };
  if (node.nullCount > node.length || bitmap.length < (node.length + 7) >> 3)
    throw broken('missing validity');
  if (node.length - countSet(bitmap, node.length) !== node.nullCount) throw broken('a wrong count of nulls');
  return { ...node, nullBitmap: bitmap };
}

/** A buffer that holds at least so many bytes. */
function values(intake: Intake, bytes: number): Uint8Array {
  const buffer = intake.buffer();
  if (!(bytes <= buffer.length)) throw broken('fewer values than announced');
  return buffer.subarray(0, bytes);
}

type TypedArray<Items> = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Items;

/** The bytes as numbers; buffers begin at multiples of eight. */
const numbersIn = <Items>(
  Numbers: TypedArray<Items>,
  { buffer, byteOffset, length }: Uint8Array,
  width: number,
) => new Numbers(buffer, byteOffset, length / width);

/** Starts of the values and the end of the last, which never go back and stay within the data. */
function offsetsIn(intake: Intake, length: number): Int32Array {
  const bytes = intake.buffer();
  if (length === 0) return new Int32Array(1);
  if (bytes.length < (length + 1) * 4) throw broken('fewer offsets than values');
  const offsets = numbersIn(Int32Array, bytes.subarray(0, (length + 1) * 4), 4);
  let last = 0;
  for (const offset of offsets) {
    if (offset < last) throw broken('offsets that go back');
    last = offset;
  }
  return offsets;
}

/** @throws MisfitAt for a value that is not UTF-8 by itself */
function assertUtf8(data: Uint8Array, offsets: Int32Array): void {
  const last = offsets.length - 1;
  const isWhole = isUtf8(data.subarray(offsets[0], offsets[last]));
  for (let index = 0; index < last; index += 1) {
    const at = offsets[index] as number;
    const end = offsets[index + 1] as number;
    const beginsInside = at < end && ((data[at] as number) & 0xc0) === 0x80;
    const endsInside = end < (offsets[last] as number) && ((data[end] as number) & 0xc0) === 0x80;
    if (isWhole ? beginsInside || endsInside : !isUtf8(data.subarray(at, end)))
      throw new MisfitAt(notText, index);
  }
}

const fillVariable =
  (type: DataType, isText: boolean): Fill =>
  (arrow, intake) => {
    const validity = validityOf(intake, undefined);
    const valueOffsets = offsetsIn(intake, validity.length);
    const data = values(intake, valueOffsets.at(-1) as number);
    if (isText) assertUtf8(data, valueOffsets);
    return arrow.makeData({ type, ...validity, valueOffsets, data } as never);
  };

const fillFixed =
  (type: DataType, width: number): Fill =>
  (arrow, intake) => {
    const validity = validityOf(intake, undefined);
    const data = values(intake, validity.length * width);
    if (validity.length * width > 0x7fff_ffff) throw broken('more bytes than a column holds');
    const valueOffsets = Int32Array.from({ length: validity.length + 1 }, (_, index) => index * width);
    return arrow.makeData({ type, ...validity, valueOffsets, data } as never);
  };

const fillBits =
  (type: DataType): Fill =>
  (arrow, intake) => {
    const validity = validityOf(intake, undefined);
    const data = values(intake, Math.ceil(validity.length / 8));
    return arrow.makeData({ type, ...validity, data } as never);
  };

/** @throws MisfitAt for an instant between two microseconds */
function toMicroseconds(nanoseconds: BigInt64Array, { nullBitmap }: Validity): BigInt64Array {
  return nanoseconds.map((value, index) => {
    if (nullBitmap && !isSet(nullBitmap, index)) return 0n;
    if (value % 1000n !== 0n)
      throw new MisfitAt('holds nanoseconds, where six fractional digits are kept', index);
    return value / 1000n;
  });
}

function fillNumbers(type: DataType, { kind, bits }: { kind: string; bits: number }, isNano: boolean): Fill {
  const words = {
    Float32: Float32Array,
    Float64: Float64Array,
    8: Int8Array,
    16: Int16Array,
    32: Int32Array,
  };
  const wide = { 64: BigInt64Array, 128: Uint32Array, 256: Uint32Array };
  const Numbers = { ...words, ...wide }[kind === 'Float' ? `Float${bits as 32 | 64}` : (bits as 8)];
  const width = bits / 8;
  return (arrow, intake) => {
    const validity = validityOf(intake, undefined);
    const bytes = values(intake, validity.length * width);
    const given = numbersIn(
      Numbers as TypedArray<BigInt64Array>,
      bytes,
      Math.min(width, bits > 64 ? 4 : width),
    );
    return arrow.makeData({
      type,
      ...validity,
      data: isNano ? toMicroseconds(given, validity) : given,
    } as never);
  };
}

function fillList(type: DataType, item: Form): Fill {
  return (arrow, intake) => {
    const validity = validityOf(intake, undefined);
    const valueOffsets = offsetsIn(intake, validity.length);
    const child = item.fill(arrow, intake);
    if ((valueOffsets.at(-1) as number) > child.length) throw broken('lists beyond their items');
    return arrow.makeData({ type, ...validity, valueOffsets, child } as never);
  };
}

function formOf(arrow: ArrowLibrary, wire: WireType, type: ArrowType): Form {
  const dataType = dataTypeOf(arrow, type);
  const made = (fill: Fill): Form => ({ type: dataType, fill });
  switch (type.kind) {
    case 'Bool':
      return made(fillBits(dataType));
    case 'Utf8':
      return made(fillVariable(dataType, true));
    case 'Binary':
      return made(wire.kind === 'Fixed' ? fillFixed(dataType, wire.bytes) : fillVariable(dataType, false));
    case 'List': {
      const item = formOf(arrow, (wire as WireType & { kind: 'List' }).item, type.item);
      return made(fillList(dataType, item));
    }
    case 'Date32':
      return made(fillNumbers(dataType, { kind: 'Int', bits: 32 }, false));
    case 'Time64':
    case 'Timestamp': {
      const isNano = wire.kind === 'Timestamp' && wire.unit === NANOSECOND;
      return made(fillNumbers(dataType, { kind: 'Int', bits: 64 }, isNano));
    }
    default:
      return made(fillNumbers(dataType, type, false));
  }
}

/** The columns of a batch. */
export interface ForeignColumns {
  types: readonly DataType[];
  /**
   * @param firstRow number of the batch's first row, from 1
   * @throws BrokenStream for a batch whose parts do not fit together
   * @throws ConnectorError `unsupported` for a value that its column cannot hold
   */
  dataOf(batch: WireBatch, body: Uint8Array, firstRow: number): Data[];
}

/**
 * @param columns those of the plan
 * @throws BrokenStream unless the schema has exactly these
 */
export function foreignColumns(
  arrow: ArrowLibrary,
  given: readonly WireType[],
  columns: readonly Column[],
): ForeignColumns {
  if (given.length !== columns.length) throw broken(`${given.length} columns instead of ${columns.length}`);
  const forms = columns.map((column, position) => {
    const type = arrowTypeOf(column);
    const wire = given[position] as WireType;
    if (!carries(wire, type)) throw broken(`column ${position + 1} of another type than ${arrowName(type)}`);
    return formOf(arrow, wire, type);
  });
  return {
    types: forms.map(({ type }) => type),
    dataOf(batch, body, firstRow) {
      const intake = intakeOf(batch, body);
      const data = forms.map(({ fill }, position) => {
        try {
          const filled = fill(arrow, intake);
          if (filled.length !== batch.length) throw broken('columns of different lengths');
          return filled;
        } catch (error) {
          if (!(error instanceof MisfitAt)) throw error;
          const place = { column: columns[position]?.name ?? '', row: firstRow + error.index };
          throw misfitAt(error.message, place, error.message === notText ? notTextRemedy : undefined);
        }
      });
      if (!intake.isEmpty()) throw broken('more buffers than columns');
      return data;
    },
  };
}

function intakeOf({ nodes, buffers }: WireBatch, body: Uint8Array) {
  let [nextNode, nextBuffer] = [0, 0];
  return {
    node() {
      const node = nodes[nextNode];
      nextNode += 1;
      if (!node) throw broken('fewer nodes than columns');
      return node;
    },
    buffer() {
      const place = buffers[nextBuffer];
      nextBuffer += 1;
      if (!place) throw broken('fewer buffers than columns');
      return body.subarray(place.from, place.to);
    },
    isEmpty: () => nextNode === nodes.length && nextBuffer === buffers.length,
  };
}
