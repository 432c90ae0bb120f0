import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { ApiClient } from '@mooring/server/testing/api-client';
import { runnersOf } from '../runner-memory.js';

/** In megabytes; 0 for a process that is gone. */
export function residentMb(pid: number, what: 'VmRSS' | 'RssAnon' = 'VmRSS'): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/**
 * Preloaded into the service: records stalls of its event loop, and how much of each its main thread used or waited for
 * a CPU. On a busy machine any loop is late, but does not use more CPU time. Plain JavaScript; runners do not get the
 * file. Source: the kernel's "Scheduler Statistics": nanoseconds on a CPU, then nanoseconds waiting for one, for
 * `/proc/PID` of its main thread.
 */
const program = `
import { appendFileSync, readFileSync } from 'node:fs';
const file = process.env.LOOP_FILE;
const now = () => [performance.now(), ...readFileSync('/proc/self/schedstat', 'latin1').split(' ').slice(0, 2).map((ns) => ns / 1e6)];
let before = file ? now() : [];
const look = () => {
  const after = now();
  const [clock, worked, waited] = after.map((ms, index) => Math.round(ms - before[index]));
  before = after;
  if (clock > 30) appendFileSync(file, [worked, clock - waited].join(' ') + '\\n');
};
if (file) setInterval(look, 10).unref();
`;
export const loopWatch = `--import=data:text/javascript;base64,${Buffer.from(program).toString('base64')}`;

export interface Seen {
  /** Longest stall of the service's event loop, wall-clock time. */
  delayMs: number;
  /** The same without the time in which other processes had the CPUs. */
  stillMs: number;
  /** Maximum CPU time of the service's main thread between two turns of its event loop. */
  workMs: number;
  serviceMb: number;
  /** Resident memory of the service, and of its largest runner. */
  runnerMb: number;
  runnersAtOnce: number;
}

export interface Service {
  pid: number;
  admin: ApiClient;
  /** What `loopWatch` writes to. */
  loopFile: string;
}

/** Peaks of the service and its runners while `work` runs. */
export async function watched(
  { pid, admin, loopFile }: Service,
  work: () => Promise<unknown>,
): Promise<Seen> {
  const seen: Seen = { delayMs: 0, stillMs: 0, workMs: 0, serviceMb: 0, runnerMb: 0, runnersAtOnce: 0 };
  const note = (what: keyof Seen, value: number) => {
    seen[what] = Math.max(seen[what], Math.round(value));
  };
  // The metric is the maximum since the last scrape.
  const delay = async () => {
    const { text } = await admin.get('/metrics');
    return Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1]) * 1000;
  };
  let isOver = false;
  const lookAtMemory = async () => {
    while (!isOver) {
      const runners = runnersOf(pid);
      note('serviceMb', residentMb(pid));
      note('runnersAtOnce', runners.length);
      for (const runner of runners) note('runnerMb', residentMb(runner, 'RssAnon'));
      await wait(50);
    }
  };
  const lookAtDelay = async () => {
    while (!isOver) {
      await wait(500);
      note('delayMs', await delay());
    }
  };
  await delay();
  writeFileSync(loopFile, '');
  const looking = Promise.all([lookAtMemory(), lookAtDelay()]);
  try {
    await work();
  } finally {
    isOver = true;
    await looking;
  }
  for (const line of readFileSync(loopFile, 'utf8').split('\n')) {
    const [worked = 0, still = 0] = line.split(' ').map(Number);
    note('workMs', worked);
    note('stillMs', still);
  }
  return seen;
}
