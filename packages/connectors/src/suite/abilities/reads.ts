import { expect } from 'vitest';
import type { Row } from '../../interface/data-types.js';
import { type Filter, filterOps } from '../../interface/filter.js';
import type { ReadRequest } from '../../interface/plan.js';
import { allBatches } from '../bench.js';
import {
  type AbilityCheck,
  type AbilityStand,
  connectorSession,
  given,
  isRefused,
  type Outcome,
  readPlanned,
} from './stand.js';

const readable = ({ started }: AbilityStand) => ({ target: { path: started.readable.path } });

/** The readable item as its source reads it by itself; undefined if the source refuses. */
const planned = (stand: AbilityStand, request: Partial<ReadRequest> = {}): Promise<Outcome | undefined> =>
  connectorSession(stand, (session) =>
    readPlanned(session, { ...readable(stand), ...request }).catch(() => undefined),
  );

async function whole(stand: AbilityStand): Promise<Outcome> {
  return given(await planned(stand), 'readable');
}

const inOrder = (rows: readonly Row[]) => rows.map((row) => JSON.stringify(row)).toSorted();

export const columns: AbilityCheck = async (stand) => {
  const all = await whole(stand);
  const [first, second] = all.plan.columns;
  if (!first || !second) throw new Error('the readable item needs two columns');
  const found = await planned(stand, { columns: [second.name, first.name] });
  const isClaimed = stand.source.abilities.pushdown.columns;
  expect(found?.plan.done.columns ?? false, 'whether the source chooses columns').toBe(isClaimed);
  if (!isClaimed) return;
  expect(found?.plan.columns.map(({ name }) => name)).toEqual([second.name, first.name]);
  expect(found?.rows).toEqual(all.rows.map((row) => [row[1], row[0]]));
};

export const limit: AbilityCheck = async (stand) => {
  const found = await planned(stand, { limit: 3 });
  const isClaimed = stand.source.abilities.pushdown.limit;
  expect(found?.plan.done.limit ?? false, 'whether the source stops at the limit').toBe(isClaimed);
  if (isClaimed) expect(found?.rows, 'rows up to the limit').toHaveLength(3);
};

export const order: AbilityCheck = async (stand) => {
  const { pushdown } = stand.source.abilities;
  const all = await whole(stand);
  const [{ name: column } = { name: '' }] = all.plan.columns;
  const sorted = (direction: 'asc' | 'desc') => planned(stand, { orderBy: [{ column, direction }] });
  const [up, down] = [await sorted('asc'), await sorted('desc')];
  expect(up?.plan.done.order ?? false, 'whether the source sorts').toBe(pushdown.order);
  if (!pushdown.order) return;
  expect(up?.rows.map(([value]) => value)).toEqual(down?.rows.map(([value]) => value).toReversed());
  expect(up?.rows, 'the first column must have different values').not.toEqual(down?.rows);
  expect(inOrder(up?.rows ?? []), 'sorting changed the rows').toEqual(inOrder(all.rows));
};

/** Whether the plan leaves nothing of this filter to the kit. */
const decides = (outcome: Outcome | undefined) => outcome?.plan.done.filter === 'all';

export const filter: AbilityCheck = async (stand) => {
  const { pushdown } = stand.source.abilities;
  const all = await whole(stand);
  const row = given(all.rows[1], 'readable');
  for (const op of filterOps) {
    const deciding: string[] = [];
    for (const [at, { name: column }] of all.plan.columns.entries()) {
      const value = row[at];
      if (value === null || typeof value === 'object') continue;
      const where = (
        op === 'null' ? { column, op } : { column, op, value: op === 'in' ? [value] : value }
      ) as Filter;
      const found = await planned(stand, { where });
      if (!decides(found)) continue;
      deciding.push(column);
      const isKept = found?.rows.some((one) => one[at] === value) ?? false;
      expect(isKept, `the row itself by ${op} of ${column}`).toBe(['eq', 'le', 'ge', 'in'].includes(op));
      if (op === 'eq' || op === 'in') break;
    }
    const isClaimed = pushdown.filter.includes(op);
    expect(deciding.length > 0, `whether the source filters by ${op}: ${deciding.join()}`).toBe(isClaimed);
  }
};

export const splits: AbilityCheck = async (stand) => {
  const { source, bench } = stand;
  const all = await whole(stand);
  if (!source.abilities.splits) {
    const found = await planned(stand, { parts: 3 });
    expect(found?.plan.splits.length ?? 1, 'it can be read in parts, which it does not claim').toBe(1);
    expect(found?.plan.consistency ?? 'none').toBe('none');
    return;
  }
  const parts = await bench.within(async (session) => {
    const stream = await session.use.read({ ...readable(stand), parts: 3, batchRows: 10 }, { signal });
    const made = stream.splits;
    for await (const batch of stream.batches) expect(batch).toBeDefined();
    return made;
  });
  expect(parts.length, 'the parts of a read').toBeGreaterThan(1);
  const rows: Row[] = [];
  for (const split of parts) {
    await bench.within(async (session) => {
      const read = { path: stand.started.readable.path, split, parts: 3, batchRows: 10 };
      rows.push(...(await allBatches(await session.read(read))).flat());
    });
  }
  expect(inOrder(rows), 'the parts are not the whole').toEqual(inOrder(all.rows));
};

const { signal } = new AbortController();

export const incremental: AbilityCheck = async (stand) => {
  const all = await whole(stand);
  if (!stand.source.abilities.incremental) {
    expect(all.cursor, 'a read can be continued, which it does not claim').toBeUndefined();
    return;
  }
  const since = given(all.cursor, 'a cursor after the last row');
  const later = await planned(stand, { since });
  expect(later?.rows, 'rows that had been read are read again').toEqual([]);
};

export const files: AbilityCheck = async (stand) => {
  const { source, started } = stand;
  const file = started.file ?? { format: 'ndjson' };
  const found = await planned(stand, { file });
  if (!source.abilities.files) {
    expect(found?.plan.file, 'it takes file options, which it does not claim').toBeUndefined();
    return;
  }
  expect(found?.plan.file).toMatchObject(given(started.file, 'file'));
};

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
