import { describe, expect, it } from 'vitest';
import { jsonTextOf } from '../../interface/data-types.js';
import {
  annotated,
  blob,
  boolean,
  byteArray,
  decimal,
  double,
  f64,
  fileOf,
  fixed,
  float,
  hex,
  i32,
  i64,
  int32,
  int64,
  int96,
  julian,
  micros,
  millis,
  nanos,
  plain,
  repeated,
  required,
  stamp,
  time,
} from './__fixtures__/stored-values.js';
import { readAll, readFailure } from './memory-file.js';
import { element, type Forged, forge } from './parquet-forge.js';

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

  it('reports precision, scale, width and element types', async () => {
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
    '%s: of %s is refused with an error that names its column and row',
    async (_id, _what, stored, words) => {
      const top = await readFailure(twice(stored), { columns: ['x'] });
      expect(top.message).toMatch(words);
      expect(top.message).toMatch(/^Column "x" of row 1 /);
      expect((await readFailure(twice(stored), { columns: ['s'] })).message).toMatch(/^Column "s" of row 1 /);
    },
  );
});
