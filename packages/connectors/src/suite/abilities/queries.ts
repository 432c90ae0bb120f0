import { setImmediate } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Abilities } from '../../interface/abilities.js';
import type { Parameters } from '../../interface/plan.js';
import { allBatches, CLOSE_MS_MAX, failureOf, waitUntil } from '../bench.js';
import { inputOf } from '../connection-input.js';
import { type AbilityCheck, call, connectorSession, given, isRefused, readPlanned } from './stand.js';

type QueryLanguage = NonNullable<Abilities['query']>['language'];

const beginMsMax = 10_000;

/** How queries of a language begin, or what is in each of them. */
const isWrittenIn: Readonly<Record<QueryLanguage, RegExp>> = {
  sql: /^\s*(?:select|with|values|table)\b/i,
  soql: /^\s*select\s+[\w.,()\s]+?\s+from\s+\w+/i,
  kql: /^\s*(?:print\b|[\w.()'"[\]]+\s*\|)/i,
  odata: /^\s*[^\s?]*\?(?:.*&)?\$\w+=/,
};

/** Gives a server in this process its turn. */
const turning = (holds: () => Promise<boolean>) => async () => {
  await setImmediate();
  return holds();
};

export const query: AbilityCheck = async (stand) => {
  const { source, started, bench } = stand;
  if (source.abilities.query) {
    const text = given(started.query, 'query');
    const { language } = source.abilities.query;
    expect(isWrittenIn[language].test(text), `the query of the harness is ${language}`).toBe(true);
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

const kindOf = (values: Parameters) => (Array.isArray(values) ? 'positional' : 'named');
/** The same values given the other way. */
const turned = (values: Parameters): Parameters =>
  Array.isArray(values)
    ? Object.fromEntries(values.map((value, at) => [`p${at + 1}`, value]))
    : Object.values(values);

export const parameters: AbilityCheck = async (stand) => {
  const { source, started, bench } = stand;
  const claim = source.abilities.query?.parameters ?? 'none';
  const proofs = started.parameterised ?? [];
  const isTaken = (text: string, values: Parameters) =>
    connectorSession(
      stand,
      async (session) =>
        !(await isRefused(() => readPlanned(session, { target: { query: text, parameters: values } }))),
    );
  if (claim === 'none') {
    const [{ query: text, parameters: values } = { query: started.query ?? 'select 1', parameters: [1] }] =
      proofs;
    expect(await isTaken(text, values), 'it takes parameters of a query, which it does not claim').toBe(
      false,
    );
    return;
  }
  const kinds = proofs.map((proof) => kindOf(proof.parameters)).toSorted();
  expect(kinds, 'how parameters are given').toEqual(claim === 'both' ? ['named', 'positional'] : [claim]);
  for (const { query: text, parameters: values, rows } of proofs) {
    await bench.within(async (session) => {
      const found = await session.read({ query: text, parameters: values, batchRows: 10 });
      expect((await allBatches(found)).flat()).toEqual(rows);
      const without = await failureOf(session.read({ query: text, batchRows: 10 }).then(allBatches));
      expect(without.kind, 'a placeholder without a value').toBe('invalid_query');
    });
    expect(await isTaken(text, turned(values)), 'values given in a way that the query does not name').toBe(
      false,
    );
  }
};

export const readOnly: AbilityCheck = async (stand) => {
  const { source, started, bench } = stand;
  if (!source.abilities.query) {
    expect(source.abilities.readOnly, 'without statements, nothing shows that it refuses writes').toBe(
      'login',
    );
    return;
  }
  const { query: text, isWritten } = given(started.write, 'write');
  if (source.abilities.readOnly === 'enforced') {
    await bench.within((session) => failureOf(session.read({ query: text, batchRows: 10 }).then(allBatches)));
    expect(await isWritten(), 'a read has written').toBe(false);
    return;
  }
  const isKept = await connectorSession(stand, (session) =>
    isRefused(() => readPlanned(session, { target: { query: text } })),
  );
  expect(isKept, 'the source refuses writes, which it does not claim').toBe(false);
};

export const reset: AbilityCheck = async (stand) => {
  const { source, started } = stand;
  const isClaimed = source.abilities.reset;
  if (!source.abilities.query) {
    expect(isClaimed, 'without statements there is nothing to leave, which it does not claim').toBe(true);
    return;
  }
  await connectorSession(stand, async (session) => {
    expect(session.reset !== undefined, 'whether it can be reset').toBe(isClaimed);
    if (!isClaimed) return;
    const resetOf = async () => session.reset?.(call);
    const residue = given(started.residue, 'residue');
    if ('keepsSessions' in residue) {
      await resetOf();
      expect(await residue.keepsSessions(), 'the server keeps what statements leave').toBe(false);
      return;
    }
    const read = async (text: string) => (await readPlanned(session, { target: { query: text } })).rows;
    const before = await read(residue.look);
    await read(residue.leave);
    expect(await read(residue.look), 'the query of the harness leaves nothing').not.toEqual(before);
    await resetOf();
    expect(await read(residue.look), 'a statement has left something').toEqual(before);
  });
};

export const cancel: AbilityCheck = async (stand) => {
  const { source, started, bench, stopMsMax = 2_000 } = stand;
  const isClaimed = source.abilities.cancel === 'at-source';
  const hasCancel = await connectorSession(stand, async (session) => session.cancel !== undefined);
  expect(hasCancel, 'whether it can be asked to stop').toBe(isClaimed);
  const { read, isRunning, connection = started.good[0] } = given(started.slow, 'slow');
  const ended = new AbortController();
  const session = await bench.open(inputOf(source, connection));
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
    // One that is not asked to stop may work until its connection ends.
    if (!isClaimed) await session.close();
    const isOver = await waitUntil(
      turning(async () => !(await isRunning())),
      stopMsMax,
    );
    expect(isOver, 'D25: the source works on').toBe(true);
    if (!isClaimed) return;
    await session.ping();
    expect(session.use.isBroken(), 'its connection had to be cut').toBe(false);
  } finally {
    await session.close();
    expect(await bench.network.idle(CLOSE_MS_MAX), 'sockets left open after close').toBe(true);
  }
};
