import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type Agent, createServer, type RequestOptions, request } from 'node:http';
import { createServer as createHttpsServer, request as secureRequest } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConnectorError } from '@mooring/connectors/interface/errors';
import { describe, expect, it } from 'vitest';
import { failureOf, listen, rejectionOf, startCanary } from './__fixtures__/canary.js';
import { buildGate, endlessAnswers, startEndless } from './__fixtures__/http-servers.js';

function fixture(name: string): string {
  return readFileSync(new URL(`./__fixtures__/${name}`, import.meta.url), 'utf8');
}

function bodyOf(options: RequestOptions, send: typeof request = request): Promise<string> {
  return new Promise((resolve, reject) => {
    send(options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.on('end', () => resolve(body)).on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}

const peerServer = () =>
  createServer((incoming, response) => response.end(String(incoming.socket.remotePort)));

describe('agents', () => {
  it('keep a connection for the next request, and only within one pair', async () => {
    const { port, stop } = await listen(peerServer());
    const gate = buildGate();
    const [mine, other] = [gate.agents(), gate.agents()];
    const first = await bodyOf({ host: '127.0.0.1', port, agent: mine.http });
    expect(await bodyOf({ host: '127.0.0.1', port, agent: mine.http })).toBe(first);
    expect(await bodyOf({ host: '127.0.0.1', port, agent: other.http })).not.toBe(first);
    expect(gate.counts().connected).toBe(2);
    mine.http.destroy();
    other.http.destroy();
    await stop();
  });

  it.each(endlessAnswers)('TR18: end an answer whose %s have no end', async (_title, start, piece) => {
    await using server = await startEndless(start, piece);
    const { http } = buildGate().agents();
    const error = await rejectionOf(bodyOf({ host: '127.0.0.1', port: server.port, agent: http }));
    expect(error).toBeInstanceOf(Error);
    expect(server.sent()).toBeLessThan(24 * 1024 * 1024);
    http.destroy();
  });

  it('serve many requests at once without a warning of Node', async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error) => warnings.push(warning);
    process.on('warning', warn);
    const { port, stop } = await listen(peerServer());
    const { http } = buildGate().agents();
    const answers = Array.from({ length: 20 }, () => bodyOf({ host: '127.0.0.1', port, agent: http }));
    expect(new Set(await Promise.all(answers)).size).toBe(20);
    await new Promise(setImmediate);
    expect(warnings).toEqual([]);
    process.off('warning', warn);
    http.destroy();
    await stop();
  });

  it('speak TLS with the settings they were made with', async () => {
    const server = createHttpsServer(
      { cert: fixture('server.pem'), key: fixture('server-key.pem') },
      (_request, response) => response.end('secure'),
    );
    const { port, stop } = await listen(server);
    const gate = buildGate({ lookup: async () => ['127.0.0.1'] });
    const target = { host: 'db.example.test', port };
    const trusting = gate.agents({ ca: fixture('authority.pem') });
    expect(await bodyOf({ ...target, agent: trusting.https }, secureRequest)).toBe('secure');
    expect(await rejectionOf(bodyOf({ ...target, agent: gate.agents().https }, secureRequest))).toMatchObject(
      { kind: 'tls_failed' },
    );
    trusting.https.destroy();
    await stop();
  });

  it('D22: ignore options of a request that would disable verification or change the name', async () => {
    const server = createHttpsServer({ cert: fixture('server.pem'), key: fixture('server-key.pem') });
    const { port, stop } = await listen(server);
    const gate = buildGate({ lookup: async () => ['127.0.0.1'] });
    const { https } = gate.agents({ ca: fixture('authority.pem') });
    const lax = {
      rejectUnauthorized: false,
      servername: 'db.example.test',
      checkServerIdentity: () => undefined,
    };
    const error = await rejectionOf(
      bodyOf(
        { host: 'other.example.test', port, agent: https, headers: { host: 'db.example.test' }, ...lax },
        secureRequest,
      ),
    );
    expect(error).toMatchObject({ kind: 'tls_failed', nativeCode: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    await stop();
  });

  it('S04: do not use a lookup or an address family that a request brings', async () => {
    await using canary = await startCanary();
    const { http } = buildGate({ lookup: async () => ['10.0.0.1'] }).agents();
    const lookup = (
      _host: string,
      _options: unknown,
      callback: (error: null, address: string, family: number) => void,
    ) => callback(null, '127.0.0.1', 4);
    const error = await rejectionOf(
      bodyOf({ host: 'a.example.test', port: canary.port, agent: http, lookup, family: 4 }),
    );
    expect(error).toMatchObject({ kind: 'egress_refused' });
    expect(canary.connections()).toBe(0);
  });

  it.each(['http', 'https'] as const)(
    'end what they are still connecting when destroyed (%s)',
    async (scheme) => {
      const agent: Agent = buildGate({ lookup: () => new Promise(() => undefined) }).agents()[scheme];
      const send = scheme === 'http' ? request : secureRequest;
      const failed = rejectionOf(bodyOf({ host: 'slow.example.test', agent }, send));
      setImmediate(() => agent.destroy());
      expect(await failed).toMatchObject({ kind: 'cancelled' });
    },
  );

  it('hang up on the idle connections when destroyed', async () => {
    const server = peerServer();
    const { port, stop } = await listen(server);
    const closed = once(server, 'connection').then(([socket]) => once(socket, 'close'));
    const { http } = buildGate().agents();
    await bodyOf({ host: '127.0.0.1', port, agent: http });
    http.destroy();
    await closed;
    await stop();
  });
});

describe('S14: Unix sockets', () => {
  async function withListener(use: (path: string) => Promise<void>): Promise<number> {
    const folder = await mkdtemp(join(tmpdir(), 'egress-'));
    const path = join(folder, 'listener');
    let connections = 0;
    const server = createTcpServer(() => {
      connections += 1;
    });
    server.listen(path);
    await once(server, 'listening');
    await use(path);
    server.close();
    await rm(folder, { recursive: true });
    return connections;
  }

  it('are refused as a host, in a URL and as the socketPath of a request', async () => {
    const connections = await withListener(async (path) => {
      const gate = buildGate({ lookup: () => Promise.reject(new Error('It was looked up.')) });
      const { http, https } = gate.agents();
      const errors: unknown[] = [
        await rejectionOf(bodyOf({ socketPath: path, agent: http })),
        await rejectionOf(bodyOf({ socketPath: path, agent: https }, secureRequest)),
        await rejectionOf(bodyOf({ socketPath: path, host: '127.0.0.1', agent: http })),
        await rejectionOf(gate.fetch(`http+unix://${encodeURIComponent(path)}/`)),
        await rejectionOf(gate.fetch(`http://${encodeURIComponent(path)}/`)),
        await rejectionOf(gate.fetch(`unix:${path}`)),
      ];
      for (const host of [path, encodeURIComponent(path), '@abstract', `@${path}`, '%2Fvar%2Frun']) {
        errors.push(
          await failureOf(gate.socket({ host, port: 5432 })),
          await rejectionOf(gate.dial({ host, port: 5432 })),
        );
      }
      for (const error of errors) {
        expect(error).toBeInstanceOf(ConnectorError);
        expect(error).toMatchObject({ kind: 'egress_refused' });
      }
    });
    expect(connections).toBe(0);
  });

  it('are out of reach for a driver that asks its socket for one', async () => {
    await using canary = await startCanary();
    const connections = await withListener(async (path) => {
      const socket = buildGate().socket({ host: '127.0.0.1', port: canary.port });
      socket.connect(path);
      await once(socket, 'connect');
      expect(socket.remotePort).toBe(canary.port);
      socket.destroy();
    });
    expect(connections).toBe(0);
  });
});
