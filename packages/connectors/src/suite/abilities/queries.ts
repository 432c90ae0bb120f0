import { setImmediate } from 'node:timers/promises';
import { expect } from 'vitest';
import { allBatches, CLOSE_MS_MAX, failureOf, waitUntil } from '../bench.js';
import { type AbilityCheck, call, connectorSession, given, isRefused, readPlanned } from './stand.js';

/** Maximum time for which the source may continue after a cancel (case D25). */
const cancelMsMax = 2_000;
const beginMsMax = 10_000;

/** Gives a server in this process its turn. */
const turning = (holds: () => Promise<boolean>) => async () => {
  await setImmediate();
  return holds();
};

export const query: AbilityCheck = async (stand) => {
  const { source, started, bench } = stand;
  if (source.abilities.query) {
    const text = given(started.query, 'query');
    const rows = await bench.within(async (session) =>
      (await allBatches(await session.read({ query: text, batchRows: 10 }))).flat(),
    );
    expect(rows.length, 'the query returned no row').toBeGreaterThan(0);
    return;
  }
  const target = { query: started.query ?? 'select 1' };
  const isAnswered = await connectorSession(
    stand,
    async (session) => !(await isRefused(() => readPlanned(session, { target }))),
  );
  expect(isAnswered, 'it reads queries, which it does not claim').toBe(false);
};

export const parameters: AbilityCheck = async (stand) => {
  const { source, started, bench } = stand;
  const claim = source.abilities.query?.parameters ?? 'none';
  const proof = started.parameterised;
  if (claim === 'none') {
    const target = {
      query: proof?.query ?? started.query ?? 'select 1',
      parameters: proof?.parameters ?? [1],
    };
    const isIgnoredOrTaken = await connectorSession(
      stand,
      async (session) => !(await isRefused(() => readPlanned(session, { target }))),
    );
    expect(isIgnoredOrTaken, 'it takes parameters of a query, which it does not claim').toBe(false);
    return;
  }
  const { query: text, parameters: values, rows } = given(proof, 'parameterised');
  expect(Array.isArray(values) ? 'positional' : 'named', 'how parameters are given').toBe(claim);
  await bench.within(async (session) => {
    const found = await session.read({ query: text, parameters: values, batchRows: 10 });
    expect((await allBatches(found)).flat()).toEqual(rows);
  });
  const without = await bench.within((session) =>
    failureOf(session.read({ query: text, batchRows: 10 }).then(allBatches)),
  );
  expect(without.kind, 'a placeholder without a value').toBe('invalid_query');
};

export const readOnly: AbilityCheck = async (stand) => {
  const { source, started, bench } = stand;
  if (!source.abilities.query) return;
  if (source.abilities.readOnly === 'enforced') {
    const { query: text, isWritten } = given(started.write, 'write');
    await bench.within((session) => failureOf(session.read({ query: text, batchRows: 10 }).then(allBatches)));
    expect(await isWritten(), 'a read has written').toBe(false);
    return;
  }
  const text = given(started.write, 'write').query;
  const isKept = await connectorSession(stand, (session) =>
    isRefused(() => readPlanned(session, { target: { query: text } })),
  );
  expect(isKept, 'the source refuses writes, which it does not claim').toBe(false);
};

export const reset: AbilityCheck = async (stand) => {
  const { source, started } = stand;
  if (!source.abilities.query) return;
  await connectorSession(stand, async (session) => {
    if (!source.abilities.reset) {
      expect(session.reset, 'it can be reset, which it does not claim').toBeUndefined();
      return;
    }
    const { leave, look } = given(started.residue, 'residue');
    const read = async (text: string) => (await readPlanned(session, { target: { query: text } })).rows;
    const before = await read(look);
    await read(leave);
    expect(await read(look), 'the query of the harness leaves nothing').not.toEqual(before);
    await given(session.reset?.bind(session), 'reset of the session')(call);
    expect(await read(look), 'a statement has left something').toEqual(before);
  });
};

export const cancel: AbilityCheck = async (stand) => {
  const { source, started, bench } = stand;
  const isClaimed = source.abilities.cancel === 'at-source';
  const hasCancel = await connectorSession(stand, async (session) => session.cancel !== undefined);
  expect(hasCancel, 'whether it can be asked to stop').toBe(isClaimed);
  if (!isClaimed && !started.slow) return;
  const { read, isRunning } = given(started.slow, 'slow');
  const ended = new AbortController();
  const session = await bench.open(bench.source.good);
  try {
    const target = 'query' in read ? { query: read.query } : { path: read.path };
    const options = { signal: ended.signal };
    const work = session.use.read({ target, batchRows: 10, lanes: ['rows'] }, options).then(async (found) => {
      for await (const batch of found.batches) expect(batch).toBeDefined();
    });
    const failure = failureOf(work);
    expect(await waitUntil(turning(isRunning), beginMsMax), 'the slow work never began').toBe(true);
    ended.abort();
    expect((await failure).kind).toBe('cancelled');
    const isOver = await waitUntil(
      turning(async () => !(await isRunning())),
      cancelMsMax,
    );
    expect(isOver, 'D25: the source still works two seconds later').toBe(true);
    if (!isClaimed) return;
    await session.ping();
    expect(session.use.isBroken(), 'its connection had to be cut').toBe(false);
  } finally {
    await session.close();
    expect(await bench.network.idle(CLOSE_MS_MAX), 'sockets left open after close').toBe(true);
  }
};
