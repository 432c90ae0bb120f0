import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

// The Retry-After of a source is respected and passed on, and a use sends no more requests than its caller asked for.

describe('a source that is out of service', () => {
  let source: Server;
  let url: string;
  let answer: RequestListener;
  let asked = 0;
  let server: TestServer;
  let admin: ApiClient;
  let spaceId: string;
  let count = 0;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    spaceId = (await admin.post('/api/v1/spaces', { name: 'Shared', type: 'shared' })).body.id;
  });
  afterAll(async () => {
    await server.close();
  });
  // A source of its own for each, because what it asked for is remembered.
  beforeEach(async () => {
    asked = 0;
    source = createServer((request, response) => {
      asked += 1;
      answer(request, response);
    });
    await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(source.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    source.close();
  });

  const connect = async (datasourceID: string, connectionProperties: object): Promise<string> => {
    count += 1;
    const made = await admin.post('/api/v1/data-connections', {
      ...{ datasourceID, qName: `connection ${count}`, space: spaceId, connectionProperties },
    });
    expect(made.status, made.text).toBe(201);
    return `/api/v1/data-connections/${made.body.qID}`;
  };
  const refuseWith =
    (status: number, retryAfter?: string): RequestListener =>
    (_request, response) =>
      response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end();

  const ways: [what: string, status: number, value: () => string, seconds: number][] = [
    ['429 in seconds', 429, () => '17', 17],
    ['503 in seconds', 503, () => '17', 17],
    ['503 with a date', 503, () => new Date(Date.now() + 60_000).toUTCString(), 60],
    ['503 with an absurd time', 503, () => '999999', 3600],
  ];
  it.each(ways)(
    'R19: gets no request from a user it asked to wait, who gets Retry-After: %s',
    async (_what, ...way) => {
      const [status, value, seconds] = way;
      const person = await addUser(server.url, server.adminKey, `person ${count}`);
      const member = { type: 'user', assigneeId: person.id, roles: ['dataconsumer'] };
      await admin.post(`/api/v1/spaces/${spaceId}/assignments`, member);
      answer = refuseWith(status, value());
      const connection = await connect('rest', { url: `${url}/items` });
      const first = await person.api.post(`${connection}/actions/preview`, { path: [] });
      expect(first.status).toBe(429);
      expect(first.body.errors[0].code).toBe('SOURCE-RATE-LIMITED');
      expect(Math.abs(Number(first.headers.get('retry-after')) - seconds)).toBeLessThanOrEqual(2);
      const again = await Promise.all(
        Array.from({ length: 5 }, () => person.api.post(`${connection}/actions/preview`, { path: [] })),
      );
      expect(again.map(({ status: found }) => found)).toEqual(again.map(() => 429));
      const capSeconds = 300;
      const left = again.map(({ headers }) => Number(headers.get('retry-after')));
      expect(Math.max(...left)).toBeLessThanOrEqual(Math.min(seconds + 1, capSeconds));
      expect(asked).toBe(1);
      // Retry-After is tracked per user: another user's request goes through.
      await admin.post(`${connection}/actions/preview`, { path: [] });
      expect(asked).toBe(2);
    },
  );

  it('R18: gets at most three attempts for one use, and one where a retry is not idempotent', async () => {
    answer = refuseWith(503);
    const rest = await connect('rest', { url: `${url}/items` });
    const post = await connect('rest', { url: `${url}/items`, method: 'POST', body: '{}' });
    const s3 = await connect('File_AmazonS3Connector', {
      ...{ endpoint: url, bucketName: 'lab', accessKey: 'key', secretKey: 'secret' },
    });
    for (const [connection, path, most] of [
      [rest, [], 3],
      [post, [], 1],
      [s3, ['orders.csv'], 3],
    ] as const) {
      asked = 0;
      const failed = await admin.post(`${connection}/actions/preview`, { path });
      expect(failed.status, failed.text).toBe(424);
      expect(asked).toBeGreaterThan(0);
      expect(asked).toBeLessThanOrEqual(most);
    }
  });
});
