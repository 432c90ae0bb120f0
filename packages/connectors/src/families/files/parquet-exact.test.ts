import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { jsonTextOf } from '../../spec/data-types.js';
import { memoryFile, readAll, readFailure } from './memory-file.js';
import {
  element,
  encodings,
  type Forged,
  forge,
  page,
  repetitions,
  run,
  thrift,
  varint,
} from './parquet-forge.js';

const [boolean, int32, int64, int96, float, double, byteArray, fixed] = [0, 1, 2, 3, 4, 5, 6, 7];
const { required, repeated } = repetitions;
const fileOf = (bytes: Buffer) => memoryFile('a.parquet', bytes);
const plain = (values: number, ...body: Buffer[]) => ({
  pages: page({ values, encoding: encodings.plain }, Buffer.concat(body)),
});

const i32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
};
const i64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
};
const f64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
};
const blob = (value: Buffer | string) => Buffer.concat([i32(Buffer.byteLength(value)), Buffer.from(value)]);

interface Stored {
  type: number | undefined;
  more?: Forged;
  bytes: Buffer;
}

/** A file of one row: the value as the column `x`, and in a struct of the column `s`. */
const twice = ({ type = int32, more, bytes }: Stored) =>
  fileOf(
    forge({
      elements: [
        element('x', type, required, more),
        element('s', { children: 1 }, required),
        element('y', type, required, more),
      ],
      rows: 1,
      columns: [plain(1, bytes), plain(1, bytes)],
      top: 2,
    }),
  );

const stamp = (unit: number, isUtc = true): Forged => ({ 10: { 8: { 1: isUtc, 2: { [unit]: {} } } } });
const time = (unit: number): Forged => ({ 10: { 7: { 1: false, 2: { [unit]: {} } } } });
const [millis, micros, nanos] = [1, 2, 3];
const annotated = (converted: number, more: object = {}): Forged => ({ 6: converted, ...more }) as Forged;
const decimal = (precision: number, scale: number) => annotated(5, { 7: scale, 8: precision });
const julian = (day: number, nanosOfDay: bigint) => Buffer.concat([i64(nanosOfDay), i32(day)]);
const hex = (digits: string) => Buffer.from(digits, 'hex');

const values: [string, Stored, string | number | boolean][] = [
  ['SU1: a decimal', { type: int64, more: decimal(9, 4), bytes: i64(123_450_000n) }, '12345.0000'],
  [
    'SU1: a decimal of 38 digits',
    {
      type: fixed,
      more: { ...(decimal(38, 2) as object), 2: 16 },
      bytes: hex('4b3b4ca85a86c47a098a223fffffffff'),
    },
    '999999999999999999999999999999999999.99',
  ],
  ['VA7: a date', { type: int32, more: annotated(6), bytes: i32(19_782) }, '2024-02-29'],
  ['VA7: an infinite date', { type: int32, more: annotated(6), bytes: i32(2 ** 31 - 1) }, 'infinity'],
  ['VA7: a far date', { type: int32, more: annotated(6), bytes: i32(2 ** 31 - 2) }, '+5881580-07-10'],
  [
    'VA7: a local timestamp',
    { type: int64, more: stamp(micros, false), bytes: i64(123_456n) },
    '1970-01-01T00:00:00.123456',
  ],
  ['VA7: an instant', { type: int64, more: stamp(millis), bytes: i64(-1n) }, '1969-12-31T23:59:59.999000Z'],
  [
    'VA7: nanoseconds',
    { type: int64, more: stamp(nanos), bytes: i64(1_730_982_834_123_456_789n) },
    '2024-11-07T12:33:54.123456789Z',
  ],
  [
    'VA7: a far timestamp',
    { type: int64, more: stamp(micros), bytes: i64(-(2n ** 63n) + 2n) },
    '-290308-12-21T19:59:05.224194Z',
  ],
  ['VA7: infinity', { type: int64, more: stamp(micros), bytes: i64(-(2n ** 63n) + 1n) }, '-infinity'],
  ['VA7: a time of day', { type: int64, more: time(micros), bytes: i64(36_672_500_000n) }, '10:11:12.500000'],
  ['SU4: INT96', { type: int96, bytes: julian(2_440_588, 1n) }, '1970-01-01T00:00:00.000000001'],
  [
    'SU4: INT96 beyond 64 bits of nanoseconds',
    { type: int96, bytes: julian(5_373_484, 86_399_999_999_999n) },
    '9999-12-31T23:59:59.999999999',
  ],
  ['SU4: an ENUM', { type: byteArray, more: annotated(4), bytes: blob('RED') }, 'RED'],
  ['SU4: text', { type: byteArray, more: annotated(0), bytes: blob('\ufeffa\ufffdb') }, '\ufeffa\ufffdb'],
  ['SU4: bytes', { type: byteArray, bytes: blob(hex('00ff')) }, 'AP8='],
  [
    'SU4: an interval',
    {
      type: fixed,
      more: { ...(annotated(21) as object), 2: 12 },
      bytes: Buffer.concat([i32(14), i32(3), i32(1500)]),
    },
    'P14M3DT1.500000S',
  ],
  ['SU4: half a float', { type: fixed, more: { 2: 2, 10: { 15: {} } }, bytes: hex('01c0') }, -2.001953125],
  [
    'SU4: an unsigned integer of 64 bits',
    { type: int64, more: annotated(14), bytes: i64(-1n) },
    '18446744073709551615',
  ],
  ['SU4: an unsigned integer', { type: int32, more: annotated(13), bytes: i32(-1) }, 4_294_967_295],
  ['SU4: NaN', { type: double, bytes: f64(Number.NaN) }, 'NaN'],
  ['SU4: a boolean', { type: boolean, bytes: Buffer.of(1) }, true],
  ['SU4: a float', { type: float, bytes: hex('0000c03f') }, 1.5],
];

describe('a Parquet value', () => {
  it.each(values)('%s is exact, within a struct as at the top level', async (_, stored, right) => {
    const { rows } = await readAll(twice(stored));
    expect(rows).toEqual([[right, { y: right }]]);
  });

  it('SU4: of minus zero keeps its sign', async () => {
    const { rows } = await readAll(twice({ type: double, bytes: f64(-0) }));
    const [top, nested] = rows[0] ?? [];
    expect(Object.is(top, -0)).toBe(true);
    expect(jsonTextOf(nested ?? null)).toBe('{"y":-0}');
  });

  it('tells precision, scale, width and what lists are of', async () => {
    const listed = [
      element('l', { children: 1 }, required, annotated(3)),
      element('list', { children: 1 }, repeated),
      element('element', int64, required, decimal(18, 3)),
    ];
    const elements = [element('d', int32, required, decimal(9, 4)), element('f', float, required), ...listed];
    const column = { pages: Buffer.alloc(0) };
    const { columns } = await readAll(
      fileOf(forge({ elements, rows: 0, columns: [column, column, column], top: 3 })),
    );
    expect(columns).toEqual([
      { name: 'd', type: 'decimal', precision: 9, scale: 4, nullable: false },
      { name: 'f', type: 'float', width: 32, nullable: false },
      { name: 'l', type: 'json', nullable: false, element: { type: 'decimal', precision: 18, scale: 3 } },
    ]);
  });

  it.each([
    ['SU4', 'a negative time of day', { type: int64, more: time(micros), bytes: i64(-1n) }, /time of day/],
    [
      'SU4',
      'an INT96 of a longer day',
      { type: int96, bytes: julian(2_440_588, 2n ** 63n - 1n) },
      /24 hours/,
    ],
    [
      'SU6',
      'text that is not UTF-8',
      { type: byteArray, more: annotated(0), bytes: blob(hex('ff')) },
      /UTF-8/,
    ],
    [
      'SU6',
      'JSON that is not UTF-8',
      { type: byteArray, more: annotated(19), bytes: blob(hex('22ff22')) },
      /JSON|UTF-8/,
    ],
  ] as const)(
    '%s: of %s is refused in words, its column and row named',
    async (_id, _what, stored, words) => {
      const top = await readFailure(twice(stored), { columns: ['x'] });
      expect(top.message).toMatch(words);
      expect(top.message).toMatch(/^Column "x" of row 1 /);
      expect((await readFailure(twice(stored), { columns: ['s'] })).message).toMatch(/^Column "s" of row 1 /);
    },
  );
});

/** Levels, with their length in front. */
const levelsOf = (...levels: number[]) => {
  const runs = Buffer.concat(levels.map((level) => run(1, level, 1)));
  return Buffer.concat([i32(runs.length), runs]);
};

/** A map of two entries whose values are 10 and 20. */
const mapOf = (key: Forged[], ...keys: Buffer[][]) =>
  fileOf(
    forge({
      elements: [
        element('m', { children: 1 }, required, annotated(1)),
        element('key_value', { children: 2 }, repeated),
        ...key,
        element('value', int32, required),
      ],
      rows: 1,
      columns: [...keys, [i32(10), i32(20)]].map((each) => plain(2, levelsOf(0, 1), levelsOf(1, 1), ...each)),
      top: 1,
    }),
  );
const textKey = [element('key', byteArray, required, annotated(0))];

describe('a Parquet map', () => {
  it('VA7: of keys that are text is an object, whatever their names', async () => {
    const { rows } = await readAll(mapOf(textKey, [blob('__proto__'), blob('x')]));
    expect(JSON.stringify(rows)).toBe('[[{"__proto__":10,"x":20}]]');
  });

  it('VA7: of structs or timestamps as keys is a list of its entries', async () => {
    const structs = mapOf(
      [element('key', { children: 1 }, required), element('a', int32, required)],
      [i32(1), i32(2)],
    );
    expect((await readAll(structs)).rows).toEqual([
      [
        [
          { key: { a: 1 }, value: 10 },
          { key: { a: 2 }, value: 20 },
        ],
      ],
    ]);
    const stamps = mapOf([element('key', int64, required, stamp(millis))], [i64(100n), i64(200n)]);
    expect((await readAll(stamps)).rows).toEqual([
      [
        [
          { key: '1970-01-01T00:00:00.100000Z', value: 10 },
          { key: '1970-01-01T00:00:00.200000Z', value: 20 },
        ],
      ],
    ]);
  });

  it('VA7: without values is a list of its keys', async () => {
    const set = fileOf(
      forge({
        elements: [
          element('m', { children: 1 }, required, annotated(1)),
          element('key_value', { children: 1 }, repeated),
          element('key', int32, required),
        ],
        rows: 1,
        columns: [plain(2, levelsOf(0, 1), levelsOf(1, 1), i32(1), i32(2))],
        top: 1,
      }),
    );
    const { columns, rows } = await readAll(set);
    expect(columns[0]).toMatchObject({ type: 'json', element: { type: 'integer', width: 32 } });
    expect(rows).toEqual([[[1, 2]]]);
  });

  it('VA7: that has a key twice is refused, the key named', async () => {
    const { message } = await readFailure(mapOf(textKey, [blob('x'), blob('x')]));
    expect(message).toBe('Column "m" of row 1 of the file holds a map that repeats the key "x".');
  });
});

/** A page of version 2: its levels are not compressed. */
const page2 = (values: number, levels: Buffer, body: Buffer, bytes: number) =>
  Buffer.concat([
    thrift({
      1: 3,
      2: levels.length + bytes,
      3: levels.length + body.length,
      8: { 1: values, 2: values, 3: values, 4: encodings.plain, 5: levels.length, 6: 0, 7: true },
    }),
    levels,
    body,
  ]);

describe('a Parquet file', () => {
  it('SU4: with a repeated field that no list surrounds has an empty list where it is empty', async () => {
    const pages = page(
      { values: 3, encoding: encodings.plain },
      Buffer.concat([levelsOf(0, 1, 0), levelsOf(1, 1, 0), i32(1), i32(2)]),
    );
    const file = fileOf(forge({ elements: [element('r', int32, repeated)], rows: 2, columns: [{ pages }] }));
    expect((await readAll(file)).rows).toEqual([[[1, 2]], [[]]]);
  });

  it('lists are of what older writers put straight into them', async () => {
    const file = fileOf(
      forge({
        elements: [
          element('l', { children: 1 }, required, annotated(3)),
          element('array', { children: 1 }, repeated),
          element('a', int32, required),
        ],
        rows: 1,
        columns: [plain(2, levelsOf(0, 1), levelsOf(1, 1), i32(1), i32(2))],
        top: 1,
      }),
    );
    expect((await readAll(file)).rows).toEqual([[[{ a: 1 }, { a: 2 }]]]);
  });

  it('SU5: with an empty page that Snappy made is read', async () => {
    const elements = [element('n', int32)];
    const pages = page2(1, run(1, 0, 1), Buffer.alloc(0), 0);
    const packed = page2(1, run(1, 0, 1), varint(0), 0);
    for (const each of [pages, packed]) {
      const file = fileOf(forge({ elements, rows: 1, columns: [{ pages: each, codec: 1 }] }));
      expect((await readAll(file)).rows).toEqual([[null]]);
    }
  });

  it('SU6: with a page that does not match its checksum is refused', async () => {
    const elements = [element('n', int32, required)];
    const fileWith = (checksum: number) =>
      fileOf(
        forge({
          elements,
          rows: 1,
          columns: [{ pages: page({ values: 1, encoding: encodings.plain, checksum }, i32(7)) }],
        }),
      );
    expect((await readAll(fileWith(crc32(i32(7))))).rows).toEqual([[7]]);
    const { message, remedy } = await readFailure(fileWith(crc32(i32(7)) ^ 1));
    expect(message).toBe(
      'The file is not a readable Parquet file: a page that does not match its checksum, at row 1 of column "n".',
    );
    expect(remedy).toContain('"columns"');
  });

  it('SU2, SU5: names the column that it is refused for, and brings the others', async () => {
    const variant = [
      element('v', { children: 2 }, required, { 10: { 16: { 1: 1 } } }),
      element('metadata', byteArray, required),
      element('value', byteArray, required),
    ];
    const parts = [plain(1, blob('')), plain(1, blob(''))];
    const odd = { pages: page({ values: 1, encoding: 4 }, i32(1)) };
    const lzo = { ...plain(1, i32(1)), codec: 3 };
    const sealed = { ...plain(1, i32(1)), more: { 8: { 1: {} } } };
    const file = fileOf(
      forge({
        elements: [
          ...variant,
          element('odd', int32, required),
          element('lzo', int32, required),
          element('sealed', int32, required),
          element('n', int32, required),
        ],
        rows: 1,
        columns: [...parts, odd, lzo, sealed, plain(1, i32(7))],
        top: 5,
      }),
    );
    expect((await readAll(file, { columns: ['n'] })).rows).toEqual([[7]]);
    const messageOf = async (column: string) => (await readFailure(file, { columns: [column] })).message;
    expect(await messageOf('v')).toBe('Column "v" is a VARIANT, which is not supported.');
    expect(await messageOf('odd')).toMatch(/encoding BIT_PACKED.*column "odd"/);
    expect(await messageOf('sealed')).toBe('Column "sealed" of the Parquet file is encrypted.');
    expect(await messageOf('lzo')).toMatch(/LZO.*column "lzo"/);
  });
});
