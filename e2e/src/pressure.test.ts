import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { startCrowd } from '@mooring/lab/crowd';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { full } from '@mooring/lab/test-tier';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drain, megabyte, openRead, rows, withMooring } from './big-reads.js';
import type { MooringProcess } from './mooring-process.js';

// The built product with little memory, few open files and slow readers.

let lab: LabPostgres;
beforeAll(async () => {
  lab = await startPostgres();
});
afterAll(() => lab.close());

/** Resident memory of a process in bytes, as Linux counts it. */
const residentBytes = ({ pid }: MooringProcess): number =>
  1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

describe('a reader of 1 KB a second', () => {
  it('R23: of 1 GB costs less than 50 MB, holds the source back, and is cut when nothing goes out for long', async () => {
    const idleSeconds = full(30, 10);
    await withMooring(lab, { configuration: { limits: { idleSeconds } } }, async (mooring, connection) => {
      // What the driver and the encoder need once does not count as growth.
      expect((await drain(await openRead(mooring, connection, rows(full(100_000, 40_000))))).state).toBe(
        'complete',
      );
      const before = residentBytes(mooring);
      let most = before;
      const since = performance.now();
      const message = await openRead(mooring, connection, rows(1_050_000));
      let taken = 0;
      const reading = setInterval(() => {
        taken += (message.read(1024) as Buffer | null)?.length ?? 0;
      }, 1000);
      const watch = setInterval(() => {
        most = Math.max(most, residentBytes(mooring));
      }, 100);
      const openSessions = async () =>
        /^mooring_open_sessions (\d+)$/m.exec(await (await fetch(`${mooring.url}/metrics`)).text())?.[1];
      await expect.poll(openSessions, { timeout: 120_000, interval: 500 }).toBe('0');
      const seconds = (performance.now() - since) / 1000;
      clearInterval(watch);
      clearInterval(reading);
      message.on('error', () => undefined).destroy();
      expect(message.complete).toBe(false);
      expect((most - before) / megabyte).toBeLessThan(50);
      expect(taken).toBeGreaterThan(0);
      expect(seconds).toBeGreaterThan(idleSeconds);
      expect(seconds).toBeLessThan(idleSeconds + 30);
    });
  });
});

describe('with a heap of 256 MB', () => {
  it('R12: twenty big reads at the same time come out whole, and the process lives', async () => {
    // More than the heap together.
    const count = full(30_000, 14_000);
    const environment = { NODE_OPTIONS: '--max-old-space-size=256' };
    await withMooring(lab, { environment }, async (mooring, connection) => {
      const formats = ['text/csv', 'application/x-ndjson', 'application/vnd.apache.arrow.stream'];
      const reads = Array.from({ length: 20 }, async (_, index) =>
        drain(await openRead(mooring, connection, rows(count), formats[index % formats.length])),
      );
      for (const { bytes, state } of await Promise.all(reads)) {
        expect(state).toBe('complete');
        expect(bytes).toBeGreaterThan(count * 1000);
      }
      process.kill(mooring.pid, 0);
      expect((await fetch(`${mooring.url}/healthz`)).status).toBe(200);
    });
  });
});

describe('with 128 open files', () => {
  it('R11: sheds load with 503, fails in no other way, and recovers', async () => {
    await withMooring(lab, {}, async (mooring, connection) => {
      // Node opens more files than that to load a program, and a driver is loaded on first use.
      expect((await drain(await openRead(mooring, connection, rows(1)))).state).toBe('complete');
      execFileSync('prlimit', [`--pid=${mooring.pid}`, '--nofile=128:128']);
      expect(readFileSync(`/proc/${mooring.pid}/limits`, 'utf8')).toMatch(/Max open files +128 +128 /);
      const slow = 'SELECT pg_sleep(0.5)::text AS slept';
      const crowd = startCrowd({
        url: `${connection}/actions/preview`,
        ...{ key: mooring.adminKey, body: JSON.stringify({ query: slow }), count: 60 },
      });
      const codes = new Map<string, number>();
      await crowd.answered;
      const health = await fetch(`${mooring.url}/healthz`);
      expect(health.status).toBe(200);
      await expect
        .poll(async () => (await fetch(`${mooring.url}/metrics`)).text(), { timeout: 30_000 })
        .toMatch(/^mooring_uses_shed_total\{reason="user_share"\} [1-9]/m);
      // One of the crowd, who comes again until its turn has come.
      const headers = { authorization: `Bearer ${mooring.adminKey}`, 'content-type': 'application/json' };
      const one = { method: 'POST', headers, body: JSON.stringify({ query: slow }) };
      await expect
        .poll(async () => (await fetch(`${connection}/actions/preview`, one)).status, { timeout: 30_000 })
        .toBe(200);
      for (const [code, count] of await crowd.leave()) codes.set(code, count);
      expect(codes.get('BUSY')).toBeGreaterThan(0);
      expect([...codes.keys()].filter((code) => code !== '200' && code !== 'BUSY')).toEqual([]);
      expect((await drain(await openRead(mooring, connection, rows(1000)))).state).toBe('complete');
    });
  });
});
