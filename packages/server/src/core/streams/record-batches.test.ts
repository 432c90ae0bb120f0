import type { Cell, Column, Row, ValueShape } from '@mooring/connectors/interface/data-types';
import { JsonText } from '@mooring/connectors/interface/data-types';
import { arrowColumn } from '@mooring/connectors/kit/arrow/columns';
import { recordBatchOf, schemaOf } from '@mooring/connectors/kit/arrow/library';
import { full } from '@mooring/lab/test-tier';
import * as arrow from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, column } from './__fixtures__/synthetic-source.js';
import { applyCaps } from './caps.js';
import { encodeRows } from './encoded-rows.js';
import type { StreamFormat } from './media-type.js';

/** Of each Arrow type, values as a source returns them. */
const kinds: readonly (readonly [ValueShape, readonly Cell[]])[] = [
  [{ type: 'boolean' }, [true, false]],
  [{ type: 'integer', width: 8 }, [-128, 127]],
  [{ type: 'integer', width: 16 }, [-32768, 0]],
  [{ type: 'integer', width: 32 }, [2147483647, -1]],
  [{ type: 'integer' }, [9007199254740991, -9007199254740991]],
  [{ type: 'bigint', width: 64 }, ['9223372036854775807', '-9223372036854775808', '0']],
  [{ type: 'float', width: 32 }, [0.1, -0, 3.4028235e38, 1e-45, 16777216, 1.1754944e-38, 'NaN', '-Infinity']],
  [{ type: 'float', width: 64 }, [0.1, -0, 5e-324, 1.7976931348623157e308, 'NaN', 'Infinity']],
  [{ type: 'decimal', precision: 9, scale: 2 }, ['-0.01', '0.00', '9999999.99', '-9999999.99']],
  [{ type: 'decimal', precision: 38, scale: 0 }, ['9'.repeat(38), `-${'9'.repeat(38)}`]],
  [{ type: 'decimal', precision: 76, scale: 10 }, [`-${'9'.repeat(66)}.0000000001`, '0.0000000000']],
  [{ type: 'decimal' }, ['1e400', '-0.10']],
  [{ type: 'string' }, ['', 'a', 'é😀', '"', '=1', 'null', '\ufeff']],
  [{ type: 'bytes' }, ['', 'AP8Q']],
  [{ type: 'date' }, ['1970-01-01', '1969-12-31', '0001-01-01', '-000043-03-15', '+010000-01-01']],
  [{ type: 'time' }, ['00:00:00', '23:59:59.999999', '12:00:00.500000']],
  [{ type: 'timestamp' }, ['2024-02-29T12:34:56.000001Z', '1969-12-31T23:59:59Z', '+012024-02-29T00:00:00Z']],
  [{ type: 'datetime' }, ['2024-02-29T12:34:56.100000', '-000001-01-01T00:00:00']],
  [{ type: 'json' }, [{ a: [1, null] }, 'x', 1.5, new JsonText('null', true), new JsonText('1.0', true), []]],
  [{ type: 'json', element: { type: 'bigint', width: 64 } }, [['1', null, '-2'], []]],
  [
    { type: 'json', element: { type: 'string' } },
    [
      ['', 'é'],
      ['a', null],
    ],
  ],
  [{ type: 'json', element: { type: 'boolean' } }, [[true, null, false], [false], []]],
  [{ type: 'json', element: { type: 'float', width: 64 } }, [[1.5, 'NaN'], new JsonText('[-0,1]', true)]],
  [{ type: 'json', element: { type: 'decimal', precision: 40, scale: 2 } }, [['1.50', null]]],
];

const columns: readonly Column[] = kinds.map(([shape], at) => ({ ...column(`c${at}`), ...shape }));

const rowOf = fc.tuple(
  ...kinds.map(([, values]) => fc.option(fc.constantFrom(...values), { freq: 4 })),
) as fc.Arbitrary<Row>;

function batchOf(rows: readonly Row[]): arrow.RecordBatch {
  const forms = columns.map((one, position) => arrowColumn(arrow, { column: one, position }));
  const schema = schemaOf(
    arrow,
    columns.map(({ name }) => name),
    forms.map(({ type }) => type),
  );
  return recordBatchOf(arrow, schema, {
    length: rows.length,
    children: forms.map((form) => form.dataOf(rows, 1)),
  });
}

type Given = { rows: readonly Row[] } | { arrow: arrow.RecordBatch };

async function* inTurn(batches: readonly Given[]) {
  yield* batches;
}

const caps = { rowsMax: 0, bytesMax: 0, secondsMax: 0, idleSeconds: 0 };

const encoded = (
  format: StreamFormat,
  batches: readonly Given[],
  more: Partial<typeof caps> & { limit?: number } = {},
) => {
  const stream = { columns, batches: inTurn(batches) };
  return bytesOf(encodeRows(stream, format, { ...caps, ...more }, new AbortController()).chunks);
};

const bigRows = (count: number): Row[] =>
  Array.from({ length: count }, (_, index) =>
    kinds.map(([, values], at) =>
      (index + at) % 7 === 0 ? null : (values[(index * 31 + at) % values.length] ?? null),
    ),
  );

describe('Record batches of a source', () => {
  const cases = fc.tuple(
    fc.array(rowOf, { minLength: 1, maxLength: 40 }),
    fc.nat({ max: 39 }),
    fc.nat({ max: 40 }),
    fc.option(fc.nat({ max: 40 }), { nil: undefined }),
  );

  it.each<StreamFormat>(['ndjson', 'ndjson-with-columns', 'csv', 'csv-for-spreadsheets'])(
    'are the same cells as rows, also as slices and cut by a limit: %s',
    async (format) => {
      await fc.assert(
        fc.asyncProperty(cases, async ([rows, from, count, limit]) => {
          const more = limit === undefined ? {} : { limit };
          const slice = batchOf(rows).slice(from, from + count);
          const asRows = await encoded(format, [{ rows: rows.slice(from, from + count) }, { rows }], more);
          const asArrow = await encoded(format, [{ arrow: slice }, { arrow: batchOf(rows) }], more);
          expect(asArrow.toString()).toBe(asRows.toString());
        }),
        { numRuns: full(60, 6) },
      );
    },
  );

  it('are written as they are in Arrow: byte for byte what their rows would be, and nothing of other rows', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ([rows, from, count, limit]) => {
        const more = limit === undefined ? {} : { limit };
        const batches = [{ arrow: batchOf(rows).slice(from, from + count) }, { arrow: batchOf(rows) }];
        const asRows = await encoded('arrow', [{ rows: rows.slice(from, from + count) }, { rows }], more);
        expect((await encoded('arrow', batches, more)).equals(asRows)).toBe(true);
      }),
      { numRuns: full(100, 10) },
    );
  });

  it('D14: are cut at the byte cap after as many rows as rows are', async () => {
    const rows = bigRows(3000);
    for (const format of ['arrow', 'ndjson', 'csv'] as const) {
      for (const bytesMax of [1, 20_000, 123_456]) {
        const asRows = await encoded(format, [{ rows }], { bytesMax });
        expect((await encoded(format, [{ arrow: batchOf(rows) }], { bytesMax })).equals(asRows)).toBe(true);
      }
    }
  });

  it('pass without a row being made: what no cell can hold passes in Arrow and is refused in NDJSON', async () => {
    const integers = [{ ...column('n', 'integer') }];
    const type = new arrow.Int64();
    const data = arrow.makeData({ type, length: 3, nullCount: 0, data: BigInt64Array.of(1n, 2n, 2n ** 60n) });
    const batch = recordBatchOf(arrow, schemaOf(arrow, ['n'], [type]), { length: 3, children: [data] });
    const stream = () => ({ columns: integers, batches: inTurn([{ arrow: batch }]) });
    const chunksOf = (format: StreamFormat) =>
      encodeRows(stream(), format, caps, new AbortController()).chunks;
    const table = arrow.tableFromIPC(await bytesOf(chunksOf('arrow')));
    expect(table.getChildAt(0)?.get(2)).toBe(2n ** 60n);
    await expect(bytesOf(chunksOf('ndjson'))).rejects.toThrow(
      'Column "n" of row 3 holds an integer beyond 53 bits',
    );
  });

  it('SU7: name the row of the answer that has no text, in any batch', async () => {
    const times = [{ ...column('t', 'time') }];
    const type = new arrow.TimeMicrosecond();
    const batch = (...values: bigint[]) => {
      const data = arrow.makeData({
        type,
        length: values.length,
        nullCount: 0,
        data: BigInt64Array.from(values),
      });
      return recordBatchOf(arrow, schemaOf(arrow, ['t'], [type]), {
        length: values.length,
        children: [data],
      });
    };
    const good = Array.from({ length: 1500 }, () => 0n);
    const batches = [{ arrow: batch(...good) }, { arrow: batch(...good, -1n) }];
    const stream = { columns: times, batches: inTurn(batches) };
    await expect(bytesOf(encodeRows(stream, 'csv', caps, new AbortController()).chunks)).rejects.toThrow(
      'Column "t" of row 3001',
    );
  });

  it('are refused where their types are not those of the columns', async () => {
    const batch = batchOf(bigRows(2));
    const wrong = columns.map((one): Column => (one.name === 'c9' ? { ...one, precision: 37 } : one));
    const stream = { columns: wrong, batches: inTurn([{ arrow: batch }]) };
    await expect(
      bytesOf(encodeRows(stream, 'arrow', caps, new AbortController()).chunks),
    ).rejects.toMatchObject({
      kind: 'protocol_error',
      message: expect.stringContaining('column "c9"'),
    });
  });

  it('are counted one by one: a batch of more rows than the limit is cut within', async () => {
    const capped = applyCaps(
      { columns, batches: inTurn([{ arrow: batchOf(bigRows(10)) }]) },
      { ...caps, limit: 4 },
      new AbortController(),
    );
    for await (const one of capped.batches) expect('arrow' in one && one.arrow.numRows).toBe(4);
  });
});
