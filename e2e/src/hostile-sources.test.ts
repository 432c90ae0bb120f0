import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { comparingTimes } from '@mooring/lab/comparing-times';
import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { full } from '@mooring/lab/test-tier';
import { type ApiClient, addUser, apiClient } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Attack, createAttacker, startHostileSources } from './hostile/attacks.js';
import { loopWatch, residentMb, type Seen, watched } from './hostile/service-watch.js';

import { type MooringProcess, startMooring } from './mooring-process.js';
import { isAlive, processorSeconds, runnersOf } from './runner-memory.js';

// Hostile sources against a service with little memory: it keeps running, for all other users too.

const isLong = full(1, 0) === 1;
const runnerMb = 256;
const serviceMbMax = 1024;
/** Of the service's own work, and of its waits for anything but a processor: others on this machine want those too. */
const loopMsMax = 100;
// The embedded store waits for its disk, whatever the sources send: a disk in memory leaves only what they cost.
const disk = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const folder = mkdtempSync(path.join(disk, 'mooring-hostile-sources-'));
const loopFile = path.join(folder, 'loop');

let sources: Awaited<ReturnType<typeof startHostileSources>>;
let honest: LoopbackServer;
let mooring: MooringProcess;
let admin: ApiClient;
let users = 0;

beforeAll(async () => {
  sources = await startHostileSources();
  honest = await listenOnLoopback(0, () => (_request, response) => {
    response.setHeader('content-type', 'application/json').end('[{"a":1},{"a":2}]');
  });
  mooring = await startMooring({
    dataFolder: path.join(folder, 'data'),
    configuration: {
      limits: {
        ...{ runnerMemory: runnerMb, runnersMemory: 4_096 },
        ...{ idleSeconds: 20, readSeconds: 30, readBytes: 4_000_000 },
      },
    },
    environment: { NODE_OPTIONS: `--max-old-space-size=512 ${loopWatch}`, LOOP_FILE: loopFile },
  });
  // Users and sources are this process; on machines of their own they would not compete with the service.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  admin = apiClient(mooring.url, mooring.adminKey);
});
afterAll(async () => {
  await sources.close();
  await honest.close();
  rmSync(folder, { recursive: true });
});

async function newUser(name: string): Promise<ApiClient> {
  users += 1;
  return (await addUser(mooring.url, mooring.adminKey, `${name} ${users}`)).api;
}

/** Previews of a user who means no harm, until stopped. @returns what failed, and how many did not */
async function honestWork(isOver: () => boolean) {
  const api = await newUser('honest');
  const made = await api.post('/api/v1/data-connections', {
    ...{ datasourceID: 'rest', qName: 'numbers', connectionProperties: { url: `${honest.url}/numbers` } },
  });
  expect(made.status, made.text).toBe(201);
  const failed: string[] = [];
  let served = 0;
  while (!isOver()) {
    const { status, text } = await api.post(`/api/v1/data-connections/${made.body.qID}/actions/preview`, {
      path: [],
    });
    if (status === 200) served += 1;
    else failed.push(text);
    await wait(200);
  }
  return { failed, served };
}

/** The attacks, beside honest users; each attacker takes the next one that is left. */
async function attack(attackers: number, users: number, next: () => Attack | undefined): Promise<Seen> {
  let isOver = false;
  const failures: string[] = [];
  const working = Array.from({ length: users }, () => honestWork(() => isOver));
  const attacking = async () => {
    const act = createAttacker(await newUser('attacker'));
    for (let one = next(); one; one = next())
      await act(one).catch((error: Error) => failures.push(error.message));
  };
  const seen = await watched({ pid: mooring.pid, admin, loopFile }, async () => {
    try {
      await Promise.all(Array.from({ length: attackers }, attacking));
    } finally {
      isOver = true;
      await Promise.allSettled(working);
    }
  });
  expect(failures).toEqual([]);
  for (const { failed: honestly, served } of await Promise.all(working)) {
    expect(honestly).toEqual([]);
    expect(served).toBeGreaterThan(0);
  }
  return seen;
}

function expectUnharmed(seen: Seen): void {
  const what = JSON.stringify(seen);
  expect(isAlive(mooring.pid)).toBe(true);
  expect(seen.serviceMb, what).toBeLessThan(serviceMbMax);
  // It is looked at twenty times a second, and may grow a little in between.
  expect(seen.runnerMb, what).toBeLessThan(runnerMb * 1.25);
  expect(seen.workMs, what).toBeLessThan(loopMsMax);
  expect(seen.stillMs, what).toBeLessThan(loopMsMax);
}

/** @returns tells which runners have taken a tenth of a processor or more since it was last asked */
function busyRunners(): () => number[] {
  let lookedAt = Number.POSITIVE_INFINITY;
  let before = new Map<number, number>();
  return () => {
    const seconds = (performance.now() - lookedAt) / 1000;
    const alive = runnersOf(mooring.pid).filter(isAlive);
    const now = new Map(alive.map((pid) => [pid, processorSeconds(pid)]));
    const isBusy = (pid: number) => !((now.get(pid) ?? 0) - (before.get(pid) ?? 0) < seconds / 10);
    const busy = alive.filter(isBusy);
    lookedAt = performance.now();
    before = now;
    return busy;
  };
}

const takeFrom = (attacks: readonly Attack[]) => {
  const left = attacks.values();
  return () => left.next().value;
};

it(
  'TR1 TR16 TR17 TR18 TR20 TR25: no kind of harm affects another user, and each is answered with an error',
  comparingTimes,
  async () => {
    const before = residentMb(mooring.pid);
    // In the quick tier one door of each kind, another for the next.
    const chosen = sources.attacks.flatMap((attacks, index) =>
      isLong ? attacks : attacks.filter((_, door) => door === index % attacks.length),
    );
    const seen = await attack(4, 1, takeFrom(chosen));
    expectUnharmed(seen);
    const atWork = async () =>
      /^mooring_runners\{state="at_work"\} (\d+)$/m.exec((await admin.get('/metrics')).text)?.[1];
    await expect.poll(atWork).toBe('0');
    await expect.poll(busyRunners(), { interval: 500 }).toEqual([]);
    await expect
      .poll(() => residentMb(mooring.pid) - before, { timeout: 60_000, interval: 500 })
      .toBeLessThan(200);
  },
);

it.runIf(isLong)(
  'ten attackers for five minutes cost twenty honest users nothing',
  { ...comparingTimes, timeout: 900_000 },
  async () => {
    const endsAt = performance.now() + 300_000;
    const all = sources.attacks.flat();
    let taken = 0;
    const next = () => {
      taken += 1;
      return performance.now() < endsAt ? all[(taken * 7) % all.length] : undefined;
    };
    const seen = await attack(10, 20, next);
    expectUnharmed(seen);
    await expect.poll(() => runnersOf(mooring.pid), { timeout: 150_000, interval: 1_000 }).toEqual([]);
  },
);

it('leaves no runner when the service has ended', async () => {
  const runners = runnersOf(mooring.pid);
  await mooring.stop();
  await expect.poll(() => runners.filter(isAlive), { timeout: 5_000 }).toEqual([]);
});
