import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDirectNetwork, type DirectNetwork } from '../../suite/direct-network.js';
import { type FakeServer, startFakeServer } from '../../suite/fake-server.js';
import { type TrackedNetwork, trackNetwork } from './tracked-network.js';

// Over real sockets, which the network below counts by itself.

let silent: FakeServer;
let answering: FakeServer;
let direct: DirectNetwork;
let tracked: TrackedNetwork;
let connected = 0;

beforeAll(async () => {
  silent = await startFakeServer(() => undefined);
  // Announces more than it sends, so that an answer stays open; `/whole` is complete.
  answering = await startFakeServer((socket) =>
    socket.on('data', (bytes) =>
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.includes('/whole') ? 5 : 50}\r\n\r\nhello`),
    ),
  );
});
afterAll(() => Promise.all([silent.close(), answering.close()]));
beforeEach(() => {
  connected = 0;
  direct = createDirectNetwork();
  tracked = trackNetwork(direct, () => {
    connected += 1;
  });
});
afterEach(() => direct.close());

const url = (path: string) => `http://127.0.0.1:${answering.port}${path}`;
const closesAll = async () => {
  await tracked.destroy(1_000);
  expect(tracked.open()).toBe(0);
  expect(await direct.idle(500)).toBe(true);
};

describe('the end of a session closes', () => {
  it('sockets, connected or still connecting', async () => {
    const socket = tracked.network.socket(silent);
    await new Promise((resolve) => socket.once('connect', resolve));
    tracked.network.socket(silent);
    expect(tracked.open()).toBe(2);
    expect(connected).toBe(1);
    await closesAll();
  });

  it('sockets of agents, in use and idle', async () => {
    const { http } = tracked.network.agents();
    const idle = request(url('/whole'), { agent: http }).end();
    await new Promise((resolve) => idle.once('response', (answer) => answer.resume().once('end', resolve)));
    const used = request(url('/'), { agent: http }).end();
    used.on('error', () => undefined);
    await new Promise((resolve) => used.once('response', resolve));
    const hanging = request({ agent: http, host: silent.host, port: silent.port }).end();
    hanging.on('error', () => undefined);
    await expect.poll(() => tracked.open()).toBeGreaterThan(1);
    expect(connected).toBe(1);
    await closesAll();
  });

  it('answers that are half read, and requests without an answer', async () => {
    const answer = await tracked.network.fetch(url('/'));
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    const rest = reader.read().catch((error: unknown) => error);
    const pending = tracked.network
      .fetch(`http://127.0.0.1:${silent.port}/`)
      .catch((error: unknown) => error);
    await expect.poll(() => direct.openSockets()).toBe(2);
    expect(tracked.open()).toBe(2);
    await closesAll();
    expect(await rest).toBeInstanceOf(Error);
    expect(await pending).toBeInstanceOf(Error);
  });

  it('and nothing opens after it', async () => {
    const { http } = tracked.network.agents();
    await closesAll();
    const closed = { kind: 'unreachable', message: 'The session is closed.' };
    expect(() => tracked.network.socket(silent)).toThrow(expect.objectContaining(closed));
    expect(() => tracked.network.agents()).toThrow(expect.objectContaining(closed));
    await expect(tracked.network.fetch(url('/'))).rejects.toMatchObject(closed);
    const late = request(url('/'), { agent: http }).end();
    const failure = await new Promise((resolve) => late.once('error', resolve));
    expect(failure).toMatchObject(closed);
    expect(direct.openSockets()).toBe(0);
  });
});

describe('an answer', () => {
  it('is whole, and no longer open once it is read, left or refused', async () => {
    const read = await tracked.network.fetch(url('/whole'));
    expect(read.status).toBe(200);
    expect(await read.text()).toBe('hello');
    const left = await tracked.network.fetch(url('/'));
    await left.body?.cancel();
    await tracked.network.fetch('http://127.0.0.1:1/').catch(() => undefined);
    expect(tracked.open()).toBe(0);
    expect(connected).toBe(1);
  });

  it('ends with the signal of its request', async () => {
    const controller = new AbortController();
    const answer = await tracked.network.fetch(url('/'), { signal: controller.signal });
    const text = answer.text().catch((error: unknown) => error);
    controller.abort();
    expect(await text).toBeInstanceOf(Error);
    expect(tracked.open()).toBe(0);
    expect(await direct.idle(500)).toBe(true);
    const before = tracked.network.fetch(url('/'), { signal: AbortSignal.abort() });
    await expect(before).rejects.toBeInstanceOf(Error);
  });
});

it('waits for sockets that say goodbye, not for those that were leaked', async () => {
  tracked.network.socket(silent).on('error', () => undefined);
  const begun = performance.now();
  await tracked.closing(1_000);
  expect(performance.now() - begun).toBeLessThan(500);
  const polite = tracked.network.socket(answering);
  await new Promise((resolve) => polite.once('connect', resolve));
  polite.end();
  await tracked.closing(1_000);
  expect(polite.destroyed).toBe(true);
  expect(tracked.open()).toBe(1);
});
