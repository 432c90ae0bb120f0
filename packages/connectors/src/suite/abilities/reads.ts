import { expect } from 'vitest';
import type { Cell, Column, Row } from '../../interface/data-types.js';
import { type Filter, type FilterOp, filterOps } from '../../interface/filter.js';
import type { ReadPlan, ReadRequest } from '../../interface/plan.js';
import { compileFilter } from '../../kit/filter.js';
import {
  type AbilityCheck,
  type AbilityStand,
  connectorSession,
  given,
  isRefused,
  type Outcome,
  readPlanned,
} from './stand.js';

const { signal } = new AbortController();

/** What an item yields as its source reads it by itself; undefined if the source refuses. */
type Planned = (
  request?: Partial<ReadRequest>,
  isWanted?: (plan: ReadPlan) => boolean,
) => Promise<Outcome | undefined>;

/** Reads the readable item in the connector's own session. @param check gets all of its rows, too */
const reading = (stand: AbilityStand, check: (planned: Planned, all: Outcome) => Promise<void>) =>
  connectorSession(stand, async (session) => {
    const target = { path: stand.started.readable.path };
    const planned: Planned = (request, isWanted) =>
      readPlanned(session, { target, ...request }, isWanted).catch(() => undefined);
    await check(planned, await readPlanned(session, { target }));
  });

const inOrder = (rows: readonly Row[]) => rows.map((row) => JSON.stringify(row)).toSorted();

export const columns: AbilityCheck = (stand) =>
  reading(stand, async (planned, all) => {
    const [first, second] = all.plan.columns;
    if (!first || !second) throw new Error('the readable item needs two columns');
    const found = await planned({ columns: [second.name, first.name] });
    const isClaimed = stand.source.abilities.pushdown.columns;
    expect(found?.plan.done.columns ?? false, 'whether the source chooses columns').toBe(isClaimed);
    if (!isClaimed) return;
    expect(found?.plan.columns.map(({ name }) => name)).toEqual([second.name, first.name]);
    expect(found?.rows).toEqual(all.rows.map((row) => [row[1], row[0]]));
  });

export const limit: AbilityCheck = (stand) =>
  reading(stand, async (planned) => {
    const found = await planned({ limit: 3 });
    const isClaimed = stand.source.abilities.pushdown.limit;
    expect(found?.plan.done.limit ?? false, 'whether the source stops at the limit').toBe(isClaimed);
    if (isClaimed) expect(found?.rows, 'rows up to the limit').toHaveLength(3);
  });

export const order: AbilityCheck = (stand) =>
  reading(stand, async (planned, all) => {
    const { pushdown } = stand.source.abilities;
    const [{ name: column } = { name: '' }] = all.plan.columns;
    const sorted = (direction: 'asc' | 'desc') => planned({ orderBy: [{ column, direction }] });
    const [up, down] = [await sorted('asc'), await sorted('desc')];
    expect(up?.plan.done.order ?? false, 'whether the source sorts').toBe(pushdown.order);
    if (!pushdown.order) return;
    const values = (up?.rows ?? []).map(([value]) => Number(value));
    expect(values, 'ascending').toEqual(values.toSorted((left, right) => left - right));
    expect(
      down?.rows.map(([value]) => Number(value)),
      'descending',
    ).toEqual(values.toReversed());
    expect(up?.rows, 'the first column must have different values').not.toEqual(down?.rows);
    expect(inOrder(up?.rows ?? []), 'sorting changed the rows').toEqual(inOrder(all.rows));
  });

/** Whether the plan leaves nothing of this filter to the kit. */
const decides = ({ done }: Pick<ReadPlan, 'done'>) => done.filter === 'all';

/** The first column of each type. */
const onePerType = (all: readonly Column[]) =>
  all.filter(({ type }, at) => all.findIndex((other) => other.type === type) === at);

/** A comparison with the value of a row, or undefined for one that has no value to compare. */
function comparisonOf(op: FilterOp, column: string, value: Cell | undefined): Filter | undefined {
  if (op === 'null') return { column, op };
  if (value === undefined || value === null || typeof value === 'object') return undefined;
  return op === 'in' ? { column, op, value: [value] } : { column, op, value };
}

export const filter: AbilityCheck = (stand) =>
  reading(stand, async (planned, all) => {
    const { pushdown } = stand.source.abilities;
    const { columns: of } = all.plan;
    for (const op of filterOps) {
      const deciding: string[] = [];
      for (const one of onePerType(of)) {
        const { name: column } = one;
        const where = comparisonOf(op, column, all.rows[1]?.[of.indexOf(one)]);
        const found = where && (await planned({ where }, decides));
        if (!where || !found || !decides(found.plan)) continue;
        deciding.push(column);
        // The kit decides what is right.
        const right = all.rows.filter(compileFilter(where, of));
        expect(inOrder(found.rows), `rows by ${op} of ${column}`).toEqual(inOrder(right));
        if (pushdown.filter.includes(op) && right.length > 0 && right.length < all.rows.length) break;
      }
      const isClaimed = pushdown.filter.includes(op);
      expect(deciding.length > 0, `whether the source filters by ${op}: ${deciding.join()}`).toBe(isClaimed);
    }
  });

export const incremental: AbilityCheck = (stand) =>
  reading(stand, async (planned, all) => {
    const isClaimed = stand.source.abilities.incremental !== undefined;
    expect(all.cursor !== undefined, 'whether a read can be continued').toBe(isClaimed);
    const since = all.cursor;
    if (!isClaimed || since === undefined) return;
    expect((await planned({ since }))?.rows, 'rows that had been read are read again').toEqual([]);
    const added = await given(stand.started.grow, 'grow')();
    try {
      expect((await planned({ since }))?.rows, 'rows that were added').toEqual(added.rows);
    } finally {
      await added.undo();
    }
  });

export const files: AbilityCheck = (stand) =>
  reading(stand, async (planned, all) => {
    const { source, started } = stand;
    const found = await planned({ file: started.file ?? { format: 'ndjson' } });
    if (!source.abilities.files) {
      expect(found?.plan.file, 'it takes file options, which it does not claim').toBeUndefined();
      return;
    }
    expect(found?.plan.file).toMatchObject(given(started.file, 'file'));
    const shown = ({ plan, rows }: Outcome) => [plan.columns, rows];
    expect(found && shown(found), 'read with other options').not.toEqual(shown(all));
  });

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const chunk of chunks) found.push(chunk);
  return Buffer.concat(found);
}

export const bytes: AbilityCheck = async (stand) => {
  const { source, started, bench } = stand;
  const { path } = started.readable;
  if (!source.abilities.bytes) {
    const isRead = await connectorSession(
      stand,
      async (session) =>
        session.bytes !== undefined &&
        !(await isRefused(async () =>
          bytesOf((await session.bytes?.({ path }, { signal, isPreview: false }))?.chunks ?? none()),
        )),
    );
    expect(isRead, 'it reads bytes, which it does not claim').toBe(false);
    return;
  }
  await bench.within(async ({ use }) => {
    const all = await bytesOf((await use.bytes({ path }, { signal })).chunks);
    expect(all.length).toBeGreaterThan(4);
    const part = await use.bytes({ path, range: { from: 1, to: 3 } }, { signal });
    expect(await bytesOf(part.chunks)).toEqual(all.subarray(1, 4));
  });
};

async function* none(): AsyncGenerator<Uint8Array> {
  yield* [];
}
