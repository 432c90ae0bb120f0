import type { CompressionCodec, ConvertedType, LogicalType, SchemaElement, TimeUnit } from 'hyparquet';
import {
  CompressionCodecs,
  ConvertedTypes,
  FieldRepetitionTypes,
  ParquetTypes,
} from 'hyparquet/src/constants.js';
import { ConnectorError } from '../../interface/errors.js';
import { depthMax } from './limits.js';
import { brokenParquet, counted, tooLargeParquet } from './parquet-errors.js';
import { parquetLimits } from './parquet-limits.js';
import { ThriftReader } from './parquet-thrift.js';

// The metadata of a file: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift

/** A node of the schema. Levels are the maximum levels of the Dremel encoding at this node. */
export interface SchemaNode {
  element: SchemaElement;
  children: SchemaNode[];
  definition: number;
  repetition: number;
  /** Its leaves are `firstLeaf` up to `endLeaf`, in file order. */
  firstLeaf: number;
  endLeaf: number;
}

/** Pages of one leaf in one row group, as a byte range of the file. */
export interface Chunk {
  start: number;
  end: number;
  codec: CompressionCodec;
}

export interface Footer {
  /** Top-level columns. */
  columns: SchemaNode[];
  leaves: SchemaNode[];
  groups: { rows: number; chunks: (Chunk | undefined)[] }[];
}

const plainLogicalTypes: Readonly<
  Record<number, 'STRING' | 'MAP' | 'LIST' | 'ENUM' | 'DATE' | 'JSON' | 'BSON' | 'UUID' | 'FLOAT16'>
> = {
  1: 'STRING',
  2: 'MAP',
  3: 'LIST',
  4: 'ENUM',
  6: 'DATE',
  12: 'JSON',
  13: 'BSON',
  14: 'UUID',
  15: 'FLOAT16',
};
const units: readonly TimeUnit[] = ['MILLIS', 'MICROS', 'NANOS'];

function readLogicalType(thrift: ThriftReader, type: number): LogicalType | undefined {
  let found: LogicalType | undefined;
  const integers = (take: (first: number, second: number, flag: boolean) => LogicalType) => (at: number) => {
    const numbers = [0, 0];
    let flag = false;
    const field = (index: number) => (each: number) => {
      if (each <= 2) flag = thrift.boolean(each);
      else numbers[index] = thrift.integer(each);
    };
    thrift.struct(at, { 1: field(0), 2: field(1) });
    found = take(numbers[0] ?? 0, numbers[1] ?? 0, flag);
  };
  const time = (name: 'TIME' | 'TIMESTAMP') => (at: number) => {
    let isAdjustedToUTC = false;
    let unit: TimeUnit | undefined;
    const field = (name: TimeUnit) => (each: number) => {
      thrift.skip(each);
      unit = name;
    };
    thrift.struct(at, {
      1: (each) => {
        isAdjustedToUTC = thrift.boolean(each);
      },
      2: (each) =>
        thrift.struct(each, Object.fromEntries(units.map((name, index) => [index + 1, field(name)]))),
    });
    if (!unit) throw brokenParquet('a time without a unit');
    found = { type: name, isAdjustedToUTC, unit };
  };
  const plain = Object.entries(plainLogicalTypes).map(([id, name]) => [
    id,
    (at: number) => {
      thrift.skip(at);
      found = { type: name };
    },
  ]);
  thrift.struct(type, {
    ...Object.fromEntries(plain),
    5: integers((scale, precision) => ({ type: 'DECIMAL', scale, precision })),
    7: time('TIME'),
    8: time('TIMESTAMP'),
    10: integers((bitWidth, _, isSigned) => ({ type: 'INTEGER', bitWidth, isSigned })),
    16: integers((specification_version) => ({ type: 'VARIANT', specification_version })),
  });
  return found;
}

function readElement(thrift: ThriftReader, type: number): SchemaElement {
  let name: string | undefined;
  const element: Partial<SchemaElement> = {};
  const set =
    <Value>(key: keyof SchemaElement, read: (at: number) => Value | undefined) =>
    (at: number) => {
      const value = read(at);
      if (value !== undefined) Object.assign(element, { [key]: value });
    };
  const integer = (at: number) => thrift.integer(at);
  thrift.struct(type, {
    1: set('type', (at) => ParquetTypes[integer(at)]),
    2: set('type_length', integer),
    3: set('repetition_type', (at) => FieldRepetitionTypes[integer(at)]),
    4: (at) => {
      name = thrift.text(at);
    },
    5: set('num_children', (at) => counted(integer(at))),
    6: set('converted_type', (at): ConvertedType | undefined => ConvertedTypes[integer(at)]),
    7: set('scale', integer),
    8: set('precision', integer),
    10: set('logical_type', (at) => readLogicalType(thrift, at)),
  });
  if (name === undefined) throw brokenParquet('a column without a name');
  return { ...element, name };
}

function readChunk(thrift: ThriftReader, type: number): Chunk | undefined {
  let chunk: Chunk | undefined;
  let isEncrypted = false;
  thrift.struct(type, {
    1: () => {
      throw new ConnectorError('unsupported', 'The Parquet file stores its columns in other files.', {
        remedy: 'Read those files directly, or combine them into one.',
      });
    },
    3: (at) => {
      const numbers = { codec: 0, stored: 0, data: 0, dictionary: 0 };
      const set = (name: keyof typeof numbers) => (each: number) => {
        numbers[name] = counted(thrift.integer(each));
      };
      thrift.struct(at, {
        4: set('codec'),
        7: set('stored'),
        9: set('data'),
        11: set('dictionary'),
      });
      const codec = CompressionCodecs[numbers.codec];
      if (!codec) throw brokenParquet('an unknown compression codec');
      const start = numbers.dictionary || numbers.data;
      chunk = { start, end: start + numbers.stored, codec };
    },
    8: (at) => {
      thrift.skip(at);
      isEncrypted = true;
    },
  });
  return isEncrypted ? undefined : chunk;
}

function buildTree(elements: readonly SchemaElement[]): { root: SchemaNode; leaves: SchemaNode[] } {
  const leaves: SchemaNode[] = [];
  let next = 0;
  const build = (depth: number, definition: number, repetition: number): SchemaNode => {
    const element = elements[next];
    if (!element) throw brokenParquet('a truncated schema');
    if (depth > depthMax) throw tooLargeParquet(`columns nested deeper than ${depthMax} levels`);
    next += 1;
    const isRoot = depth === 0;
    const isRepeated = !isRoot && element.repetition_type === 'REPEATED';
    const isOptional = !isRoot && element.repetition_type === 'OPTIONAL';
    const node: SchemaNode = {
      element,
      children: [],
      definition: definition + (isRepeated || isOptional ? 1 : 0),
      repetition: repetition + (isRepeated ? 1 : 0),
      firstLeaf: leaves.length,
      endLeaf: leaves.length,
    };
    for (let child = 0; child < (element.num_children ?? 0); child += 1) {
      node.children.push(build(depth + 1, node.definition, node.repetition));
    }
    if (node.children.length === 0 && !isRoot) leaves.push(node);
    node.endLeaf = leaves.length;
    return node;
  };
  const root = build(0, 0, 0);
  return { root, leaves };
}

/**
 * Reads a footer.
 * @param bytes the footer without the length and the magic that follow it
 */
export function readFooter(bytes: Uint8Array): Footer {
  const thrift = new ThriftReader(bytes);
  const elements: SchemaElement[] = [];
  const groups: Footer['groups'] = [];
  let parts = 0;
  const assertPart = () => {
    parts += 1;
    if (parts > parquetLimits.chunksMax) throw tooLargeParquet('too many row groups');
  };
  const readGroup = (type: number) => {
    let rows: number | undefined;
    const chunks: (Chunk | undefined)[] = [];
    assertPart();
    thrift.struct(type, {
      1: (at) =>
        thrift.elements(at, (each) => {
          assertPart();
          chunks.push(readChunk(thrift, each));
        }),
      3: (at) => {
        rows = counted(thrift.integer(at));
      },
    });
    if (rows === undefined) throw brokenParquet('a row group without a row count');
    groups.push({ rows, chunks });
  };
  thrift.root({
    2: (at) =>
      thrift.elements(at, (each) => {
        if (elements.length >= parquetLimits.schemaElementsMax) throw tooLargeParquet('too many columns');
        elements.push(readElement(thrift, each));
      }),
    4: (at) => thrift.elements(at, readGroup),
  });
  const { root, leaves } = buildTree(elements);
  if (
    groups.some(({ chunks, rows }) => chunks.length !== leaves.length || (leaves.length === 0 && rows > 0))
  ) {
    throw brokenParquet('a row group whose columns do not match the schema');
  }
  return { columns: root.children, leaves, groups };
}
