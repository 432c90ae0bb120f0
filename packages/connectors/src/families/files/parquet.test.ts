import { gzipSync } from 'node:zlib';
import { full } from '@mooring/lab/test-tier';
import type { SchemaElement } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { ConnectorError } from '../../interface/errors.js';
import { parsingCaps } from '../../kit/json/caps.js';
import { memoryFile, readAll, readFailure } from './memory-file.js';
import { leafPlan } from './parquet-types.js';
import { readFile } from './read-file.js';

type ColumnData = Parameters<typeof parquetWriteBuffer>[0]['columnData'];

function parquetFile(
  columnData: ColumnData,
  options: Omit<Parameters<typeof parquetWriteBuffer>[0], 'columnData'> = {},
) {
  return memoryFile('a.parquet', Buffer.from(parquetWriteBuffer({ columnData, ...options })));
}

const root = (children: number): SchemaElement => ({ name: 'root', num_children: children });

/** One column by an explicit schema element, with a null in front. */
async function single(element: Omit<SchemaElement, 'name' | 'repetition_type'>, data: unknown[]) {
  const { columns, rows } = await readAll(
    parquetFile([{ name: 'x', data: [null, ...data] }], {
      schema: [root(1), { name: 'x', repetition_type: 'OPTIONAL', ...element }],
    }),
  );
  expect(rows[0]).toEqual([null]);
  return { type: columns[0]?.type, values: rows.slice(1).map(([value]) => value) };
}

describe('Parquet values', () => {
  it('keep 64-bit integers exact', async () => {
    const max = 9223372036854775807n;
    expect(await single({ type: 'INT64' }, [max, -max - 1n])).toEqual({
      type: 'bigint',
      values: ['9223372036854775807', '-9223372036854775808'],
    });
  });

  it('keep decimals exact, negative ones and every width', async () => {
    const decimal = { converted_type: 'DECIMAL', precision: 18, scale: 2 } as const;
    expect(await single({ type: 'INT64', ...decimal }, [1.23, -0.01])).toEqual({
      type: 'decimal',
      values: ['1.23', '-0.01'],
    });
    const wide: SchemaElement = { name: 'x', type: 'FIXED_LEN_BYTE_ARRAY', ...decimal };
    const text = (hex: string) =>
      leafPlan(wide, parsingCaps({})).convert(Uint8Array.from(Buffer.from(hex, 'hex')));
    expect(text('0000000000000000000000000000007b')).toBe('1.23');
    expect(text('ffffffffffffffffffffffffffffffff')).toBe('-0.01');
    expect(text('7fffffffffffffffffffffffffffffff')).toBe('1701411834604692317316873037158841057.27');
    expect(text('')).toBe('0.00');
  });

  it('keep days and times of day', async () => {
    const days = await single({ type: 'INT32', converted_type: 'DATE' }, [
      new Date(0),
      new Date('2024-02-29'),
    ]);
    expect(days).toEqual({ type: 'date', values: ['1970-01-01', '2024-02-29'] });
    const micros = { type: 'TIME', isAdjustedToUTC: false, unit: 'MICROS' } as const;
    const times = await single({ type: 'INT64', converted_type: 'TIME_MICROS', logical_type: micros }, [
      86_399_999_999n,
      0n,
    ]);
    expect(times).toEqual({ type: 'time', values: ['23:59:59.999999', '00:00:00'] });
  });

  it('keep microseconds of timestamps, before 1970 too, and say whether they are instants', async () => {
    const stamp = (isAdjustedToUTC: boolean) =>
      single(
        {
          type: 'INT64',
          converted_type: 'TIMESTAMP_MICROS',
          logical_type: { type: 'TIMESTAMP', isAdjustedToUTC, unit: 'MICROS' },
        },
        [1n, -1n],
      );
    expect(await stamp(true)).toEqual({
      type: 'timestamp',
      values: ['1970-01-01T00:00:00.000001Z', '1969-12-31T23:59:59.999999Z'],
    });
    expect((await stamp(false)).values[0]).toBe('1970-01-01T00:00:00.000001');
  });

  it('write numbers that JSON lacks as text, bytes as base64, and take nested ones as json', async () => {
    const { columns, rows } = await readAll(
      parquetFile([
        { name: 'f', data: [Number.NaN, Number.NEGATIVE_INFINITY], type: 'DOUBLE' },
        { name: 'b', data: [Uint8Array.of(0, 255), Uint8Array.of()], type: 'BYTE_ARRAY' },
        { name: 's', data: ['😀', ''], type: 'STRING' },
        { name: 'j', data: [{ a: [1, { __b: null }] }, [1]], type: 'JSON' },
        { name: 'u', data: ['00112233-4455-6677-8899-aabbccddeeff', null], type: 'UUID' },
      ]),
    );
    expect(columns.map(({ type }) => type)).toEqual(['float', 'bytes', 'string', 'json', 'string']);
    expect(rows).toEqual([
      ['NaN', 'AP8=', '😀', { a: [1, { __b: null }] }, '00112233-4455-6677-8899-aabbccddeeff'],
      ['-Infinity', '', '', [1], null],
    ]);
  });

  it('read lists and structs as json', async () => {
    const schema: SchemaElement[] = [
      root(1),
      { name: 'tags', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', repetition_type: 'OPTIONAL', type: 'INT64' },
    ];
    const { columns, rows } = await readAll(
      parquetFile([{ name: 'tags', data: [[1n, null], [], null] }], { schema }),
    );
    expect(columns[0]?.type).toBe('json');
    expect(rows).toEqual([[['1', null]], [[]], [null]]);
  });
});

describe('Parquet files', () => {
  const count = 50_000;
  const ids = Array.from({ length: count }, (_, id) => id);
  const wide = () =>
    parquetFile(
      [
        { name: 'id', data: ids, type: 'INT32' },
        { name: 'text', data: ids.map((id) => `row ${id}`), type: 'STRING' },
        ...Array.from({ length: 30 }, (_, n) => ({ name: `c${n}`, data: ids, type: 'INT32' as const })),
      ],
      { rowGroupSize: 20_000 },
    );

  it('return every row of every row group, in order, whatever the steps', async () => {
    const { rows } = await readAll(wide(), { columns: ['c3', 'id', 'text'] });
    expect(rows).toHaveLength(count);
    expect(rows.every(([c3, id, text], at) => c3 === at && id === at && text === `row ${at}`)).toBe(true);
    const all = await readAll(wide());
    expect(all.rows.every((row, at) => row.length === 32 && row[0] === at && row[31] === at)).toBe(true);
  });

  it('are read no further than columns and limit need', async () => {
    const whole = wide();
    await readAll(whole);
    const narrow = wide();
    await readAll(narrow, { columns: ['id'] });
    const first = wide();
    expect((await readAll(first, { columns: ['id'], limit: 10 })).rows).toHaveLength(10);
    expect(narrow.bytesSent()).toBeLessThan(whole.bytesSent() / 2);
    expect(first.bytesSent()).toBeLessThan(narrow.bytesSent());
  });

  it.each([
    ['a JSON value', { name: 'x', data: [{ text: 'x'.repeat(3 * 1024 * 1024) }], type: 'JSON' }],
    ['a row', { name: 'x', data: ['x'.repeat(17 * 1024 * 1024)], type: 'STRING' }],
  ] as const)('TR17: that hold %s too large for a preview are read all the same', async (_, column) => {
    const file = parquetFile([column] as unknown as ColumnData);
    expect((await readAll(file, { limit: 1 })).rows).toEqual([column.data]);
    expect((await readFailure(file, { limit: 1, isPreview: true })).kind).toBe('too_large');
  });

  it('that are something else are refused as such', async () => {
    const contents = ['', 'PAR1', 'PAR1 but no table PAR1', gzipSync('x'), Buffer.alloc(100_000)];
    for (const content of contents) {
      expect((await readFailure(memoryFile('a.parquet', content))).kind).toBe('protocol_error');
    }
  });

  it('D16: of which one bit is flipped are read or refused with an error', async () => {
    const columnData = [{ name: 'id', data: ids.slice(0, 300), type: 'INT32' as const }];
    const good = Buffer.from(parquetWriteBuffer({ columnData }));
    const outcomeOf = (bytes: Buffer) =>
      readAll(memoryFile('a.parquet', bytes)).then(
        () => 'read',
        (error: unknown) => (error instanceof ConnectorError ? error.kind : error),
      );
    expect(await outcomeOf(good)).toBe('read');
    for (let at = 0; at < good.length; at += full(1, 3)) {
      const damaged = Buffer.from(good);
      damaged[at] = damaged.readUInt8(at) ^ (1 << (at % 8));
      expect(['read', 'protocol_error', 'too_large', 'unsupported']).toContain(await outcomeOf(damaged));
    }
  });

  it('end when they are left, or when their signal is aborted', async () => {
    const stream = await readFile(wide(), { batchRows: 100 });
    const batches = stream.batches[Symbol.asyncIterator]();
    await batches.next();
    await batches.return?.();
    expect((await batches.next()).done).toBe(true);

    const controller = new AbortController();
    const file = { ...wide(), signal: controller.signal };
    const aborted = (await readFile(file, { batchRows: 100 })).batches[Symbol.asyncIterator]();
    controller.abort();
    await expect(aborted.next()).rejects.toMatchObject({ kind: 'cancelled' });
  });
});
