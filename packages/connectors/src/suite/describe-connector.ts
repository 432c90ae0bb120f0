// The behaviour required of every data source. One suite for all drivers, so that a harness is enough to prove a new
// source; what a source cannot do is listed in `unsupported`, never skipped silently.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnySource } from '../interface/source.js';
import { allBatches, Bench, failureOf, waitUntil } from './bench.js';
import type { Ability, ConnectorHarness, SlowWork, StartedSource } from './connector-harness.js';
import { describeSession, FAILURE_MS_MAX, type Readable, reader } from './describe-session.js';

type StartedBench = Bench<StartedSource & Readable>;

/** Maximum time for which the source may continue after a cancel (case D25). */
const CANCEL_MS_MAX = 2_000;

function describeQueries(harness: ConnectorHarness, bench: () => StartedBench): void {
  const read = reader(bench);

  if (harness.unsupported.includes('query')) {
    it('refuses a query, as its capabilities say', async () => {
      const error = await bench().within((session) =>
        failureOf(session.read({ query: 'select 1', batchRows: 1 }).then(allBatches)),
      );
      expect(['unsupported', 'invalid_query']).toContain(error.kind);
    });
  } else {
    it('reads a query', async () => {
      const { query } = bench().source;
      const { columns, batches } = await read(query === undefined ? {} : { query });
      expect(columns.length).toBeGreaterThan(0);
      expect(batches.flat().length).toBeGreaterThan(0);
    });
  }
}

function describeCancel(harness: ConnectorHarness, bench: () => StartedBench): void {
  if (harness.unsupported.includes('slow')) return;

  const started = async (slow: SlowWork) =>
    expect(await waitUntil(() => slow.isRunning(), FAILURE_MS_MAX), 'the slow work never began').toBe(true);

  it('D25: stops the work at the source within two seconds of an abort', async () => {
    const { slow } = bench().source;
    if (!slow) throw new Error('the harness gave no slow work');
    const controller = new AbortController();
    await bench().within(
      async (session) => {
        const failure = failureOf(session.read({ ...slow.read, batchRows: 10 }).then(allBatches));
        await started(slow);
        controller.abort();
        expect((await failure).kind).toBe('cancelled');
        expect(await waitUntil(async () => !(await slow.isRunning()), CANCEL_MS_MAX)).toBe(true);
      },
      { signal: controller.signal },
    );
  });
}

/**
 * Registers the contract suite of a source.
 * @param harness starts the servers and declares what the source cannot do
 */
export function describeConnector(source: AnySource, harness: ConnectorHarness): void {
  describe(`connector contract: ${source.id}`, () => {
    let current: StartedBench | undefined;
    const bench = (): StartedBench => {
      if (!current) throw new Error('the source was not started');
      return current;
    };

    beforeAll(async () => {
      const started = await harness.start();
      current = new Bench(source, { ...started, wrong: started.wrongPassword });
    });
    afterAll(async () => {
      current?.network.close();
      await current?.source.close();
    });

    it('says in its harness what it cannot do, and its capabilities agree', () => {
      const abilities: readonly Ability[] = ['wrongPassword', 'query', 'slow', 'types'];
      for (const ability of abilities) {
        const given = bench().source[ability] !== undefined;
        expect(given, ability).toBe(!harness.unsupported.includes(ability));
      }
      expect(source.abilities.query !== undefined).toBe(!harness.unsupported.includes('query'));
      const parsed = source.properties.safeParse(bench().source.good.properties);
      expect(parsed.error?.issues ?? [], 'the good properties do not fit the schema').toEqual([]);
    });

    describeSession(source, bench, {
      hasSecret: !harness.unsupported.includes('wrongPassword'),
      hasTypes: !harness.unsupported.includes('types'),
    });
    describeQueries(harness, bench);
    describeCancel(harness, bench);
  });
}
