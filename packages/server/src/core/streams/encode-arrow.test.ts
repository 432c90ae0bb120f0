import type { Column, NeutralType, Row } from '@mooring/connectors/interface/data-types';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { DataType, tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { read, stored, tableOf } from './__fixtures__/arrow-reading.js';
import { batchesOf, bytesOf, column } from './__fixtures__/synthetic-source.js';
import { encodeArrow } from './encode-arrow.js';
import { createOutputMeter } from './output-meter.js';

describe('Arrow', () => {
  it('returns every neutral type, with nulls', async () => {
    expect(await read('boolean', true, null, false)).toEqual({ type: 'Bool', values: [true, null, false] });
    expect(await read('integer', 9007199254740991, null, -1)).toEqual({
      type: 'Int64',
      values: [9007199254740991n, null, -1n],
    });
    expect(await read('bigint', '9223372036854775807', '-9223372036854775808', null)).toEqual({
      type: 'Int64',
      values: [9223372036854775807n, -9223372036854775808n, null],
    });
    expect(await read('float', -0.5, 'NaN', '-Infinity', null)).toEqual({
      type: 'Float64',
      values: [-0.5, Number.NaN, Number.NEGATIVE_INFINITY, null],
    });
    expect(await read('decimal', '-0.10', null)).toEqual({ type: 'Utf8', values: ['-0.10', null] });
    expect(await read('string', '', null, '😀é', 'x')).toEqual({
      type: 'Utf8',
      values: ['', null, '😀é', 'x'],
    });
    expect(await read('time', '23:59:59.000001', null)).toEqual({
      type: 'Time64<MICROSECOND>',
      values: [86399000001n, null],
    });
    expect(await read('json', { a: [1, null] }, 'x', null, -1)).toEqual({
      type: 'Utf8',
      values: ['{"a":[1,null]}', '"x"', null, '-1'],
    });
    expect(await read('bytes', 'AP8Q', null, '')).toEqual({
      type: 'Binary',
      values: [Uint8Array.of(0, 255, 16), null, new Uint8Array(0)],
    });
  });

  it('keeps dates to the day, before 1970 and on leap days too', async () => {
    expect(
      await stored('date', '1970-01-01', null, '1969-12-31', '2024-02-29', '0001-01-01', '10000-01-01'),
    ).toEqual({
      type: 'Date32<DAY>',
      values: [0, null, -1, 19782, -719162, 2932897],
    });
  });

  it('keeps timestamps to the microsecond, and says whether they are instants', async () => {
    expect(
      await stored(
        'timestamp',
        null,
        '2024-02-29T12:34:56.000001Z',
        '1969-12-31T23:59:59.5Z',
        '0001-01-01T00:00:00Z',
      ),
    ).toEqual({
      type: 'Timestamp<MICROSECOND, UTC>',
      values: [null, 1709210096000001n, -500000n, -62135596800000000n],
    });
    expect(await stored('datetime', '2024-02-29T12:34:56.000001')).toEqual({
      type: 'Timestamp<MICROSECOND>',
      values: [1709210096000001n],
    });
  });

  it('counts days and microseconds as JavaScript does', async () => {
    const date = fc.date({ min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
    await fc.assert(
      fc.asyncProperty(date, fc.integer({ min: 0, max: 999 }), async (when, micros) => {
        const fraction = String(micros).padStart(3, '0');
        const text = when.toISOString().replace('Z', `${fraction}Z`);
        const exact = BigInt(when.getTime()) * 1000n + BigInt(micros);
        expect((await stored('timestamp', text)).values).toEqual([exact]);
        expect((await stored('date', text.slice(0, 10))).values).toEqual([
          Math.floor(when.getTime() / 86_400_000),
        ]);
      }),
      { numRuns: 200 },
    );
  });

  it('takes the type from the column, whatever the first rows contain', async () => {
    const columns = [column('a', 'timestamp'), column('b', 'datetime')];
    const later: Row = ['2024-02-29T12:34:56.1Z', '2024-02-29T12:34:56.1'];
    const table = await tableOf(columns, batchesOf([[null, null]], [later]));
    expect(table.schema.fields.map((field) => String(field.type))).toEqual([
      'Timestamp<MICROSECOND, UTC>',
      'Timestamp<MICROSECOND>',
    ]);
    expect(table.numRows).toBe(2);
  });

  it.each<[NeutralType, Row[number]]>([
    ['bigint', '9223372036854775808'],
    ['bigint', ''],
    ['integer', 1.5],
    ['boolean', 'true'],
    ['float', 'x'],
    ['date', '2024-02-30'],
    ['date', 'infinity'],
    ['date', '+9999999-01-01'],
    ['time', '24:00:00'],
    ['time', '-01:00:00'],
  ])('refuses what the type cannot hold instead of writing something else: %s %j', async (type, value) => {
    const error = await read(type, value).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConnectorError);
    expect(error).toMatchObject({
      kind: 'unsupported',
      message: expect.stringContaining('Column "a" of row 1'),
      remedy: expect.stringContaining('"asText": ["a"]'),
    });
  });

  it.each([
    'infinity',
    '2024-02-29T12:34:56',
    '2024-02-30T00:00:00Z',
    '2024-02-29T24:00:00Z',
    '2024-02-29T12:34Z',
  ])('refuses a timestamp that is not an instant among instants: %s', async (value) => {
    const batches = batchesOf([['2024-02-29T12:34:56Z']], [[value]]);
    await expect(tableOf([column('a', 'timestamp')], batches)).rejects.toMatchObject({
      kind: 'unsupported',
    });
  });

  it('returns any text, in many batches', async () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string(), fc.constant(null));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(text, { minLength: 1, maxLength: 20 }), { maxLength: 4 }),
        async (batches) => {
          const rows = batches.map((batch) => batch.map((value): Row => [value]));
          const table = await tableOf([column('a')], batchesOf(...rows));
          expect(Array.from(table.getChildAt(0) ?? [])).toEqual(batches.flat());
          expect(table.batches.filter((batch) => batch.numRows > 0)).toHaveLength(batches.length);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('VA8: refuses half of a surrogate pair, also beside its other half in the next value', async () => {
    await expect(read('string', '\ud83d', '\ude00b')).rejects.toThrow('Column "a" of row 1');
    await expect(read('string', 'ä😀', 'a\ud83d')).rejects.toMatchObject({
      message: expect.stringContaining('Column "a" of row 2'),
      remedy: expect.stringContaining('NDJSON'),
    });
  });

  it('has the schema without any row, each name once, and every field nullable', async () => {
    const columns: Column[] = [
      column('id', 'integer'),
      { ...column('id'), nullable: false },
      column('__proto__', 'date'),
    ];
    const table = await tableOf(columns, batchesOf());
    expect(table.numRows).toBe(0);
    expect(table.schema.fields.map(({ name, nullable }) => [name, nullable])).toEqual([
      ['id', true],
      ['id_2', true],
      ['__proto__', true],
    ]);
    expect(table.schema.fields.every(({ type }) => !DataType.isNull(type))).toBe(true);
  });

  it('D14: stays a whole stream when the byte cap cuts it', async () => {
    const columns = [column('a', 'integer'), column('b')];
    const rows: Row[] = Array.from({ length: 3000 }, (_, index) => [index, 'x'.repeat(index % 50)]);
    for (const bytesMax of [1, 500, 5000, 50_000, 51_234]) {
      const meter = createOutputMeter(bytesMax);
      const bytes = await bytesOf(
        encodeArrow(columns, batchesOf(rows.slice(0, 1000), rows.slice(1000)), meter),
      );
      const table = tableFromIPC(bytes);
      expect(bytes.length).toBe(meter.bytes());
      expect(table.numRows).toBe(meter.rows());
      expect(meter.isFull()).toBe(true);
      expect(meter.rows()).toBeLessThan(3000);
      if (bytesMax >= 5000) {
        expect(bytes.length).toBeLessThanOrEqual(bytesMax);
        expect(bytes.length).toBeGreaterThan(bytesMax * 0.7);
      }
    }
  });
});
