import { brotliCompressSync, gzipSync } from 'node:zlib';
import { fuzz } from '@mooring/lab/fuzz';
import { full } from '@mooring/lab/test-tier';
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { ConnectorError } from '../../interface/errors.js';
import { memoryFile, readAll } from './memory-file.js';
import {
  codecs,
  element,
  encodings,
  type Forged,
  forge,
  levels,
  page,
  run,
  thrift,
  withFooter,
} from './parquet-forge.js';

const refusals = new Set(['protocol_error', 'too_large', 'unsupported']);
const isRefusal = (error: unknown) => error instanceof ConnectorError && refusals.has(error.kind);

/** A file may claim any number of rows; these are enough to go through its pages. */
const read = (bytes: Buffer) => readAll(memoryFile('a.parquet', bytes), { limit: 2000 });

const count = 40;
const numbers = Array.from({ length: count }, (_, index) => index * 3 - 50);

function written(columnData: ColumnSource[], codec: 'SNAPPY' | 'UNCOMPRESSED' = 'UNCOMPRESSED'): Buffer {
  return Buffer.from(parquetWriteBuffer({ columnData, codec, rowGroupSize: 25 }));
}

const columns: ColumnSource[] = [
  { name: 'i', data: numbers, type: 'INT32' },
  { name: 'b', data: numbers.map(BigInt), type: 'INT64', encoding: 'DELTA_BINARY_PACKED' },
  { name: 'd', data: numbers.map((number) => number % 3), type: 'DOUBLE', encoding: 'BYTE_STREAM_SPLIT' },
  { name: 's', data: numbers.map((number) => (number % 4 === 0 ? null : `row ${number}`)), type: 'STRING' },
  { name: 'p', data: numbers.map((number) => `row ${number}`), type: 'STRING', encoding: 'DELTA_BYTE_ARRAY' },
  { name: 'l', data: numbers.map(String), type: 'STRING', encoding: 'DELTA_LENGTH_BYTE_ARRAY' },
  { name: 't', data: numbers.map((number) => number % 2 === 0), type: 'BOOLEAN' },
  { name: 'c', data: numbers.map((number) => `${number % 5}`), type: 'STRING' },
];

/** Lists of structs, with a null and an empty one. */
const nested = parquetWriteBuffer({
  codec: 'UNCOMPRESSED',
  schema: [
    { name: 'root', num_children: 1 },
    { name: 'tags', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'OPTIONAL', num_children: 2 },
    { name: 'a', repetition_type: 'OPTIONAL', type: 'INT64' },
    { name: 'b', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  ],
  columnData: [
    {
      name: 'tags',
      data: [
        [
          { a: 1n, b: 'x' },
          { a: null, b: 'y' },
        ],
        [],
        null,
        [{ a: 2n, b: null }],
      ],
    },
  ],
});

/** One INT32 page under a codec that the writer lacks. */
function compressed(codec: number, compress: (plain: Buffer) => Buffer): Buffer {
  const plain = Buffer.concat([levels(count, 1), Buffer.alloc(count * 4, 3)]);
  const pages = page({ values: count, encoding: encodings.plain, bytes: plain.length }, compress(plain));
  return forge({ elements: [element('n', 1)], rows: count, columns: [{ pages, codec }] });
}

/** A zstd frame of one raw block. */
const zstd = (plain: Buffer) => {
  const block = Buffer.alloc(3);
  block.writeUIntLE((plain.length << 3) | 1, 0, 3);
  return Buffer.concat([Buffer.from('28b52ffd20', 'hex'), Buffer.of(plain.length), block, plain]);
};
/** An LZ4 block that ends with a match. */
const lz4 = (plain: Buffer) =>
  Buffer.concat([
    Buffer.of(0x8f),
    plain.subarray(0, 8),
    Buffer.of(1, 0),
    Buffer.of(plain.length - 8 - 4 - 15),
  ]);

const corpus = [
  written(columns),
  written(columns, 'SNAPPY'),
  ...columns.map((column) => written([column])),
  Buffer.from(nested),
  compressed(codecs.gzip, gzipSync),
  compressed(codecs.brotli, (plain) => brotliCompressSync(plain)),
  compressed(codecs.zstd, zstd),
  compressed(codecs.lz4Raw, lz4),
];

const edges = [0, 1, 2, 7, 8, 255, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, -1, -(2 ** 31)];

/** A file by choices: each byte of the input makes one, so that most files are whole in form and wrong in what they say. */
function chosen(choices: Buffer): Buffer {
  let at = 0;
  const choose = (below: number) => {
    at += 1;
    return (choices[at - 1] ?? 0) % below;
  };
  /** Mostly the right number. */
  const number = (right: number) => (choose(6) === 0 ? (edges[choose(edges.length)] ?? 0) : right);
  const rest = () => {
    at += 8;
    return choices.subarray(at - 8, at);
  };
  const onePage = (): Buffer => {
    const values = number(1 + choose(20));
    const body = Buffer.concat([
      choose(2) === 0 ? levels(number(values), choose(4), 1 + choose(3)) : Buffer.alloc(0),
      choose(2) === 0 ? levels(number(values), 1) : Buffer.alloc(0),
      choose(2) === 0
        ? Buffer.concat([Buffer.of(number(1) & 255), run(number(values) & 0xffff, 0, 8)])
        : rest(),
    ]);
    const sizes = { 1: number([0, 0, 2, 3][choose(4)] ?? 0), 2: number(body.length), 3: number(body.length) };
    const counts = { 1: values, 2: number(choose(10)), 3: number(3), 4: number(3) };
    const second = {
      1: values,
      2: 0,
      3: values,
      4: number(choose(10)),
      5: number(2),
      6: number(2),
      7: choose(2) === 0,
    };
    return Buffer.concat([thrift({ ...sizes, 5: counts, 7: counts, 8: second }), body]);
  };
  const leaf = (name: string) => {
    const annotation = choose(3) === 0 ? { 6: number(choose(22)) } : {};
    return element(name, number(choose(8)), number(choose(3)), { 2: number(4), 7: number(2), ...annotation });
  };
  const elements: Forged[] = [];
  const columns = Array.from({ length: 1 + choose(3) }, (_, index) => {
    if (choose(2) === 0)
      elements.push(element(`g${index}`, { children: number(1) }, choose(3), { 6: number(choose(5)) }));
    elements.push(leaf(`c${index}`));
    const pages = Buffer.concat(Array.from({ length: 1 + choose(3) }, onePage));
    return { pages, codec: choose(4) === 0 ? number(choose(8)) : 0, values: number(10) };
  });
  return forge({ elements, rows: number(1 + choose(20)), columns });
}

describe('mutated Parquet files', () => {
  it('TR17: are read or refused with an error, in bounded time and memory, whichever bytes are changed', async () => {
    for (const bytes of corpus) expect((await read(bytes)).rows.length).toBeGreaterThan(0);
    const tokens = [
      Buffer.from('PAR1'),
      Buffer.of(0x1c),
      Buffer.of(0x19, 0xfc, 0xff, 0xff, 0xff, 0x7f),
      Buffer.of(0xff, 0xff, 0xff, 0xff, 0x0f),
    ];
    await fuzz({
      name: 'parquet bytes',
      corpus,
      tokens,
      runs: full(20_000, 400),
      bytesMax: 16_384,
      read,
      isRefusal,
    });
  });

  it('TR17: are read or refused with an error, in bounded time and memory, whatever footer and page headers claim', async () => {
    const seeds = [0, 1, 2, 3].map((seed) =>
      Buffer.from(Array.from({ length: 200 }, (_, at) => (at * (7 + seed * 30) + seed) & 255)),
    );
    const { accepted, refused } = await fuzz({
      name: 'parquet claims',
      corpus: seeds,
      runs: full(50_000, 1_000),
      bytesMax: 512,
      read: (choices) => read(chosen(choices)),
      isRefusal,
    });
    expect(accepted).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });

  it('TR17: whose footer alone is changed are read or refused with an error', async () => {
    const [first = Buffer.alloc(0)] = corpus;
    const end = first.length - 8;
    const start = end - first.readUInt32LE(end);
    await fuzz({
      name: 'parquet footers',
      corpus: [first.subarray(start, end)],
      runs: full(20_000, 400),
      bytesMax: 16_384,
      read: (footer) => read(withFooter(first.subarray(0, start), footer)),
      isRefusal,
    });
  });
});
