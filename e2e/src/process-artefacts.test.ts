import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { startMooring } from './mooring-process.js';

/** Local ports on which a process listens. Source of the columns: proc_net(5), `proc(5)`. */
function listeningPorts(pid: number): number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      } catch {
        return undefined;
      }
    }),
  );
  const rows = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8').trim().split('\n').slice(1),
  );
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && sockets.has(inode))
    .map(([, local = '']) => Number.parseInt(local.split(':')[1] ?? '', 16));
}

it('V19: signals open no debugger and write no report, core files are off, and no key is an argument', async () => {
  const masterKey = randomBytes(32).toString('base64');
  const mooring = await startMooring({
    // As somebody's environment may have it.
    environment: { MOORING_MASTER_KEY: masterKey, NODE_OPTIONS: '--report-on-signal --report-on-fatalerror' },
  });
  const { pid } = mooring;
  const cwd = readlinkSync(`/proc/${pid}/cwd`);
  const port = Number(new URL(mooring.url).port);
  expect(listeningPorts(pid)).toEqual([port]);
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    process.kill(pid, signal);
    await expect.poll(() => mooring.logText()).toContain(`"signal":"${signal}"`);
  }
  expect((await fetch(`${mooring.url}/readyz`)).status, 'it goes on').toBe(200);
  expect(listeningPorts(pid)).toEqual([port]);
  expect(mooring.logText()).not.toContain('Debugger listening');
  expect(readdirSync(cwd).filter((name) => /^(report\.|core)|\.heapsnapshot$/.test(name))).toEqual([]);
  expect(readFileSync(`/proc/${pid}/limits`, 'utf8')).toMatch(/^Max core file size\s+0\s+0\s/m);
  expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(masterKey);
  expect(mooring.logText()).not.toContain(masterKey);
  expect(await mooring.stop()).toBe(0);
}, 60_000);
