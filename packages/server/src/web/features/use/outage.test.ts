import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

// The requests that a failing source gets, counted at the source.

const callers = 60;
const testSeconds = 2;

interface Source {
  url: string;
  /** What was asked of it, in the order in which it came. */
  asked: { method: string; path: string; at: number; invocation: string }[];
  /** How it answers, with what number this request is. */
  answer: (response: ServerResponse, number: number, request: IncomingMessage) => void;
}

describe('an outage', () => {
  let server: TestServer;
  let admin: ApiClient;
  let count = 0;
  const servers: Server[] = [];

  beforeAll(async () => {
    // A pause would answer instead of the source.
    server = await startServer({ configuration: { limits: { testSeconds, pauseAfter: 1_000_000 } } });
    admin = apiClient(server.url, server.adminKey);
  });
  afterEach(() => {
    for (const one of servers.splice(0)) {
      one.closeAllConnections();
      one.close();
    }
  });
  afterAll(() => server.close());

  async function startSource(status: number): Promise<Source> {
    const source: Source = { url: '', asked: [], answer: (response) => response.writeHead(status).end() };
    const listening = createServer((request, response) => {
      const { method = '', url = '', headers } = request;
      const invocation = String(headers['amz-sdk-invocation-id']);
      source.asked.push({ method, path: url, at: performance.now(), invocation });
      source.answer(response, source.asked.length, request);
    });
    servers.push(listening);
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    source.url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
    return source;
  }

  async function connect(datasourceID: string, connectionProperties: object): Promise<string> {
    count += 1;
    const made = await admin.post('/api/v1/data-connections', {
      ...{ datasourceID, qName: `connection ${count}`, connectionProperties },
    });
    expect(made.status, made.text).toBe(201);
    return `/api/v1/data-connections/${made.body.qID}`;
  }
  const connectS3 = ({ url }: Source) =>
    connect('File_AmazonS3Connector', {
      ...{ endpoint: url, bucketName: 'lab', accessKey: 'key', secretKey: 'secret' },
    });
  const connectRest = ({ url }: Source, more: object = {}) =>
    connect('rest', { url: `${url}/items`, ...more });

  const ways: [what: string, path: string[], way: (source: Source) => Promise<string>, share: number][] = [
    ['REST', [], (source) => connectRest(source), 0.1],
    ['REST that sends a POST', [], (source) => connectRest(source, { method: 'POST', body: '{}' }), 0],
    ['S3', ['orders.csv'], connectS3, 0.1],
  ];
  describe.each(ways)('of %s', (_what, path, way, share) => {
    it.each([429, 503])(
      'R18: does not bring the source more than a tenth of its callers on top of them: %s',
      async (status) => {
        const source = await startSource(status);
        const connection = await way(source);
        const answers = await Promise.all(
          Array.from({ length: callers }, () => admin.post(`${connection}/actions/preview`, { path })),
        );
        expect(answers.filter((answer) => answer.status === 200)).toEqual([]);
        expect(source.asked.length).toBeGreaterThanOrEqual(callers);
        expect(source.asked.length).toBeLessThanOrEqual(callers * (1 + share));
      },
    );
  });

  it('R18: is over for a use whose second attempt succeeds', async () => {
    const source = await startSource(503);
    source.answer = (response, number) =>
      number === 1 ? response.writeHead(503).end() : response.end('id,name\n1,first\n');
    const connection = await connectS3(source);
    const preview = await admin.post(`${connection}/actions/preview`, { path: ['orders.csv'] });
    expect(preview.status, preview.text).toBe(200);
    expect(preview.body.rows).toHaveLength(1);
  });

  it('R18: is retried after random delays', async () => {
    const sources = await Promise.all(Array.from({ length: 5 }, () => startSource(429)));
    const uses = sources.map(async (source) => {
      const connection = await connectS3(source);
      await Promise.all(
        Array.from({ length: 4 }, () =>
          admin.post(`${connection}/actions/preview`, { path: ['orders.csv'] }),
        ),
      );
    });
    await Promise.all(uses);
    const times = new Map<string, number[]>();
    for (const { invocation, at } of sources.flatMap(({ asked }) => asked)) {
      times.set(invocation, [...(times.get(invocation) ?? []), at]);
    }
    const waits = [...times.values()].flatMap(([first, second]) =>
      first === undefined || second === undefined ? [] : [second - first],
    );
    expect(waits.length).toBe(20);
    // A fixed wait, however late a busy machine is with it, is never twice as long for one as for another.
    expect(Math.min(...waits)).toBeLessThan(Math.max(...waits) / 2);
  });

  it('R18: costs a use no more than its timeout, second attempt included', async () => {
    const source = await startSource(503);
    let cut: Promise<unknown> | undefined;
    source.answer = (response, number, request) => {
      if (number === 1) response.writeHead(503).end();
      else cut = new Promise((resolve) => request.once('close', resolve));
    };
    const connection = await connectS3(source);
    const since = performance.now();
    const tested = await admin.post(`${connection}/actions/test`);
    const seconds = (performance.now() - since) / 1000;
    expect(tested.body.ok).toBe(false);
    expect(source.asked).toHaveLength(2);
    await cut;
    // One try alone may last ten seconds.
    expect(seconds).toBeLessThan(4 * testSeconds);
  });

  it('R18: of a provider: a use requests a token once, without retries', async () => {
    const provider = await startSource(503);
    const source = await startSource(200);
    const connection = await connectRest(source, {
      ...{ authSchema: 'oauth2ClientCredentials', tokenUrl: `${provider.url}/token` },
      ...{ clientId: 'client', clientSecret: 'secret of the client' },
    });
    provider.asked.length = 0;
    const uses = 5;
    for (let number = 1; number <= uses; number += 1) {
      const failed = await admin.post(`${connection}/actions/preview`, { path: [] });
      expect(failed.status, failed.text).toBeGreaterThanOrEqual(400);
      expect(provider.asked.length).toBeLessThanOrEqual(number);
    }
    expect(provider.asked.length).toBeGreaterThan(0);
    expect(provider.asked.every(({ method, path }) => method === 'POST' && path === '/token')).toBe(true);
    expect(source.asked).toEqual([]);
  });
});
