import { describe, expect, it } from 'vitest';
import type { Column, Row } from '../../interface/data-types.js';
import type { Batch } from '../../interface/plan.js';
import { empties, floods, sourceOf } from '../../suite/hostile-driver.js';
import { arrowColumn } from '../arrow/columns.js';
import {
  call,
  columns,
  done,
  endable,
  failing,
  numbered,
  openOn,
  pathOf,
  reading,
  rowsOf,
  timed,
} from './test-stand.js';

const target = pathOf('any');
const place = { host: '127.0.0.1', port: 1 };

describe('batches', () => {
  const sizes = (found: readonly Batch[]) => found.map((batch) => ('rows' in batch ? batch.rows.length : -1));

  it('have at most the rows asked for, and are never empty', async () => {
    const { found, rowsAsked } = await reading([{ rows: [] }, { rows: numbered(7) }, { rows: [] }], {
      batchRows: 3,
    });
    expect(sizes(found)).toEqual([3, 3, 1]);
    expect(found.flatMap((batch) => ('rows' in batch ? batch.rows : []))).toEqual(numbered(7));
    expect(rowsAsked).toBe(3);
  });

  it('have at most 65,536 cells', async () => {
    const wide = Array.from(
      { length: 8_192 },
      (_, at): Column => ({ name: `c${at}`, type: 'integer', nullable: true }),
    );
    const rows = Array.from({ length: 20 }, () => wide.map(() => 1));
    const { found, rowsAsked } = await reading([{ rows }], {}, { columns: wide });
    expect(rowsAsked).toBe(8);
    expect(sizes(found)).toEqual([8, 8, 4]);
  });

  it('have at most 4 MiB of text beyond their last row', async () => {
    const rows = Array.from({ length: 9 }, (_, n) => [n, 'x'.repeat(1_048_576), null]);
    expect(sizes((await reading([{ rows }])).found)).toEqual([4, 4, 1]);
  });

  it('are the source’s own where nothing is left to do', async () => {
    const rows = numbered(5);
    const { found } = await reading([{ rows }]);
    expect('rows' in (found[0] as Batch) && (found[0] as { rows: unknown }).rows).toBe(rows);
  });

  it('with more cells than columns, or fewer, end the session', async () => {
    for (const row of [[1, 2, 3], [], 'text' as unknown as Row]) {
      const opened = await openOn(
        sourceOf(() => floods(row)),
        place,
      );
      const stream = await opened.use.read({ target, batchRows: 10 }, call());
      expect(await failing(rowsOf(stream))).toEqual({
        kind: 'protocol_error',
        message: 'The source returned rows that do not match their columns.',
      });
      expect(opened.use.isBroken()).toBe(true);
      await opened.use.close();
    }
  });

  it('without rows, for ever, neither block the process nor outlive their call', async () => {
    const opened = await openOn(sourceOf(empties), place);
    const { options, end } = endable();
    const failure = failing(rowsOf(await opened.use.read({ target, batchRows: 10 }, options)));
    setTimeout(end, 30);
    expect((await timed(failure)).result.kind).toBe('cancelled');
    await opened.use.close();
  });
});

describe('record batches', () => {
  const arrowOf = async (rows: Row[]): Promise<Batch> => {
    const arrow = await import('apache-arrow');
    const forms = columns.map((column, position) => arrowColumn(arrow, { column, position }));
    const schema = new arrow.Schema(
      forms.map(({ type }, at) => new arrow.Field(columns[at]?.name ?? '', type, true)),
    );
    const children = forms.map((form) => form.dataOf(rows, 1));
    const type = new arrow.Struct(schema.fields);
    return {
      arrow: new arrow.RecordBatch(
        schema,
        arrow.makeData({ type, length: rows.length, nullCount: 0, children }),
      ),
    };
  };
  const lanes = ['arrow', 'rows'] as const;

  it('pass as they are, cut at the limit and to the columns', async () => {
    const batch = await arrowOf(numbered(5));
    const whole = await reading([batch], { lanes });
    expect(whole.found[0]).toBe(batch);
    const cut = await reading([batch, batch], { lanes, limit: 7, columns: ['t', 'n'] }, done({}));
    const [first, second] = cut.found.map((each) => ('arrow' in each ? each.arrow : undefined));
    expect(first?.schema.fields.map(({ name }) => name)).toEqual(['t', 'n']);
    expect([first?.numRows, second?.numRows]).toEqual([5, 2]);
    expect(second?.get(1)?.toJSON()).toEqual({ t: 't1', n: 1n });
  });

  it('become rows where the kit must look into them, or their reader takes only rows', async () => {
    const batch = await arrowOf(numbered(2));
    const texts = await reading([batch], { lanes, asText: ['n'] });
    expect(texts.found).toEqual([
      {
        rows: [
          ['0', 't0', { n: 0 }],
          ['1', 't1', { n: 1 }],
        ],
      },
    ]);
    const rows = await reading([batch, batch], { limit: 3 });
    expect(rows.found.map((each) => 'rows' in each && each.rows.length)).toEqual([2, 1]);
  });

  it('of another width end the session', async () => {
    const batch = await arrowOf(numbered(2));
    const other = columns.slice(1);
    expect((await failing(reading([batch], { lanes }, { columns: other }))).kind).toBe('protocol_error');
  });
});
