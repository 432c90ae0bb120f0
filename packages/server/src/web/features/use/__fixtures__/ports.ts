import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { expect } from 'vitest';
import { newUuid } from '../../../../core/crypto/random.js';
import { addUser } from '../../../../testing/api-client.js';
import type { TestServer } from '../../../../testing/start-server.js';

const banner = 'SSH-2.0-internal-build-host password=hunter2-canary\r\n';

export interface Ports {
  /** Accept, send a banner that is not PostgreSQL's, and stay. */
  open: number[];
  /** Accept and never send anything. */
  silent: number[];
  closed: number[];
}

/** @throws Error when the port is taken */
export async function listening(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

export const listenerOf = (say: string) =>
  createServer((socket) => {
    socket.on('error', () => undefined);
    if (say !== '') socket.write(say);
  });

/** Ports without a listener, which the system does not assign either (it assigns those from 32768 on). */
async function closedPorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const server = createServer();
    const port = await listening(server, 20_000 + Math.floor(Math.random() * 12_000)).catch(() => undefined);
    if (port === undefined) continue;
    found.add(port);
    await new Promise((resolve) => server.close(resolve));
  }
  return [...found];
}

/** @param each how many of each kind */
export async function startPorts(each: number) {
  const servers: Server[] = [];
  const startMany = async (say: string) => {
    const started = Array.from({ length: each }, () => listenerOf(say));
    servers.push(...started);
    return Promise.all(started.map((server) => listening(server)));
  };
  const closed = await closedPorts(each);
  const ports: Ports = { open: await startMany(banner), silent: await startMany(''), closed };
  return { ports, servers };
}

export const propertiesOf = (port: number, more: object = {}) => ({
  host: '127.0.0.1',
  port: String(port),
  db: 'lab',
  sslmode: 'disable',
  username: 'somebody',
  password: 'some password',
  ...more,
});

/** Alice's connections in a space where Bob may use, but not edit. */
export async function sharedPorts(server: TestServer) {
  const alice = await addUser(server.url, server.adminKey, 'alice');
  const bob = await addUser(server.url, server.adminKey, 'bob');
  const space = (await alice.api.post('/api/v1/spaces', { name: 'Ports', type: 'shared' })).body.id;
  const member = { type: 'user', assigneeId: bob.id, roles: ['dataconsumer'] };
  await alice.api.post(`/api/v1/spaces/${space}/assignments`, member);
  const connect = async (dataSourceId: string, connectionProperties: object): Promise<string> => {
    const qName = `${dataSourceId} ${newUuid()}`;
    const made = await alice.api.post('/api/v1/data-connections', {
      ...{ dataSourceId, qName, space, connectionProperties },
    });
    expect(made.status, made.text).toBe(201);
    return made.body.qID;
  };
  const connectTo = (port: number, more: object = {}) => connect('postgres', propertiesOf(port, more));
  const connectWeb = (port: number | undefined) => connect('rest', { url: `http://127.0.0.1:${port}/` });
  const connectStore = (port: number | undefined) =>
    connect('File_AmazonS3Connector', {
      ...{ endpoint: `http://127.0.0.1:${port}`, bucketName: 'lab' },
      ...{ accessKey: 'key', secretKey: 'some secret key' },
    });
  return { alice, bob, connectTo, connectWeb, connectStore, space };
}

export async function timed<Result>(work: () => Promise<Result>): Promise<{ result: Result; ms: number }> {
  const since = performance.now();
  return { result: await work(), ms: performance.now() - since };
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
