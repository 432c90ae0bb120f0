import { setTimeout as delay } from 'node:timers/promises';
import type { Benchmark, Finding } from '../benchmark.js';
import { connectPostgres } from '../connections.js';
import { startMooring } from '../mooring-process.js';
import { startPeer } from '../peer-process.js';
import { residentMebibytes } from '../process-cost.js';
import { type ReadOptions, readRows } from '../read-rows.js';
import type { Stage } from '../stage.js';
import { median } from '../statistics.js';

const path = ['sales', 'big'];
const accept = 'application/x-ndjson';
const sampleMs = 250;
const settleMs = 3000;

const shown = (mebibytes: number) => `${Math.round(mebibytes)} MiB`;

/** Resident memory of a process, sampled while `work` runs. */
async function sampled(pid: number, work: () => Promise<unknown>): Promise<number[]> {
  const samples = [residentMebibytes(pid)];
  const timer = setInterval(() => samples.push(residentMebibytes(pid)), sampleMs);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return samples;
}

/** Growth from the second third to the last; the first is the warm-up. */
function growth(samples: readonly number[]): number {
  const third = Math.floor(samples.length / 3);
  return median(samples.slice(2 * third)) - median(samples.slice(third, 2 * third));
}

async function idleOfPeer(): Promise<number> {
  const peer = await startPeer('bare-http', { headers: {}, body: '' });
  await delay(settleMs);
  const idle = residentMebibytes(peer.pid);
  await peer.stop();
  return idle;
}

async function peakOfCursor(stage: Stage): Promise<number> {
  const { host, port, database, roles } = await stage.postgres();
  const peer = await startPeer('bare-cursor', {
    connection: { host, port, database, ...roles.reader, ssl: false },
    text: 'select * from sales.big',
  });
  const samples = await sampled(peer.pid, () => peer.ask({ isTextOnly: false }));
  await peer.stop();
  return Math.max(...samples);
}

/** Idle, with a slow reader of a million rows, and with a fast one, on a fresh server. */
async function run(stage: Stage): Promise<Finding[]> {
  const postgres = await stage.postgres();
  const mooring = await startMooring(await stage.freshPath('memory'));
  try {
    await delay(settleMs);
    const idle = residentMebibytes(mooring.pid);
    const id = await connectPostgres(mooring, postgres);
    const read = (slowly?: ReadOptions['slowly']) => () =>
      readRows(mooring, id, { accept, path, ...(slowly ? { slowly } : {}) });
    const slowly = { bytesPerSecond: 1_000_000, seconds: stage.isQuick ? 6 : 45 };
    const slow = await sampled(mooring.pid, read(slowly));
    const fast = await sampled(mooring.pid, read());
    const cursorPeak = shown(await peakOfCursor(stage));
    return [
      {
        what: 'memory (RSS), idle after the start',
        ours: shown(idle),
        ceiling: { name: 'bare node:http, idle', value: shown(await idleOfPeer()) },
        measured: idle,
        aim: { below: 150 },
      },
      {
        what: `memory with a reader at 1 MB/s for ${slowly.seconds} s: peak, and growth of its last third over the second`,
        ours: `${shown(Math.max(...slow))}, ${growth(slow).toFixed(1)} MiB`,
        measured: growth(slow),
        aim: { below: 10 },
      },
      {
        what: 'memory with a reader at full speed: peak',
        ours: shown(Math.max(...fast)),
        ceiling: { name: 'pg-cursor at full speed', value: cursorPeak },
      },
    ];
  } finally {
    await mooring.stop();
  }
}

export const memory: Benchmark = { name: 'memory', run };
