import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Answer, type ApiClient, addUser, apiClient, type TestUser } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';

const secretKey = 'canary-idempotent-9e2b';
const connectionProperties = { accessKey: 'a-key', secretKey, region: 'eu-west-1', bucketName: 'reports' };

describe('Idempotency-Key', () => {
  let server: TestServer;
  let admin: ApiClient;
  let alice: TestUser;
  let bob: TestUser;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
  });
  afterAll(() => server.close());

  const connect = (person: TestUser, key: string, qName: string): Promise<Answer> =>
    person.api.post(
      '/api/v1/data-connections',
      { dataSourceId: 'File_AmazonS3Connector', qName, connectionProperties },
      { 'idempotency-key': key },
    );
  const named = async (person: TestUser, qName: string): Promise<number> => {
    const { body } = await person.api.get('/api/v1/data-connections');
    return body.data.filter((connection: { qName: string }) => connection.qName === qName).length;
  };

  it('R04: the same create fifty times in parallel makes one connection and has one answer', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => connect(alice, 'parallel', 'Once')));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
    expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers.get('idempotency-replayed') === null)).toHaveLength(1);
    expect(answers.every((answer) => answer.headers.get('content-type')?.includes('json'))).toBe(true);
    expect(await named(alice, 'Once')).toBe(1);
  });

  it('R04: refuses the key for a different request; the order of members does not matter', async () => {
    const first = await connect(alice, 'reused', 'Reused');
    expect(first.status).toBe(201);
    const other = await connect(alice, 'reused', 'Something else');
    expect(other.status).toBe(422);
    expect(other.body.errors[0].code).toBe('IDEMPOTENCY-KEY-REUSED');
    expect(await named(alice, 'Something else')).toBe(0);
    const reordered = await alice.api.post(
      '/api/v1/data-connections',
      {
        connectionProperties: Object.fromEntries(Object.entries(connectionProperties).toReversed()),
        qName: 'Reused',
        dataSourceId: 'File_AmazonS3Connector',
      },
      { 'idempotency-key': 'reused' },
    );
    expect(reordered.body).toEqual(first.body);
  });

  it('R04: is separate for each user and each route', async () => {
    const hers = await connect(alice, 'shared', 'Shared');
    const his = await connect(bob, 'shared', 'Shared');
    expect(his.status).toBe(201);
    expect(his.body.qID).not.toBe(hers.body.qID);
    const space = await alice.api.post(
      '/api/v1/spaces',
      { name: 'Shared key', type: 'shared' },
      { 'idempotency-key': 'shared' },
    );
    expect(space.status).toBe(201);
  });

  it('R04: keeps the answer across a restart', async () => {
    const first = await connect(alice, 'restart', 'Restarted');
    await server.restart();
    // The client may hold a connection that the restart has closed.
    const again = await vi.waitFor(() => connect(alice, 'restart', 'Restarted'), { timeout: 30_000 });
    expect(again.text).toBe(first.text);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
  });

  it('lets a refused request be corrected and sent again', async () => {
    await alice.api.post('/api/v1/spaces', { name: 'Taken', type: 'shared' });
    const key = { 'idempotency-key': 'mended' };
    expect((await alice.api.post('/api/v1/spaces', { name: 'Taken', type: 'shared' }, key)).status).toBe(409);
    expect((await alice.api.post('/api/v1/spaces', { name: 'Free', type: 'nonsense' }, key)).status).toBe(
      400,
    );
    expect((await alice.api.post('/api/v1/spaces', { name: 'Free', type: 'shared' }, key)).status).toBe(201);
  });

  it('shows a new API key again to the client that repeats its creation, and not to a reader of the store', async () => {
    const key = { 'idempotency-key': 'api-key' };
    const first = await bob.api.post('/api/v1/api-keys', { description: 'once' }, key);
    const second = await bob.api.post('/api/v1/api-keys', { description: 'once' }, key);
    expect(second.body).toEqual(first.body);
    await server.restart();
    await vi.waitFor(() => admin.get('/api/v1/users/me'), { timeout: 30_000 });
    const stored = await server.storedText();
    expect(stored).toContain('alice');
    for (const secret of [first.body.token, secretKey, 'a-key']) expect(stored.includes(secret)).toBe(false);
  });

  it('refuses keys that are not valid, and does not change requests without one', async () => {
    for (const key of ['', 'a key', 'x'.repeat(256)]) {
      const answer = await connect(alice, key, 'Never');
      expect(answer.status, JSON.stringify(key)).toBe(400);
      expect(answer.body.errors[0].detail).toContain('Idempotency-Key');
    }
    const body = { name: 'Plain', type: 'shared' };
    const plain = await alice.api.post('/api/v1/spaces', body);
    expect(plain.status).toBe(201);
    expect(plain.headers.get('idempotency-replayed')).toBeNull();
    expect((await alice.api.post('/api/v1/spaces', body)).status).toBe(409);
  });
});

describe('TR24: an answer that shows a secret is repeated', () => {
  let server: TestServer;
  let admin: TestUser;
  beforeAll(async () => {
    server = await startServer();
    admin = await addUser(server.url, server.adminKey, 'administrator', ['TenantAdmin']);
  });
  afterAll(() => server.close());

  const another = async (): Promise<ApiClient> => {
    const made = await admin.api.post('/api/v1/api-keys', { description: 'another' });
    return apiClient(server.url, made.body.token);
  };
  const clientOf = async () =>
    (await admin.api.post('/api/v1/oauth-clients', { clientName: 'machine', appType: 'web' })).body.clientId;
  const kinds: [
    what: string,
    make: () => Promise<{ path: string; body: object; gone(made: Answer): string }>,
  ][] = [
    [
      'an API key',
      async () => ({
        ...{ path: '/api/v1/api-keys', body: { description: 'shown once' } },
        gone: (made) => `/api/v1/api-keys/${made.body.id}`,
      }),
    ],
    [
      'an OAuth client',
      async () => ({
        ...{ path: '/api/v1/oauth-clients', body: { clientName: 'shown once', appType: 'web' } },
        gone: (made) => `/api/v1/oauth-clients/${made.body.clientId}`,
      }),
    ],
    [
      'a secret of a client',
      async () => {
        const path = `/api/v1/oauth-clients/${await clientOf()}/client-secrets`;
        return { path, body: {}, gone: (made) => `${path}/${made.body.hint}` };
      },
    ],
  ];

  it.each(kinds)('to the same access grant only, and never after the end of %s', async (what, make) => {
    const { path, body, gone } = await make();
    const key = { 'idempotency-key': `of ${what}`.replaceAll(' ', '-') };
    const first = await admin.api.post(path, body, key);
    expect(first.status, first.text).toBe(201);
    const secret: string = first.body.token ?? first.body.clientSecret;
    expect(secret.length).toBeGreaterThan(20);
    expect((await admin.api.post(path, body, key)).text).toBe(first.text);
    const others = await (await another()).post(path, body, key);
    expect(others.status).toBe(422);
    expect(others.body.errors[0].code).toBe('IDEMPOTENCY-KEY-REUSED');
    expect(others.text).not.toContain(secret);
    expect((await admin.api.delete(gone(first))).status).toBe(204);
    const late = await admin.api.post(path, body, key);
    expect(late.status).toBe(422);
    expect(late.body.errors[0].detail).toMatch(/no longer exists/);
    expect(late.text).not.toContain(secret);
  });

  it('to any access grant of the same user when it shows no secret', async () => {
    const key = { 'idempotency-key': 'no-secret' };
    const body = { name: 'Space', type: 'shared' };
    const first = await admin.api.post('/api/v1/spaces', body, key);
    expect((await (await another()).post('/api/v1/spaces', body, key)).text).toBe(first.text);
  });
});
