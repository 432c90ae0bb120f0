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
import { startTrickle, type Trickle } from './trickle.js';

// One source or tenant in trouble, and what it costs the others. Compared with the same in quiet, turn by turn in one
// run, so that a busy machine weighs on both.

vi.setConfig({ testTimeout: 420_000 });

/** The budgets are those that everybody has; only times are shortened, so that a black hole is soon noticed. */
const limits = { idleSeconds: 5, testSeconds: 5, pauseSeconds: 4 };
const pauseAfter = 5;
/** Of one user, who has half of the tenant's 256. */
const usesOfOne = 128;
const samplesOfRound = 75;
/** A p99 needs samples, and more of them on a machine that is busy with something else. */
const rounds = { min: 4, max: 10 };
/** Long enough for the black hole to be noticed: longer than `idleSeconds`. */
const roundMs = 8000;
const callersOfA = 200;
const callersOfTenant = 500;
const crowdsOfTenant = 5;

const folder = mkdtempSync(path.join(tmpdir(), 'mooring-isolation-'));
const dataFolder = path.join(folder, 'data');
let lab: Awaited<ReturnType<typeof startPostgres>>;
let mooring: MooringProcess;
let first: ApiClient;
let otherKey: string;
let other: ApiClient;

async function start(configuration: object): Promise<void> {
  mooring = await startMooring({ dataFolder, configuration });
  first = apiClient(mooring.url, mooring.adminKey);
  other = apiClient(mooring.url, otherKey);
}

beforeAll(async () => {
  lab = await startPostgres({ rowsInBig: 1 });
  await (await startMooring({ dataFolder })).stop();
  otherKey = await addTenant(dataFolder, 'other');
  await start({ limits: { ...limits, pauseAfter } });
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

interface Comparison {
  measured: () => Promise<void>;
  /** Shortest round of the troubled kind, and of the quiet one. */
  roundMs: number;
  /** Begins; what it resolves with ends it, and tells what those in trouble were answered. */
  trouble: () => Promise<() => Promise<ReadonlyMap<string, number>>>;
}

/** Holds the p99 in trouble below twice that in quiet. @returns what those in trouble were answered, in alphabetical order */
async function comparedWithQuiet({ measured, roundMs, trouble }: Comparison): Promise<string[]> {
  await timed(20, measured);
  const quiet: number[] = [];
  const loaded: number[] = [];
  const codes = new Set<string>();
  const p99 = (times: readonly number[]) => percentile(times, 0.99);
  for (let round = 0; round < rounds.max; round += 1) {
    if (round >= rounds.min && p99(loaded) < 2 * p99(quiet)) break;
    quiet.push(...(await timed(samplesOfRound, measured, roundMs)));
    const end = await trouble();
    loaded.push(...(await timed(samplesOfRound, measured, roundMs)));
    for (const code of (await end()).keys()) codes.add(code);
  }
  expect(p99(loaded), `p99 was ${p99(quiet)} ms in quiet`).toBeLessThan(2 * p99(quiet));
  return [...codes].toSorted();
}

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
    await healthy(first, a)();
    const codes = await comparedWithQuiet({
      measured: healthy(first, b),
      roundMs,
      async trouble() {
        relay.isBlack = true;
        const callers = startCrowd({ ...previewOf(mooring.adminKey, a), count: callersOfA });
        await callers.answered;
        return async () => {
          const counted = await callers.leave();
          relay.isBlack = false;
          return counted;
        };
      },
    });
    expect(codes).toEqual(['SOURCE-PAUSED', 'SOURCE-TIMEOUT']);
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
  let trickle: Trickle;
  beforeAll(async () => {
    await mooring.stop();
    await start({});
    // Each is a source of its own, so that the budget which is reached is the tenant's.
    trickle = await startTrickle(crowdsOfTenant);
  });
  afterAll(() => trickle.close());

  const gauge = async (name: string) => {
    const text = await (await fetch(`${mooring.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
  };
  const atWorkAndWaiting = async () => [
    await gauge('mooring_open_sessions'),
    await gauge('mooring_uses_waiting'),
  ];

  it('R17: costs another tenant less than its p99 again, with more slow reads than it may have', async () => {
    const theirs = await connect(other, 'theirs', lab.port);
    const flooded = await Promise.all(
      trickle.urls.map(async (url) => {
        const made = await first.post('/api/v1/data-connections', {
          datasourceID: 'rest',
          qName: url,
          connectionProperties: { url: `${url}/rows`, PaginationType: 'NextUrl', dataPath: 'data' },
        });
        expect(made.status, made.text).toBe(201);
        return `${mooring.url}/api/v1/data-connections/${made.body.qID}/actions/read`;
      }),
    );
    const codes = await comparedWithQuiet({
      measured: healthy(other, theirs),
      roundMs: 0,
      async trouble() {
        const crowds = flooded.map((url) =>
          startCrowd({
            url,
            key: mooring.adminKey,
            body: '{"path":[]}',
            count: callersOfTenant / crowdsOfTenant,
          }),
        );
        const waiting = callersOfTenant - usesOfOne;
        await expect.poll(atWorkAndWaiting, { timeout: 120_000 }).toEqual([usesOfOne, waiting]);
        return async () => {
          const counted = await Promise.all(crowds.map((crowd) => crowd.leave()));
          await expect.poll(atWorkAndWaiting, { timeout: 60_000 }).toEqual([0, 0]);
          return new Map(counted.flatMap((one) => [...one]));
        };
      },
    });
    expect(codes.filter((code) => code !== '200')).toEqual([]);
    expect(trickle.peak()).toBeLessThanOrEqual(usesOfOne);
  });
});
