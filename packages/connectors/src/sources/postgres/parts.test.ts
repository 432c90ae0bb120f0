import { full } from '@mooring/lab/test-tier';
import { describe, expect, it } from 'vitest';
import type { Row } from '../../interface/data-types.js';
import type { Split } from '../../interface/plan.js';
import { allBatches, failureOf } from '../../suite/bench.js';
import { withAdmin } from './__fixtures__/administration.js';
import { realServer } from './__fixtures__/real-server.js';

const server = realServer();
const { signal } = new AbortController();
const count = full(50_000, 3_000);
const path = ['sales', 'parts_of'];

const asAdmin = (...statements: string[]) =>
  withAdmin(server.lab, async (admin) => {
    for (const statement of statements) await admin.query(statement);
  });

const fill = () =>
  asAdmin(
    'drop table if exists sales.parts_of cascade',
    `create table sales.parts_of as select id, 'row ' || id as name, 0 as version from generate_series(1, ${count}) id`,
    'grant select on sales.parts_of to public',
  );

/** Plans in parts, and does something before the planning session ends. */
const planning = <Result>(
  request: object,
  meanwhile: (splits: readonly Split[]) => Promise<Result>,
): Promise<Result> =>
  server.bench.within(async ({ use }) => {
    const stream = await use.read({ target: { path }, batchRows: 1_000, parts: 4, ...request }, { signal });
    const result = await meanwhile(stream.splits);
    await stream.batches[Symbol.asyncIterator]().return?.();
    return result;
  });

/** In a session of its own, beside the one that plans. */
async function partOf(split: Split): Promise<readonly Row[]> {
  const session = await server.bench.open(server.bench.source.good);
  try {
    return (await allBatches(await session.read({ path, split, batchRows: 1_000 }))).flat();
  } finally {
    await session.close();
  }
}
const idsOf = (rows: readonly Row[]) =>
  rows.map(([id]) => Number(id)).toSorted((left, right) => left - right);
const all = Array.from({ length: count }, (_, at) => at + 1);

describe('tables of PostgreSQL in parts', () => {
  it('reads every row once over the parts, while others update, delete and add rows', async () => {
    await fill();
    const rows = await planning({ consistency: 'snapshot' }, async (splits) => {
      expect(splits).toHaveLength(4);
      const found: Row[] = [];
      for (const [round, split] of splits.entries()) {
        const writing = asAdmin(
          `update sales.parts_of set version = version + 1 where id % 3 = ${round % 3}`,
          `delete from sales.parts_of where id % 50 = ${round}`,
          `insert into sales.parts_of select ${count} + ${round} * 100 + n, 'new', 9 from generate_series(1, 100) n`,
        );
        const part = await partOf(split);
        await writing;
        expect(part.length).toBeGreaterThan(0);
        found.push(...part);
      }
      return found;
    });
    expect(idsOf(rows)).toEqual(all);
    expect(rows.every(([, , version]) => version === 0)).toBe(true);
  });

  it('returns them all in the session that plans, too, with a filter over the parts', async () => {
    await fill();
    await server.bench.within(async ({ use }) => {
      const where = { column: 'id', op: 'gt', value: 10 } as const;
      const request = { target: { path }, columns: ['id'], parts: 4, where, batchRows: 500 };
      const rows: Row[] = [];
      for await (const batch of (await use.read(request, { signal })).batches)
        rows.push(...('rows' in batch ? batch.rows : []));
      expect(idsOf(rows)).toEqual(all.slice(10));
    });
  });

  it('refuses a part of a read that has ended, of another table, and of a table that was rewritten', async () => {
    await fill();
    const [held = null] = await planning({ consistency: 'snapshot' }, async (splits) => splits);
    expect((await failureOf(partOf(held))).message).toContain('has ended');
    const [free = null] = await planning({}, async (splits) => splits);
    const other = failureOf(server.rowsOf({ path: ['sales', 'orders'], split: free }));
    expect((await other).kind).toBe('invalid_query');
    await asAdmin('vacuum full sales.parts_of');
    const error = await failureOf(partOf(free));
    expect([error.kind, error.message]).toEqual(['invalid_query', expect.stringContaining('rewritten')]);
  });

  it('reads in one what has no blocks of its own, an order and a limit', async () => {
    await fill();
    await asAdmin(
      'create view sales.parts_view as select * from sales.parts_of',
      'drop table if exists sales.parts_by_range',
      'create table sales.parts_by_range (id int) partition by range (id)',
      'create table sales.parts_first partition of sales.parts_by_range for values from (1) to (5000)',
      'insert into sales.parts_by_range select generate_series(1, 4000)',
      'grant select on sales.parts_view, sales.parts_by_range to public',
    );
    const target = (name: string) => ({ target: { path: ['sales', name] } });
    const cases = [
      target('parts_view'),
      target('parts_by_range'),
      { orderBy: [{ column: 'id', direction: 'asc' }] },
      { limit: 5 },
    ];
    for (const request of cases) expect(await planning(request, async (splits) => splits)).toEqual([null]);
  });

  it('does not run what is written into a part', async () => {
    await fill();
    const [made = null] = await planning({}, async (splits) => splits);
    for (const change of [
      { from: "0,0)'::tid; select pg_sleep(9) --" },
      { snapshot: "00000003-0000001B-1'; drop table sales.parts_of; --" },
      { to: '1' },
      { from: 9, to: 3 },
      { more: true },
    ]) {
      const forged = { ...(made as object), ...change } as Split;
      const error = await failureOf(partOf(forged));
      expect([error.kind, error.nativeCode]).toEqual(['invalid_query', undefined]);
    }
  });
});
