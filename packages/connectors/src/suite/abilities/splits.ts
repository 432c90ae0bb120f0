import { expect } from 'vitest';
import type { JsonValue, Row } from '../../interface/data-types.js';
import { ConnectorError } from '../../interface/errors.js';
import type { Split } from '../../interface/plan.js';
import { allBatches } from '../bench.js';
import { type AbilityCheck, type AbilityStand, connectorSession, given, readPlanned } from './stand.js';

const parts = 3;
const { signal } = new AbortController();
const inOrder = (rows: readonly Row[]) => rows.map((row) => JSON.stringify(row)).toSorted();

/** Plans a read in parts, and does something while the planning session is open. */
async function planning<Result>(
  { started: { readable }, bench }: AbilityStand,
  consistency: 'none' | 'snapshot',
  meanwhile: (made: readonly Split[]) => Promise<Result>,
): Promise<Result> {
  const session = await bench.open(bench.source.good);
  try {
    const request = { target: { path: readable.path }, parts, consistency, batchRows: 10 };
    const stream = await session.use.read(request, { signal });
    const result = await meanwhile(stream.splits);
    await stream.batches[Symbol.asyncIterator]().return?.();
    return result;
  } finally {
    await session.close();
  }
}

/** One part in a session of its own. */
async function partOf({ bench, started }: AbilityStand, split: Split): Promise<readonly Row[]> {
  const session = await bench.open(bench.source.good);
  try {
    const { path } = started.readable;
    return (await allBatches(await session.read({ path, split, batchRows: 10 }))).flat();
  } finally {
    await session.close();
  }
}

/** What a client could send instead of a part: another shape, or other texts in the same. */
function forged(split: Split): JsonValue[] {
  const injected = "0' or 1=1; drop table x --";
  const other: JsonValue[] = [[], [split], injected, 1.5, -1, true, {}];
  if (typeof split !== 'object' || split === null || Array.isArray(split)) return other;
  const members = Object.entries(split);
  return [
    ...other,
    { ...split, more: 1 },
    ...members.flatMap(([name, value]) => [
      { ...split, [name]: injected },
      { ...split, [name]: { of: value } },
      { ...split, [name]: -1 },
    ]),
  ];
}

async function provesSnapshot(stand: AbilityStand, whole: readonly Row[]): Promise<void> {
  const grow = given(stand.started.grow, 'grow');
  await planning(stand, 'snapshot', async (made) => {
    const added = await grow();
    try {
      const rows: Row[] = [];
      for (const split of made) rows.push(...(await partOf(stand, split)));
      expect(inOrder(rows), 'the parts are not the state in which they were planned').toEqual(inOrder(whole));
    } finally {
      await added.undo();
    }
  });
}

/** Whether all parts can be of one state, which no source has to offer. */
async function hasSnapshots(stand: AbilityStand): Promise<boolean> {
  try {
    return await planning(stand, 'snapshot', async () => true);
  } catch (error) {
    if (error instanceof ConnectorError && error.kind === 'unsupported') return false;
    throw error;
  }
}

export const splits: AbilityCheck = async (stand) => {
  const { source, started } = stand;
  const target = { path: started.readable.path };
  if (!source.abilities.splits) {
    const found = await connectorSession(stand, (session) =>
      readPlanned(session, { target, parts }).catch(() => undefined),
    );
    expect(found?.plan.splits.length ?? 1, 'it can be read in parts, which it does not claim').toBe(1);
    return;
  }
  const { rows: whole } = await connectorSession(stand, (session) => readPlanned(session, { target }));
  const made = await planning(stand, 'none', async (found) => found);
  expect(made.length, 'the parts of a read').toBeGreaterThan(1);
  const rows: Row[] = [];
  for (const split of made) rows.push(...(await partOf(stand, split)));
  expect(inOrder(rows), 'the parts are not the whole').toEqual(inOrder(whole));
  await connectorSession(stand, async (session) => {
    for (const split of forged(made[0] ?? null)) {
      const error = await readPlanned(session, { target, split }).then(
        () => undefined,
        (failure: unknown) => failure,
      );
      const isRefusal = error instanceof ConnectorError && error.kind === 'invalid_query';
      expect(isRefusal, `a part that it has not made: ${JSON.stringify(split)}`).toBe(true);
    }
  });
  if (await hasSnapshots(stand)) await provesSnapshot(stand, whole);
};
