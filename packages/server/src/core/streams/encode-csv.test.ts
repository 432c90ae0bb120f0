import { Readable } from 'node:stream';
import { readFile } from '@mooring/connectors/families/files/read-file';
import { JsonText, type Row } from '@mooring/connectors/interface/data-types';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchesOf, bytesOf, column } from './__fixtures__/synthetic-source.js';
import { encodeCsv, encodeCsvForSpreadsheets } from './encode-csv.js';
import { createOutputMeter } from './output-meter.js';

const textOf = async (...input: Parameters<typeof encodeCsv>) =>
  (await bytesOf(encodeCsv(...input))).toString();
const escapedOf = async (...input: Parameters<typeof encodeCsv>) =>
  (await bytesOf(encodeCsvForSpreadsheets(...input))).toString();
const bodyOf = async (...input: Parameters<typeof encodeCsv>) =>
  (await textOf(...input)).split('\r\n').slice(1, -1);

/** Decimal columns hold any text here, because nothing is added to their cells. */
const untouched = [column('a', 'decimal'), column('b', 'decimal')];

const nasty = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', ' ', "'", '=', '-', 'x', '\t', '\ufeff', 'é') }),
);
const tables = fc.array(fc.array(fc.tuple(nasty, nasty), { maxLength: 4 }), { maxLength: 4 });

describe('CSV', () => {
  it('is read back by another parser as it was', async () => {
    await fc.assert(
      fc.asyncProperty(tables, async (batches) => {
        const text = await textOf(untouched, batchesOf(...batches));
        expect(parse(text, { record_delimiter: '\r\n' })).toEqual([['a', 'b'], ...batches.flat()]);
      }),
      { numRuns: 500 },
    );
  });

  it('VA5: is read back from a file as it was, with its nulls', async () => {
    const name = 'a.csv';
    const signal = new AbortController().signal;
    const file = { delimiter: ',', quote: '"', nullText: '' };
    const cells = fc.oneof(nasty, fc.constant(null));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cells, cells)), fc.tuple(nasty, nasty), async (rows, names) => {
        fc.pre(new Set(names).size === 2 && !names.includes(''));
        const bytes = await bytesOf(
          encodeCsv(
            names.map((title) => column(title)),
            batchesOf(rows),
          ),
        );
        const open = async () => ({ body: Readable.from([bytes], { objectMode: false }), isGzip: false });
        const openRanges = () => Promise.reject(new Error('no Parquet'));
        const read = await readFile({ name, signal, open, openRanges }, { batchRows: 100, file });
        const found: Row[] = [];
        for await (const batch of read.batches) found.push(...batch);
        expect([read.columns.map((it) => it.name), found]).toEqual([names, rows]);
      }),
      { numRuns: 200 },
    );
  });

  it('is byte for byte what csv-stringify writes', async () => {
    const cells = fc.oneof(
      nasty.filter((text) => text !== ''),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cells, cells)), async (rows) => {
        const expected = stringify([['a', 'b'], ...rows], {
          record_delimiter: '\r\n',
          quote_record_delimiter: true,
          cast: { boolean: String },
        });
        expect(await textOf(untouched, batchesOf(rows))).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('distinguishes null from empty text', async () => {
    const columns = [column('a'), column('b', 'integer'), column('c')];
    expect(await bodyOf(columns, batchesOf([[null, null, '']]))).toEqual([',,""']);
  });

  it('VA5: distinguishes null from empty bytes, and from the null of JSON', async () => {
    const columns = [column('a', 'bytes'), column('b', 'bytes'), column('c', 'json'), column('d', 'json')];
    const row: Row = [null, '', null, new JsonText('null', true)];
    expect(await bodyOf(columns, batchesOf([row]))).toEqual([',"",,null']);
  });

  it('VA8: refuses a column whose name has half of a surrogate pair', async () => {
    for (const encode of [textOf, escapedOf])
      await expect(encode([column('a'), column('b\ud83d')], batchesOf())).rejects.toMatchObject({
        message: 'The name of column "b\\ud83d" has half of a character (a lone surrogate).',
        remedy: expect.stringContaining('NDJSON'),
      });
  });

  it('VA5: keeps the line of a null in the only column, which readers would ignore', async () => {
    expect(await bodyOf([column('a')], batchesOf([['x'], [null], ['']]))).toEqual(['x', '""', '""']);
  });

  it('writes numbers, exact texts, booleans and JSON as they are', async () => {
    const columns = [
      column('a', 'integer'),
      column('b', 'decimal'),
      column('c', 'boolean'),
      column('d', 'json'),
      column('e', 'timestamp'),
      column('f', 'float'),
    ];
    const row: Row = [-5, '-0.10', false, { k: ['=1', null] }, '2024-02-29T12:34:56.000001Z', '-Infinity'];
    expect(await bodyOf(columns, batchesOf([row]))).toEqual([
      '-5,-0.10,false,"{""k"":[""=1"",null]}",2024-02-29T12:34:56.000001Z,-Infinity',
    ]);
  });

  it.each([
    ['=cmd()', "'=cmd()"],
    ['+cmd|x', "'+cmd|x"],
    ['-1+cmd()', "'-1+cmd()"],
    ['-', "'-"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', '"\'\r=1"'],
    ['\n=1', '"\'\n=1"'],
    ['=A1,"x"', '"\'=A1,""x"""'],
    ['\uff1d1+1', "'\uff1d1+1"],
  ])('D17, VA13: disarms a formula in a text for spreadsheets only: %j', async (value, expected) => {
    const text = await escapedOf([column('a')], batchesOf([[value]]));
    expect(text).toBe(`a\r\n${expected}\r\n`);
    const kept = await textOf([column('a')], batchesOf([[value]]));
    expect(parse(kept, { record_delimiter: '\r\n' })).toEqual([['a'], [value]]);
  });

  it('D17: disarms a formula in a column name', async () => {
    expect(await escapedOf([column('=cmd()', 'integer'), column('__proto__')], batchesOf([[1, 'x']]))).toBe(
      "'=cmd(),__proto__\r\n1,x\r\n",
    );
  });

  it.each(['-5', '+31', '-12.50', '-1e-7'])(
    'D17: leaves a signed number in a text alone: %s',
    async (value) => {
      expect(await escapedOf([column('a')], batchesOf([[value]]))).toBe(`a\r\n${value}\r\n`);
    },
  );

  it('D17: never lets a text through that a spreadsheet would run', async () => {
    await fc.assert(
      fc.asyncProperty(nasty, async (value) => {
        const [, cells] = parse(await escapedOf([column('a')], batchesOf([[value]])), {
          record_delimiter: '\r\n',
        }) as string[][];
        const cell = cells?.[0] ?? '';
        expect(cell === value || cell === `'${value}`).toBe(true);
        expect(/^[=+\-@\t\r\n]/.test(cell) && !/^[+-][\d.eE+-]+$/.test(cell)).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it('has its header line without any row, and under any byte cap', async () => {
    expect(await textOf(untouched, batchesOf())).toBe('a,b\r\n');
    const meter = createOutputMeter(3);
    expect(await textOf(untouched, batchesOf([['x', 'y']]), meter)).toBe('a,b\r\n');
    expect([meter.isFull(), meter.rows(), meter.bytes()]).toEqual([true, 0, 5]);
  });

  it('D14: is cut between rows, also where cells hold line ends', async () => {
    const rows: Row[] = Array.from({ length: 9000 }, (_, index) => [`a\r\n${index}`, 'é']);
    const meter = createOutputMeter(100_000);
    const text = await textOf([column('a'), column('b')], batchesOf(rows), meter);
    expect(parse(text, { record_delimiter: '\r\n', from: 2 })).toEqual(rows.slice(0, meter.rows()));
    expect(meter.rows()).toBeLessThan(9000);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(100_000);
    expect(Buffer.byteLength(text)).toBeGreaterThan(99_980);
  });
});
