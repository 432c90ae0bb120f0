import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { apiClient } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';

// Everything that the process has open, read from the kernel: what it does not do can be seen nowhere else.

const watchedForMs = 6000;
const everyMs = 20;
/** Hexadecimal and in host order, as in /proc/net: https://docs.kernel.org/networking/proc_net_tcp.html */
const loopback = /^(?:[0-9A-F]{6}7F|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F)$/;
const listening = '0A';

interface Socket {
  protocol: string;
  remote: string;
  state: string;
}

function socketsOf(pid: number): Socket[] {
  const inodes = new Set<string>();
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`)) ?? [];
      if (inode) inodes.add(inode);
    } catch {
      // Closed since it was listed.
    }
  }
  return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((protocol) =>
    readFileSync(`/proc/${pid}/net/${protocol}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => inodes.has(fields[9] ?? ''))
      .map((fields) => ({ protocol, remote: fields[2] ?? '', state: fields[3] ?? '' })),
  );
}

const leavesTheMachine = ({ remote, state }: Socket): boolean =>
  state !== listening && !loopback.test(remote.split(':')[0] ?? '');

let mooring: MooringProcess;
beforeAll(async () => {
  mooring = await startMooring({ configuration: { egress: { loopback: 'deny' } } });
});
afterAll(() => mooring.stop());

it('C06: an idle server opens no connection that leaves the machine, and asks no name server', async () => {
  const api = apiClient(mooring.url, mooring.adminKey);
  expect((await api.get('/api/v1/spaces')).status).toBe(200);
  // The watch sees the server's own sockets, or it would see nothing and prove nothing.
  const first = socketsOf(mooring.pid);
  expect(first.some(({ state }) => state === listening)).toBe(true);
  expect(
    first.some(({ remote, state }) => state !== listening && loopback.test(remote.split(':')[0] ?? '')),
  ).toBe(true);

  const seen = new Set<string>();
  const until = performance.now() + watchedForMs;
  while (performance.now() < until) {
    for (const socket of socketsOf(mooring.pid).filter(leavesTheMachine)) seen.add(JSON.stringify(socket));
    await pause(everyMs);
  }
  expect([...seen]).toEqual([]);
});
