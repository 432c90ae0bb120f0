import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  annotated,
  blob,
  byteArray,
  fileOf,
  i32,
  i64,
  int32,
  int64,
  millis,
  plain,
  repeated,
  required,
  stamp,
} from './__fixtures__/stored-values.js';
import { readAll, readFailure } from './memory-file.js';
import { element, encodings, type Forged, forge, page, run, thrift, varint } from './parquet-forge.js';

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

  it('SU2, SU5: names the column that it is refused for, and returns the others', async () => {
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
