import { randomUUID } from 'node:crypto';
import { type BlackableRelay, startBlackableRelay } from '@mooring/lab/blackable-relay';
import { comparingTimes } from '@mooring/lab/comparing-times';
import { startCrowd } from '@mooring/lab/crowd';
import { percentile, timed } from '@mooring/lab/percentile';
import { full } from '@mooring/lab/test-tier';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { healthy, type IsolationStand, limits, previewBody, startIsolationStand } from './isolation-stand.js';
import { startTrickle, type Trickle } from './trickle.js';

// One source or tenant in trouble, and what it costs the others. Compared with the same in quiet, turn by turn in one
// run, so that a busy machine weighs on both.

vi.setConfig({ testTimeout: 420_000 });

/** Of one user, who has half of the tenant's 256. */
const usesOfOne = 128;
const samplesOfRound = 75;
/** A p99 needs samples, and more of them on a machine that is busy with something else. */
const rounds = { min: full(4, 1), max: 10 };
/** Long enough for the black hole to be noticed: longer than `idleSeconds`. */
const roundMs = 8000;
/** Between two samples of a round that is longer than its samples take: without pauses they only keep the machine busy. */
const pauseMs = full(0, 50);
const callersOfA = full(200, 100);
const callersOfTenant = full(500, 250);
const crowdsOfTenant = 5;

interface Comparison {
  measured: () => Promise<void>;
  /** Shortest round of the troubled kind; in the long tier, of the quiet one too. */
  roundMs: number;
  /** Begins; what it resolves with ends it, and tells what those in trouble were answered. */
  trouble: () => Promise<() => Promise<ReadonlyMap<string, number>>>;
}

/** Holds the p99 in trouble below twice that in quiet. @returns what those in trouble were answered, in alphabetical order */
async function comparedWithQuiet({ measured, roundMs: lastMs, trouble }: Comparison): Promise<string[]> {
  await timed(20, measured);
  const quiet: number[] = [];
  const loaded: number[] = [];
  const codes = new Set<string>();
  const p99 = (times: readonly number[]) => percentile(times, 0.99);
  for (let round = 0; round < rounds.max; round += 1) {
    if (round >= rounds.min && p99(loaded) < 2 * p99(quiet)) break;
    quiet.push(...(await timed(samplesOfRound, measured, { lastMs: full(lastMs, 0), pauseMs })));
    const end = await trouble();
    loaded.push(...(await timed(samplesOfRound, measured, { lastMs, pauseMs })));
    for (const code of (await end()).keys()) codes.add(code);
  }
  expect(p99(loaded), `p99 was ${p99(quiet)} ms in quiet`).toBeLessThan(2 * p99(quiet));
  return [...codes].toSorted();
}

describe('a source that has become a black hole', () => {
  let stand: IsolationStand;
  let relay: BlackableRelay;
  beforeAll(async () => {
    stand = await startIsolationStand({ limits });
    relay = await startBlackableRelay(stand.lab);
  });
  afterAll(async () => {
    await stand.close();
    await relay.close();
  });

  it('R16: costs another source less than its p99 again, with many callers', comparingTimes, async () => {
    const { connect, first, lab, mooring } = stand;
    const a = await connect(first, `a ${randomUUID()}`, relay.port);
    const b = await connect(first, `b ${randomUUID()}`, lab.port);
    await healthy(first, a)();
    const codes = await comparedWithQuiet({
      measured: healthy(first, b),
      roundMs,
      async trouble() {
        relay.isBlack = true;
        const callers = startCrowd({
          ...{ url: `${mooring.url}${a}/actions/preview`, key: mooring.adminKey, count: callersOfA },
          body: JSON.stringify(previewBody),
        });
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
});

describe('a tenant that floods', () => {
  let stand: IsolationStand;
  let trickle: Trickle;
  beforeAll(async () => {
    stand = await startIsolationStand({});
    // Each is a source of its own, so that the budget which is reached is the tenant's.
    trickle = await startTrickle(crowdsOfTenant);
  });
  afterAll(async () => {
    await stand.close();
    await trickle.close();
  });

  const gauge = async (name: string) => {
    const text = await (await fetch(`${stand.mooring.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
  };
  const atWorkAndWaiting = async () => [
    await gauge('mooring_open_sessions'),
    await gauge('mooring_uses_waiting'),
  ];

  it(
    'R17: costs another tenant less than its p99 again, with more slow reads than it may have',
    comparingTimes,
    async () => {
      const { connect, first, lab, mooring, other } = stand;
      const theirs = await connect(other, `theirs ${randomUUID()}`, lab.port);
      const flooded = await Promise.all(
        trickle.urls.map(async (url) => {
          const made = await first.post('/api/v1/data-connections', {
            datasourceID: 'rest',
            qName: `${url} ${randomUUID()}`,
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
    },
  );
});
