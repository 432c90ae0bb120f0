import { broken, FlatTable } from './flat-table.js';

// Messages of Arrow's IPC format (Columnar Format 1.5, "Encapsulated message format"; Message.fbs and Schema.fbs). A
// source may send no dictionaries and no compression, which would expand here.

/** The type of a field. What we do not read is `Other`. */
export type WireType =
  | { kind: 'Bool' | 'Utf8' | 'Binary' | 'Date32' | 'Other' }
  | { kind: 'Int' | 'Float'; bits: number }
  | { kind: 'Decimal'; bits: number; precision: number; scale: number }
  | { kind: 'Time'; bits: number; unit: number }
  | { kind: 'Timestamp'; unit: number; hasZone: boolean }
  | { kind: 'Fixed'; bytes: number }
  | { kind: 'List'; item: WireType };

/** Units of times. */
export const MICROSECOND = 2;
export const NANOSECOND = 3;

const typeId = { Int: 2, Float: 3, Binary: 4, Utf8: 5, Bool: 6, Decimal: 7, Date: 8, Time: 9, Timestamp: 10 };
const listId = 12;
const fixedId = 15;
const header = { schema: 1, dictionary: 2, batch: 3 } as const;

const other: WireType = { kind: 'Other' };

function typeOf(field: FlatTable, depth: number): WireType {
  if (field.table(4)) throw broken('a dictionary');
  const type = field.table(3);
  if (!type) throw broken('a field without a type');
  switch (field.byte(2)) {
    case typeId.Int:
      return type.byte(1) === 1 ? { kind: 'Int', bits: type.int(0) } : other;
    case typeId.Float:
      return { kind: 'Float', bits: 16 << type.short(0) };
    case typeId.Binary:
      return { kind: 'Binary' };
    case typeId.Utf8:
      return { kind: 'Utf8' };
    case typeId.Bool:
      return { kind: 'Bool' };
    case typeId.Decimal:
      return { kind: 'Decimal', precision: type.int(0), scale: type.int(1), bits: type.int(2, 128) };
    case typeId.Date:
      return type.short(0, 1) === 0 ? { kind: 'Date32' } : other;
    case typeId.Time:
      return { kind: 'Time', unit: type.short(0, 1), bits: type.int(1, 32) };
    case typeId.Timestamp:
      return { kind: 'Timestamp', unit: type.short(0), hasZone: type.hasText(1) };
    case fixedId:
      return { kind: 'Fixed', bytes: type.int(0) };
    case listId: {
      const [item] = field.tables(5, 1);
      if (!item || depth > 0) throw broken('a list of an unexpected shape');
      return { kind: 'List', item: typeOf(item, depth + 1) };
    }
    default:
      return other;
  }
}

function typesIn(table: FlatTable, columnsMax: number): WireType[] {
  if (table.short(0) !== 0) throw broken('numbers in big-endian order');
  return table.tables(1, columnsMax).map((field) => typeOf(field, 0));
}

/** Values of one node: how many, and how many of them are null. */
export interface WireNode {
  length: number;
  nullCount: number;
}

/** A part of the body. */
export interface WireBuffer {
  from: number;
  to: number;
}

export interface WireBatch {
  length: number;
  nodes: WireNode[];
  buffers: WireBuffer[];
}

/** Buffers lie in their order, aligned and apart: none can be sent once and be counted many times. */
function buffersIn(table: FlatTable, bodyBytes: number): WireBuffer[] {
  const { at, length } = table.vector(2, 16) ?? { at: 0, length: 0 };
  let end = 0;
  return Array.from({ length }, (_, index) => {
    const from = table.sizeAt(at + index * 16);
    const size = table.sizeAt(at + index * 16 + 8);
    if (size === 0) return { from: end, to: end };
    if (from < end || from % 8 !== 0 || from + size > bodyBytes)
      throw broken('a buffer outside of its place');
    end = from + size;
    return { from, to: end };
  });
}

function batchIn(table: FlatTable, bodyBytes: number): WireBatch {
  if (table.table(3)) throw broken('a compressed batch');
  const { at, length } = table.vector(1, 16) ?? { at: 0, length: 0 };
  const nodes = Array.from({ length }, (_, index) => ({
    length: table.sizeAt(at + index * 16),
    nullCount: table.sizeAt(at + index * 16 + 8),
  }));
  return { length: table.size(0), nodes, buffers: buffersIn(table, bodyBytes) };
}

export type WireMessage =
  | { kind: 'schema'; types: WireType[]; bodyBytes: number }
  | { kind: 'batch'; bodyBytes: number; batch(): WireBatch };

/** @throws BrokenStream for anything but a plain record batch or a schema of at most so many columns */
export function messageOf(metadata: Uint8Array, columnsMax: number): WireMessage {
  const message = FlatTable.root(metadata);
  const table = message.table(2);
  if (!table) throw broken('a message without a header');
  const bodyBytes = message.size(3);
  switch (message.byte(1)) {
    case header.schema:
      return { kind: 'schema', types: typesIn(table, columnsMax), bodyBytes };
    case header.batch:
      return { kind: 'batch', bodyBytes, batch: () => batchIn(table, bodyBytes) };
    case header.dictionary:
      throw broken('a dictionary');
    default:
      throw broken('a message of an unknown kind');
  }
}
