import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BlackableRelay, startBlackableRelay } from '@mooring/lab/blackable-relay';
import { startCrowd } from '@mooring/lab/crowd';
import { percentile, timed } from '@mooring/lab/percentile';
import { startPostgres } from '@mooring/lab/postgres';
import { type Answer, type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';
import { addTenant } from './populated-mooring.js';

// One source or tenant in trouble, and what it costs the others. Compared with the same in quiet, turn by turn in one
// run, so that a busy machine weighs on both.

vi.setConfig({ testTimeout: 300_000 });

const limits = { idleSeconds: 5, testSeconds: 5, usesPerSource: 16, usesPerTenant: 16, pauseSeconds: 4 };
const pauseAfter = 5;
const rounds = 4;
const samplesOfRound = 75;
/** Long enough for the black hole to be noticed: longer than `idleSeconds`. */
const roundMs = 8000;
const callersOfA = 200;

const folder = mkdtempSync(path.join(tmpdir(), 'mooring-isolation-'));
let lab: Awaited<ReturnType<typeof startPostgres>>;
let mooring: MooringProcess;
let first: ApiClient;
let otherKey: string;
let other: ApiClient;

beforeAll(async () => {
  lab = await startPostgres({ rowsInBig: 5_000_000 });
  const dataFolder = path.join(folder, 'data');
  await (await startMooring({ dataFolder })).stop();
  otherKey = await addTenant(dataFolder, 'other');
  mooring = await startMooring({ dataFolder, configuration: { limits: { ...limits, pauseAfter } } });
  first = apiClient(mooring.url, mooring.adminKey);
  other = apiClient(mooring.url, otherKey);
});
afterAll(async () => {
  await mooring.stop();
  await lab.close();
  rmSync(folder, { recursive: true, force: true });
});

async function connect(api: ApiClient, qName: string, port: number, more: object = {}): Promise<string> {
  const { user: username, password } = lab.roles.reader;
  const made = await api.post('/api/v1/data-connections', {
    datasourceID: 'postgres',
    qName,
    connectionProperties: {
      ...{ host: '127.0.0.1', port, db: lab.database, sslmode: 'disable', username, password },
      ...more,
    },
  });
  expect(made.status, made.text).toBe(201);
  return `/api/v1/data-connections/${made.body.qID}`;
}

const query = 'SELECT n, md5(n::text) AS text FROM generate_series(1, 500) AS n';
const preview = (api: ApiClient, connection: string) =>
  api.post(`${connection}/actions/preview`, { query, limit: 1000 });

const previewOf = (key: string, connection: string) => ({
  url: `${mooring.url}${connection}/actions/preview`,
  key,
  body: JSON.stringify({ query, limit: 1000 }),
});

const codeOf = (answer: Answer): string => answer.body?.errors?.[0]?.code ?? String(answer.status);

const healthy = (api: ApiClient, connection: string) => async () => {
  const answer = await preview(api, connection);
  expect(answer.status, answer.text.slice(0, 300)).toBe(200);
};

describe('a source that has become a black hole', () => {
  let relay: BlackableRelay;
  let a: string;
  let b: string;

  beforeAll(async () => {
    relay = await startBlackableRelay(lab);
    a = await connect(first, 'a', relay.port);
    b = await connect(first, 'b', lab.port);
  });
  afterAll(() => relay.close());

  it('R16: costs another source less than its p99 again, with 200 callers', async () => {
    await timed(20, healthy(first, b));
    await healthy(first, a)();
    const quiet: number[] = [];
    const loaded: number[] = [];
    const all = new Map<string, number>();
    for (let round = 0; round < rounds; round += 1) {
      quiet.push(...(await timed(samplesOfRound, healthy(first, b), roundMs)));
      relay.isBlack = true;
      const callers = startCrowd({ ...previewOf(mooring.adminKey, a), count: callersOfA });
      await callers.answered;
      loaded.push(...(await timed(samplesOfRound, healthy(first, b), roundMs)));
      for (const [code, count] of await callers.leave()) all.set(code, (all.get(code) ?? 0) + count);
      relay.isBlack = false;
    }
    const [before, during] = [percentile(quiet, 0.99), percentile(loaded, 0.99)];
    expect(during, `p99 was ${before} ms in quiet`).toBeLessThan(2 * before);
    expect([...all.keys()].toSorted()).toEqual(['BUSY', 'SOURCE-PAUSED', 'SOURCE-TIMEOUT']);
  });

  const whenBack = () =>
    expect.poll(async () => codeOf(await preview(first, a)), { timeout: 30_000, interval: 100 }).toBe('200');

  const pauseA = async () => {
    relay.isBlack = true;
    const misses = await Promise.all(Array.from({ length: pauseAfter }, () => preview(first, a)));
    expect(misses.map(codeOf)).toEqual(misses.map(() => 'SOURCE-TIMEOUT'));
  };

  it('R16: is left alone after five misses, tried by one at a time, and comes back by itself', async () => {
    relay.isBlack = false;
    await whenBack();
    await pauseA();
    const count = relay.count();
    const refused = await preview(first, a);
    expect(refused.status).toBe(503);
    expect(codeOf(refused)).toBe('SOURCE-PAUSED');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(relay.count()).toBe(count);

    await expect.poll(relay.openCount).toBe(0);
    relay.takePeak();
    const insist = async () => {
      await expect
        .poll(async () => codeOf(await preview(first, a)), { timeout: 30_000, interval: 50 })
        .toBe('SOURCE-TIMEOUT');
    };
    // The first probe fails, and of all these callers it is one.
    await Promise.any(Array.from({ length: 20 }, insist));
    expect(relay.takePeak()).toBe(1);

    relay.isBlack = false;
    await whenBack();
  });

  it('R16: says nothing of one tenant to another, nor of one destination to another', async () => {
    const elsewhere = await connect(other, 'the same place', relay.port);
    await whenBack();
    await pauseA();
    relay.isBlack = false;
    await healthy(other, elsewhere)();
    await healthy(first, b)();
    expect(codeOf(await preview(first, a))).toBe('SOURCE-PAUSED');
  });

  it('R16: is tried at once by a test, which ends the pause for everybody', async () => {
    relay.isBlack = false;
    await whenBack();
    await pauseA();
    relay.isBlack = false;
    expect(codeOf(await preview(first, a))).toBe('SOURCE-PAUSED');
    expect((await first.post(`${a}/actions/test`)).body.ok).toBe(true);
    await healthy(first, a)();
  });

  it('R16: is not what a refused login makes of a source', async () => {
    const wrong = await connect(first, 'wrong', lab.port, { password: 'not the password' });
    for (let number = 0; number < 2 * pauseAfter; number += 1) {
      expect(codeOf(await preview(first, wrong))).toBe('SOURCE-SIGN-IN-FAILED');
    }
    await healthy(first, b)();
  });
});

describe('a tenant that floods', () => {
  it('R17: costs another tenant less than its p99 again, and is told to come later', async () => {
    const theirs = await connect(other, 'theirs', lab.port);
    const slow = JSON.stringify({
      // Four seconds a batch, for longer than anybody measures. The source has the same two cores as everybody here, so
      // it must wait, not work.
      query: 'SELECT n, pg_sleep(0.004)::text AS slept FROM generate_series(1, 100000) AS n',
    });
    const flooded = await Promise.all([
      connect(first, 'flooded', lab.port),
      connect(first, 'flooded too', lab.port, { host: 'localhost' }),
    ]);
    await timed(20, healthy(other, theirs));
    const quiet: number[] = [];
    const loaded: number[] = [];
    const all = new Map<string, number>();
    for (let round = 0; round < rounds; round += 1) {
      quiet.push(...(await timed(samplesOfRound, healthy(other, theirs))));
      const crowds = flooded.map((connection) =>
        startCrowd({
          url: `${mooring.url}${connection}/actions/read`,
          ...{ key: mooring.adminKey, body: slow, count: callersOfA / 2 },
        }),
      );
      await Promise.all(crowds.map(({ answered }) => answered));
      loaded.push(...(await timed(samplesOfRound, healthy(other, theirs))));
      for (const codes of await Promise.all(crowds.map((crowd) => crowd.leave())))
        for (const [code, count] of codes) all.set(code, (all.get(code) ?? 0) + count);
    }
    const [before, during] = [percentile(quiet, 0.99), percentile(loaded, 0.99)];
    expect(during, `p99 was ${before} ms in quiet`).toBeLessThan(2 * before);
    expect([...all.keys()].toSorted()).toEqual(['200', 'BUSY']);
  });
});
