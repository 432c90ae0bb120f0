import type { NeutralType, ValueShape } from '../../interface/data-types.js';

/** An Arrow type, as data. Times are in microseconds. */
export type ArrowType =
  | { kind: 'Bool' | 'Utf8' | 'Binary' | 'Date32' | 'Time64' }
  | { kind: 'Int'; bits: 8 | 16 | 32 | 64 }
  | { kind: 'Float'; bits: 32 | 64 }
  | { kind: 'Decimal'; bits: 128 | 256; precision: number; scale: number }
  | { kind: 'Timestamp'; zone: 'UTC' | null }
  | { kind: 'List'; item: ArrowType };

/** Most digits of Arrow's decimals of 128 and 256 bits. */
const digitsMax = { 128: 38, 256: 76 } as const;

const plain: Readonly<Record<Exclude<NeutralType, 'integer' | 'bigint' | 'float' | 'decimal'>, ArrowType>> = {
  boolean: { kind: 'Bool' },
  string: { kind: 'Utf8' },
  date: { kind: 'Date32' },
  time: { kind: 'Time64' },
  timestamp: { kind: 'Timestamp', zone: 'UTC' },
  datetime: { kind: 'Timestamp', zone: null },
  bytes: { kind: 'Binary' },
  json: { kind: 'Utf8' },
};

function decimalType({ precision, scale }: ValueShape): ArrowType {
  if (precision === undefined || scale === undefined || precision > digitsMax[256]) return { kind: 'Utf8' };
  return { kind: 'Decimal', bits: precision > digitsMax[128] ? 256 : 128, precision, scale };
}

/**
 * The Arrow type of a column, from the metadata that its source returns before any rows. Decimals without a declared
 * precision, and lists of mixed types, are text.
 */
export function arrowTypeOf(shape: ValueShape): ArrowType {
  const { type, width, element } = shape;
  switch (type) {
    case 'integer':
    case 'bigint':
      return { kind: 'Int', bits: width ?? 64 };
    case 'float':
      return { kind: 'Float', bits: width === 32 ? 32 : 64 };
    case 'decimal':
      return decimalType(shape);
    case 'json':
      return element && element.type !== 'json' ? { kind: 'List', item: arrowTypeOf(element) } : plain.json;
    default:
      return plain[type];
  }
}

/** As users know it: `Decimal128(10, 2)`. */
export function arrowName(type: ArrowType): string {
  switch (type.kind) {
    case 'Int':
    case 'Float':
      return `${type.kind}${type.bits}`;
    case 'Decimal':
      return `Decimal${type.bits}(${type.precision}, ${type.scale})`;
    case 'Timestamp':
      return type.zone === null ? 'Timestamp(µs)' : `Timestamp(µs, ${type.zone})`;
    case 'List':
      return `List<${arrowName(type.item)}>`;
    case 'Time64':
      return 'Time64(µs)';
    default:
      return type.kind;
  }
}

/** Parts of a record batch: a column has nodes, and each node its buffers (Columnar Format 1.5, "Buffer listing"). */
export interface ArrowLayout {
  nodes: number;
  buffers: number;
}

export function layoutOf(type: ArrowType): ArrowLayout {
  if (type.kind === 'List') {
    const { nodes, buffers } = layoutOf(type.item);
    return { nodes: nodes + 1, buffers: buffers + 2 };
  }
  return { nodes: 1, buffers: type.kind === 'Utf8' || type.kind === 'Binary' ? 3 : 2 };
}
