// What both contract suites require of a session.
import { expect, it } from 'vitest';
import type { ConnectorErrorKind } from '../interface/errors.js';
import type { Path } from '../interface/plan.js';
import { Secret } from '../interface/secret.js';
import type { AnySource } from '../interface/source.js';
import { allRevealed } from '../kit/secret-fields.js';
import { endpointsOf } from '../kit/typed-input.js';
import {
  allBatches,
  type Bench,
  type BenchSource,
  CLOSE_MS_MAX,
  expectNoSecrets,
  failureOf,
  secretsOf,
  type TestInput,
  type TestRead,
  type TestSession,
} from './bench.js';
import type { TypeExpectation } from './harness.js';

/** What they open. */
export interface Readable extends BenchSource {
  /** As `good` with a wrong secret. */
  wrong?: TestInput | undefined;
  /** Points to a port without a listener. */
  unreachable: TestInput;
  /** At least 5 rows and 2 columns. */
  readablePath: Path;
  readableRows: number;
  types?: readonly (Omit<TypeExpectation, 'read'> & { read: Pick<TestRead, 'path' | 'query'> })[] | undefined;
}

type StartedBench = Bench<Readable>;

/** Maximum time for a refused sign-in or an unreachable host. */
export const FAILURE_MS_MAX = 10_000;

interface Basics {
  /** The source's sign-in has a secret that can be wrong. Default: true. */
  hasSecret?: boolean;
  /** The harness expects exact values. Default: true. */
  hasTypes?: boolean;
}

function describeFailures(source: AnySource, bench: () => StartedBench, hasSecret: boolean): void {
  const fails = async (input: TestInput | undefined, kind: ConnectorErrorKind) => {
    if (!input) throw new Error('the harness gave no input');
    const begin = performance.now();
    const work = bench()
      .open(input)
      .then((session) => session.ping().finally(() => session.close()));
    const error = await failureOf(work);
    expect(error.kind).toBe(kind);
    expect(performance.now() - begin).toBeLessThan(FAILURE_MS_MAX);
    expectNoSecrets(error, await secretsOf(source, input));
    expect(await bench().network.idle(CLOSE_MS_MAX), 'sockets left open after a failure').toBe(true);
  };

  if (hasSecret) {
    it('refuses a wrong secret with auth_failed and leaves nothing open', () =>
      fails(bench().source.wrong, 'auth_failed'));
  }

  it('TR13: takes no secret that does not come hidden', async () => {
    const { good } = bench().source;
    const fields = allRevealed(good.login.fields);
    expect(Object.values(good.login.fields).some((value) => value instanceof Secret)).toBe(true);
    const work = bench()
      .open({ ...good, login: { ...good.login, fields } })
      .then((session) => session.ping().finally(() => session.close()));
    expect(['auth_failed', 'invalid_config']).toContain((await failureOf(work)).kind);
  });

  it('answers unreachable when nothing listens', () => fails(bench().source.unreachable, 'unreachable'));

  it('does not open once the signal is aborted', async () => {
    const work = bench()
      .open(bench().source.good, AbortSignal.abort())
      .then((session) => session.ping().finally(() => session.close()));
    expect((await failureOf(work)).kind).toBe('cancelled');
    expect(await bench().network.idle(CLOSE_MS_MAX)).toBe(true);
  });

  it('answers an unknown column with invalid_query and no secret', async () => {
    const { readablePath, good } = bench().source;
    const error = await bench().within((session) =>
      failureOf(
        session.read({ path: readablePath, columns: ['no_such_column'], batchRows: 10 }).then(allBatches),
      ),
    );
    expect(error.kind).toBe('invalid_query');
    expectNoSecrets(error, await secretsOf(source, good));
  });

  it('answers an unknown path with not_found', async () => {
    const path = [...bench().source.readablePath.slice(0, -1), 'no_such_item'];
    const error = await bench().within((session) =>
      failureOf(session.read({ path, batchRows: 10 }).then(allBatches)),
    );
    expect(error.kind).toBe('not_found');
  });
}

/** Reads to the end. */
async function readAll(session: TestSession, request: Omit<TestRead, 'batchRows'>, batchRows = 1_000) {
  const stream = await session.read({ ...request, batchRows });
  return { columns: stream.columns, batches: await allBatches(stream) };
}

function describeReads(bench: () => StartedBench): void {
  it('reads all rows of a path, each as wide as the columns, twice in one session', () =>
    bench().within(async (session) => {
      const { readablePath: path, readableRows } = bench().source;
      for (let round = 0; round < 2; round += 1) {
        const { columns, batches } = await readAll(session, { path });
        expect(batches.flat()).toHaveLength(readableRows);
        for (const row of batches.flat()) expect(row).toHaveLength(columns.length);
      }
    }));

  it('keeps to batchRows and to the limit, and never yields an empty batch', () =>
    bench().within(async (session) => {
      const { readablePath: path, readableRows } = bench().source;
      const { batches } = await readAll(session, { path }, 2);
      for (const batch of batches) expect([1, 2]).toContain(batch.length);
      expect(batches.flat()).toHaveLength(readableRows);
      // Also where it is not a multiple of batchRows.
      for (const limit of [3, 2])
        expect((await readAll(session, { path, limit }, 2)).batches.flat()).toHaveLength(limit);
    }));

  it('gives the columns asked for, in the order asked for', () =>
    bench().within(async (session) => {
      const { readablePath: path } = bench().source;
      const whole = await readAll(session, { path, limit: 2 });
      const [first, second] = whole.columns;
      if (!first || !second) throw new Error('the readable path needs two columns');
      const picked = await readAll(session, { path, columns: [second.name, first.name], limit: 2 });
      expect(picked.columns.map(({ name }) => name)).toEqual([second.name, first.name]);
      expect(picked.batches.flat()).toEqual(whole.batches.flat().map((row) => [row[1], row[0]]));
    }));

  it('stops when the reader leaves, and the session can be closed', async () => {
    await bench().within(async (session) => {
      const stream = await session.read({ path: bench().source.readablePath, batchRows: 1 });
      for await (const batch of stream.batches) {
        expect(batch).toHaveLength(1);
        break;
      }
    });
  });
}

function describeTypes(bench: () => StartedBench): void {
  it('returns every declared value unchanged', () =>
    bench().within(async (session) => {
      const { types = [] } = bench().source;
      expect(types.length, 'reads with exact values in the harness').toBeGreaterThan(0);
      for (const expected of types) {
        const { columns, batches } = await readAll(session, expected.read);
        expect(
          columns.map(({ name, type }) => ({ name, type })),
          expected.title,
        ).toEqual(expected.columns);
        expect(batches.flat(), expected.title).toEqual(expected.rows);
      }
    }));
}

function describeBrowse(bench: () => StartedBench): void {
  it('finds the readable item by browsing from the root, page by page', async () => {
    const { readablePath } = bench().source;
    await bench().within(async (session) => {
      for (let depth = 0; depth < readablePath.length; depth += 1) {
        const path = readablePath.slice(0, depth);
        const items = [];
        let page: string | undefined;
        do {
          const answer = await session.browse({ path, limit: 2, ...(page === undefined ? {} : { page }) });
          expect(answer.items.length).toBeLessThanOrEqual(2);
          items.push(...answer.items);
          page = answer.next;
        } while (page !== undefined);
        const paths = items.map((item) => JSON.stringify(item.path));
        expect(new Set(paths).size, 'an item was listed twice').toBe(paths.length);
        const found = items.find((item) => item.name === readablePath[depth]);
        expect(found?.path, `${readablePath[depth]} was not listed`).toEqual(
          readablePath.slice(0, depth + 1),
        );
        if (depth === readablePath.length - 1) expect(found?.readable).toBe(true);
        else expect(found?.container).toBe(true);
      }
    });
  });
}

/** Sign-in, failures, reads, values, browsing. */
export function describeSession(
  source: AnySource,
  bench: () => StartedBench,
  { hasSecret = true, hasTypes = true }: Basics = {},
): void {
  it('names the endpoint that a test probes', () => {
    const { good, settings } = bench().source;
    const endpoints = endpointsOf(source, good.properties, settings ?? {});
    expect(endpoints.filter(({ role }) => role === 'data')).toHaveLength(1);
  });

  it('signs in, pings, and closes twice without complaint', () =>
    bench().within(async (session) => {
      await session.ping();
      await session.close();
    }));

  describeFailures(source, bench, hasSecret);
  describeReads(bench);
  if (hasTypes) describeTypes(bench);
  describeBrowse(bench);
}
