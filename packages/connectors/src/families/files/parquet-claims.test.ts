import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { byteArray, equal, fileOf, int32, mebibyte, numbers, text } from './__fixtures__/forged-pages.js';
import { readFailure } from './memory-file.js';
import {
  codecs,
  element,
  encodings,
  type Forged,
  forge,
  levels,
  page,
  repetitions,
  thrift,
  varint,
  withFooter,
} from './parquet-forge.js';

describe('A Parquet file with false claims', () => {
  const column = (pages: Buffer, codec = 0, type = int32, more: Forged = {}) =>
    forge({ elements: [element('x', type, 1, more)], rows: 1, columns: [{ pages, codec }] });
  const plainPage = (body: Buffer, bytes = body.length) =>
    page({ values: 1, encoding: encodings.plain, bytes }, body);
  const zstdFrame = (contentBytes: number) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(contentBytes);
    return Buffer.concat([Buffer.from('28b52ffda0', 'hex'), size, Buffer.of(1, 0, 0)]);
  };
  const longDictionary = page(
    { values: 2 ** 31 - 1, encoding: encodings.plain, isDictionary: true },
    numbers(1),
  );
  const longDecimal = plainPage(Buffer.concat([levels(1, 1), text('9'.repeat(400_000))]));
  const deep = Array.from({ length: 100 }, (_, level) => element(`g${level}`, { children: 1 }));
  const many = gzipSync(Buffer.alloc(4 * mebibyte));
  const manyPages = plainPage(many, 4 * mebibyte);

  const claims: readonly [claim: string, kind: string, bytes: () => Buffer][] = [
    ['a page of 2 GB', 'too_large', () => column(plainPage(Buffer.from('x'), 2 ** 31 - 1), codecs.snappy)],
    [
      'a page of 100 MB out of bytes',
      'too_large',
      () => column(plainPage(Buffer.alloc(64), 1e8), codecs.snappy),
    ],
    [
      'a zstd frame of 2 GB',
      'protocol_error',
      () => column(plainPage(zstdFrame(2 ** 31 - 1), 64), codecs.zstd),
    ],
    [
      'a Snappy literal of -5 bytes',
      'protocol_error',
      () => column(plainPage(Buffer.from('40fcfaffffff00000000', 'hex'), 64), codecs.snappy),
    ],
    [
      'a Snappy copy from 2 GB before',
      'protocol_error',
      () => column(plainPage(Buffer.from('05000f00000080', 'hex'), 5), codecs.snappy),
    ],
    ['a negative size', 'protocol_error', () => column(plainPage(Buffer.from('x'), -5))],
    [
      'a dictionary of two billion',
      'protocol_error',
      () => column(Buffer.concat([longDictionary, equal(1)])),
    ],
    [
      'a value of 4 GB',
      'protocol_error',
      () => column(plainPage(Buffer.concat([levels(1, 1), Buffer.alloc(4, 255)])), 0, byteArray),
    ],
    ['an index outside the dictionary', 'protocol_error', () => column(Buffer.concat([numbers(), equal(1)]))],
    [
      'a decimal of a million digits',
      'too_large',
      () => column(longDecimal, 0, byteArray, { 6: 5, 7: 2, 8: 9 }),
    ],
    [
      'a decimal of two billion places',
      'too_large',
      () => column(longDecimal, 0, byteArray, { 6: 5, 7: 2e9, 8: 9 }),
    ],
    [
      'columns nested without end',
      'too_large',
      () =>
        forge({ elements: [...deep, element('x', int32)], rows: 1, columns: [{ pages: equal(1) }], top: 1 }),
    ],
    [
      'a footer of two billion columns',
      'protocol_error',
      () => withFooter(Buffer.from('PAR1'), Buffer.concat([Buffer.from('29fc', 'hex'), varint(2 ** 31 - 1)])),
    ],
    [
      'a footer nested without end',
      'protocol_error',
      () => withFooter(Buffer.from('PAR1'), Buffer.alloc(200_000, 0x1c)),
    ],
    [
      'a footer of a million row groups',
      'too_large',
      () => {
        const group = thrift({ 3: 0 });
        const groups = Buffer.concat([
          Buffer.of(0x29, 0xfc),
          varint(1e6),
          Buffer.alloc(1e6 * group.length, group),
          Buffer.of(0),
        ]);
        const schema = thrift({ 2: [{ 4: 'root' }] }).subarray(0, -1);
        return withFooter(Buffer.from('PAR1'), Buffer.concat([schema, groups]));
      },
    ],
    [
      'pages of many columns at once',
      'too_large',
      () =>
        forge({
          elements: Array.from({ length: 70 }, (_, index) =>
            element(`c${index}`, int32, repetitions.required),
          ),
          rows: 1,
          columns: Array.from({ length: 70 }, () => ({ pages: manyPages, codec: codecs.gzip })),
        }),
    ],
  ];
  it.each(claims)('TR17: %s is refused without making it', async (_, kind, bytes) => {
    const file = fileOf(bytes());
    const before = process.memoryUsage.rss();
    expect((await readFailure(file)).kind).toBe(kind);
    expect((process.memoryUsage.rss() - before) / mebibyte).toBeLessThan(400);
  });
});
