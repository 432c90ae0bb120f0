import { type LabClickHouse, startClickHouse } from '@mooring/lab/clickhouse';
import { type ClickHouseEngine, EngineFailure } from '@mooring/lab/clickhouse/engine';
import { recordedEngine } from '@mooring/lab/clickhouse/recorded-engine';
import { afterEach, describe, expect, it } from 'vitest';
import { allBatches, Bench, failureOf } from '../../suite/bench.js';
import { inputOf } from '../../suite/connection-input.js';
import { type FakeServer, startFakeServer } from '../../suite/fake-server.js';
import { harness } from './harness.js';
import { source } from './source.js';

let lab: LabClickHouse | undefined;
let fake: FakeServer | undefined;
let bench: Bench | undefined;
afterEach(async () => {
  bench?.network.close();
  await lab?.close();
  await fake?.close();
});

const isRead = (sql: string) => sql.startsWith('SELECT') && sql.includes('all_orders');

/** An engine that does something else once it has sent some bytes of a table. */
const engineThat = (bytes: number, then: (signal: AbortSignal) => Promise<void>): ClickHouseEngine => ({
  async *run(statement, signal) {
    const answer = recordedEngine.run(statement, signal);
    if (!isRead(statement.sql)) return yield* answer;
    for await (const chunk of answer) yield chunk.slice(0, bytes);
    await then(signal);
  },
  close: async () => {},
});

async function benchOn(engine: ClickHouseEngine): Promise<Bench> {
  lab = await startClickHouse({ engine });
  const started = await harness.on(lab);
  await started.close();
  bench = new Bench(source, { good: inputOf(source, started.good[0]) });
  return bench;
}

const wholeTable = { path: ['sales', 'all_orders'], batchRows: 100 };
const failing = (engine: ClickHouseEngine) =>
  benchOn(engine).then((opened) =>
    opened.within((session) => failureOf(session.read(wholeTable).then(allBatches))),
  );

describe('ClickHouse over HTTP', () => {
  it.each([0, 1, 300])('an exception after %i bytes of the answer fails the read', async (bytes) => {
    const error = await failing(
      engineThat(bytes, () => Promise.reject(new EngineFailure(241, 'Memory limit exceeded'))),
    );
    expect([error.kind, error.nativeCode]).toEqual(['quota_exceeded', '241']);
  });

  it('an answer that ends before its end fails the read', async () => {
    const error = await failing(engineThat(700, async () => {}));
    expect(error.kind).toBe('protocol_error');
  });

  it('a connection that breaks in the midst of an answer fails the read', async () => {
    const error = await failing(engineThat(700, () => Promise.reject(new Error('gone'))));
    expect(['unreachable', 'protocol_error']).toContain(error.kind);
  });

  it('a cancelled read is killed by its id', async () => {
    const waiting = (signal: AbortSignal) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    const opened = await benchOn(engineThat(300, waiting));
    const controller = new AbortController();
    await opened.within(
      async (session) => {
        const failure = failureOf(session.read(wholeTable).then(allBatches));
        await expect.poll(() => lab?.running().some(isRead)).toBe(true);
        controller.abort();
        expect((await failure).kind).toBe('cancelled');
        await expect.poll(() => lab?.running()).toEqual([]);
      },
      { signal: controller.signal },
    );
    expect(lab?.statements.at(-1)?.sql).toMatch(/^KILL QUERY WHERE query_id = '[0-9a-f-]{36}' ASYNC$/);
  });

  it.each([
    ['another server', 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<html>'],
    ['a redirect', 'HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\nconnection: close\r\n\r\n'],
    ['an empty answer', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'],
    ['other columns', 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"data":[["1"]]}'],
  ])('is not mistaken in %s', async (_, answer) => {
    fake = await startFakeServer((socket) => socket.once('data', () => socket.end(answer)));
    const input = inputOf(source, {
      name: 'fake',
      properties: {
        host: fake.host,
        port: fake.port,
        secure: false,
        username: 'me',
        password: 'a-canary-word',
      },
    });
    bench = new Bench(source, { good: input });
    const error = await failureOf(bench.open(input));
    expect(error.kind).toBe('protocol_error');
    expect(fake.received().toString()).not.toContain('a-canary-word');
  });
});
