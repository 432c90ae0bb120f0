import { readdirSync, readFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { full } from '@mooring/lab/test-tier';
import { apiClient } from '@mooring/server/testing/api-client';
import { afterEach, describe, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';

// Sockets that say nothing, more than anybody needs.

const wanted = full(10_000, 2_500);
/** This process holds the other end of each, and needs files beside them. */
const openFilesHere = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
const crowd = Math.min(wanted, openFilesHere - 1_000);
const atOnce = 200;

const filesOf = ({ pid }: MooringProcess) => readdirSync(`/proc/${pid}/fd`).length;

interface Idle {
  socket: Socket;
  /** Milliseconds from its first moment to its end. */
  ended: Promise<number>;
}

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Resolves when the system has made the connection, whatever becomes of it then. */
function dial({ url }: MooringProcess): Promise<Idle> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const since = performance.now();
    const socket = connect(Number(port), hostname);
    sockets.push(socket);
    const ended = new Promise<number>((end) => socket.once('close', () => end(performance.now() - since)));
    socket.on('error', () => undefined).resume();
    socket.once('connect', () => resolve({ socket, ended }));
    socket.once('close', () => resolve({ socket, ended }));
  });
}

async function dialMany(mooring: MooringProcess, count: number): Promise<Idle[]> {
  const idle: Idle[] = [];
  while (idle.length < count) {
    const batch = Array.from({ length: Math.min(atOnce, count - idle.length) }, () => dial(mooring));
    idle.push(...(await Promise.all(batch)));
  }
  return idle;
}

/** A client that came before the crowd, and keeps using its connection. */
function earlierCaller({ url, adminKey }: MooringProcess) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    call: (method: string, path: string, body?: object) =>
      new Promise<number>((resolve, reject) => {
        const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
        request(new URL(path, url), { method, headers, agent }, (answer) => {
          answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
        })
          .on('error', reject)
          .end(body && JSON.stringify(body));
      }),
    leave: () => agent.destroy(),
  };
}

describe(`W20: ${crowd} sockets that say nothing`, () => {
  const requestSeconds = full(90, 30);

  it('are closed in their limits, give back what they held, and do not keep other clients waiting', async () => {
    const mooring = await startMooring({ configuration: { limits: { requestSeconds } } });
    const api = apiClient(mooring.url, mooring.adminKey);
    expect((await api.get('/api/v1/spaces')).status).toBe(200);
    const before = filesOf(mooring);
    const idle = await dialMany(mooring, crowd);
    await expect.poll(() => filesOf(mooring), { timeout: 30_000 }).toBeGreaterThan(before + crowd - 100);
    let closed = 0;
    for (const { ended } of idle) void ended.then(() => (closed += 1));
    let calls = 0;
    while (closed < crowd) {
      const name = `while it is crowded ${calls}`;
      expect((await api.post('/api/v1/spaces', { name, type: 'shared' })).status).toBe(201);
      // On its own connection, as of a client that comes only now.
      expect((await fetch(`${mooring.url}/healthz`, { headers: { connection: 'close' } })).status).toBe(200);
      calls += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(calls).toBeGreaterThan(10);
    // Headers have a third of the time; that they are late is noticed at most a twelfth of it later.
    for (const { ended } of idle) expect(await ended).toBeLessThan(requestSeconds * 1000);
    await expect.poll(() => filesOf(mooring), { timeout: 30_000 }).toBeLessThan(before + 20);
    expect(await mooring.stop()).toBe(0);
  });
});

describe('W20, R11: more sockets than there are files for', () => {
  const requestSeconds = full(45, 24);
  const openFiles = 1_024;

  it('are turned away as they come, and a client with a connection continues to read through it', async () => {
    const source = createServer((_, response) => response.end('[{"n":1}]'));
    await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
    const mooring = await startMooring({ openFiles, configuration: { limits: { requestSeconds } } });
    const api = apiClient(mooring.url, mooring.adminKey);
    const url = `http://127.0.0.1:${(source.address() as AddressInfo).port}/items`;
    const connectionProperties = { url, authSchema: 'basic', username: 'u', password: 'p' };
    const made = await api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'rest', qName: 'items', connectionProperties },
    });
    expect(made.status, made.text).toBe(201);
    const early = earlierCaller(mooring);
    const read = () =>
      early.call('POST', `/api/v1/data-connections/${made.body.qID}/actions/read`, { path: [] });
    expect(await read()).toBe(200);

    const idle = await dialMany(mooring, 2 * openFiles);
    let closed = 0;
    for (const { ended } of idle) void ended.then(() => (closed += 1));
    await expect.poll(() => closed).toBeGreaterThan(openFiles);
    for (let round = 0; round < 20; round += 1) expect(await read()).toBe(200);
    expect(closed, 'the others were still there').toBeLessThan(idle.length);
    expect(filesOf(mooring)).toBeLessThan(openFiles - 100);

    // Until the silent ones are closed no other client gets in; then all do.
    const comesNew = () => fetch(`${mooring.url}/healthz`, { headers: { connection: 'close' } });
    const status = async () => (await comesNew().catch(() => undefined))?.status;
    await expect.poll(status, { timeout: requestSeconds * 1000, interval: 500 }).toBe(200);
    early.leave();
    source.close();
    source.closeAllConnections();
    expect(await mooring.stop()).toBe(0);
  });
});
