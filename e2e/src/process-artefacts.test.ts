import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { apiClient } from '@mooring/server/testing/api-client';
import { expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';

const artefact = /^(report\.|core)|\.heapsnapshot$/;
const cwdOf = ({ pid }: MooringProcess) => readlinkSync(`/proc/${pid}/cwd`);
const artefactsIn = (folder: string) => readdirSync(folder).filter((name) => artefact.test(name));

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
    // As an environment may have it.
    environment: { MOORING_MASTER_KEY: masterKey, NODE_OPTIONS: '--report-on-signal --report-on-fatalerror' },
  });
  const { pid } = mooring;
  const cwd = cwdOf(mooring);
  const port = Number(new URL(mooring.url).port);
  expect(listeningPorts(pid)).toEqual([port]);
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    process.kill(pid, signal);
    await expect.poll(() => mooring.logText()).toContain(`"signal":"${signal}"`);
  }
  expect((await fetch(`${mooring.url}/readyz`)).status, 'it keeps running').toBe(200);
  expect(listeningPorts(pid)).toEqual([port]);
  expect(mooring.logText()).not.toContain('Debugger listening');
  expect(artefactsIn(cwd)).toEqual([]);
  expect(readFileSync(`/proc/${pid}/limits`, 'utf8')).toMatch(/^Max core file size\s+0\s+0\s/m);
  expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(masterKey);
  expect(mooring.logText()).not.toContain(masterKey);
  expect(await mooring.stop()).toBe(0);
});

/** Fills the heap on a signal; from inside, since no request can do it. */
const exhaustion = `process.on('SIGWINCH', () => { const kept = []; for (;;) kept.push(new Array(1e4).fill({})); });`;

it('V19: a heap that is exhausted ends the process and leaves nothing behind but its log, without a secret', async () => {
  const masterKey = randomBytes(32).toString('base64');
  const preload = `data:text/javascript;base64,${Buffer.from(exhaustion).toString('base64')}`;
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-artefacts-'));
  const dataFolder = path.join(folder, 'data');
  const options = { dataFolder, environment: { MOORING_MASTER_KEY: masterKey } };
  const mooring = await startMooring({
    dataFolder,
    environment: {
      ...options.environment,
      NODE_OPTIONS: `--import=${preload} --max-old-space-size=128 --report-on-fatalerror --report-uncaught-exception`,
    },
  });
  const cwd = cwdOf(mooring);
  const login = { host: '127.0.0.1', port: 9, db: 'lab', username: 'canary', password: 'canary-of-the-heap' };
  const body = { datasourceID: 'postgres', qName: 'kept', connectionProperties: login };
  const made = await apiClient(mooring.url, mooring.adminKey).post('/api/v1/data-connections', body);
  expect(made.status, made.text).toBe(201);
  process.kill(mooring.pid, 'SIGWINCH');
  await expect.poll(() => mooring.logText(), { timeout: 60_000 }).toContain('heap out of memory');
  const log = mooring.logText();
  await mooring.kill();
  expect([...artefactsIn(cwd), ...artefactsIn(dataFolder)]).toEqual([]);
  for (const secret of [masterKey, mooring.adminKey, login.password]) expect(log).not.toContain(secret);
  await mooring.stop();

  const again = await startMooring(options);
  const kept = await apiClient(again.url, again.adminKey).get('/api/v1/data-connections');
  expect(kept.body.data.map(({ qName }: { qName: string }) => qName)).toEqual(['kept']);
  await again.stop();
  rmSync(folder, { recursive: true, force: true });
});

it.each(['--heapsnapshot-near-heap-limit=1', '--heapsnapshot_signal=SIGUSR2', '--inspect=0'])(
  'V19: refuses to start in an environment with %s',
  async (option) => {
    const refused = startMooring({ environment: { NODE_OPTIONS: option } });
    await expect(refused).rejects.toThrow('Start the service without it.');
  },
);

/** PostgreSQL up to the first query; then a row description with fewer bytes than it says, which no driver expects. */
function startLyingPostgres() {
  const isStart = (bytes: Buffer) => bytes.readInt32BE(4) === 196_608;
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      const welcome = 'R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I';
      socket.write(Buffer.from(isStart(bytes) ? welcome : 'T\0\0\0\x06\x7f\xff', 'latin1'));
    });
  });
  return new Promise<{ port: number; close(): void }>((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve({ port: (server.address() as AddressInfo).port, close: () => server.close() }),
    );
  });
}

it('V19: what a driver throws outside of every promise costs its own use, and nothing is written of it', async () => {
  const lying = await startLyingPostgres();
  const mooring = await startMooring({
    configuration: { limits: { testSeconds: 2, idleSeconds: 2 } },
    environment: { NODE_OPTIONS: '--report-uncaught-exception --report-on-fatalerror' },
  });
  const cwd = cwdOf(mooring);
  const api = apiClient(mooring.url, mooring.adminKey);
  const login = { host: '127.0.0.1', port: lying.port, db: 'lab', sslmode: 'disable' };
  const connectionProperties = { ...login, username: 'canary', password: 'canary-of-the-driver' };
  const body = { datasourceID: 'postgres', qName: 'lying', connectionProperties };
  const { qID } = (await api.post('/api/v1/data-connections', body)).body;
  const uses = ['browse', 'preview', 'read'].map((action) =>
    api.post(`/api/v1/data-connections/${qID}/actions/${action}`, action === 'browse' ? {} : { query: 'x' }),
  );
  const others = Array.from({ length: 20 }, () => api.get('/api/v1/spaces'));
  for (const { status } of await Promise.all(others)) expect(status).toBe(200);
  for (const { status, body: answer } of await Promise.all(uses))
    expect([status, answer.errors[0].code]).toEqual([424, expect.stringMatching(/^SOURCE-/)]);
  expect(mooring.logText()).not.toContain('uncaught exception');
  expect((await api.get('/healthz')).status).toBe(200);
  expect(artefactsIn(cwd)).toEqual([]);
  expect(mooring.logText()).not.toContain('canary-of-the-driver');
  expect(await mooring.stop()).toBe(0);
  lying.close();
});
