import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';
import { newApiKeyToken } from '../access/token.js';

describe('limits', () => {
  let server: TestServer;
  let admin: ApiClient;
  let alice: TestUser;
  let bob: TestUser;

  beforeAll(async () => {
    server = await startServer({ configuration: { rateLimits: { tier1PerMinute: 4, tier2PerMinute: 2 } } });
    admin = apiClient(server.url, server.adminKey);
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
  });
  afterAll(() => server.close());

  it('R20, R21: answers as documented, for the whole tier, and not for the other one', async () => {
    const statuses = [];
    for (let count = 0; count < 12; count += 1) {
      statuses.push((await alice.api.post('/api/v1/users/actions/filter', {})).status);
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(10);
    const refused = await alice.api.post('/api/v1/spaces', { name: 'Too many', type: 'shared' });
    expect(refused.status).toBe(429);
    const seconds = Number(refused.headers.get('retry-after'));
    expect(refused.body).toEqual({
      errors: [
        {
          code: 'HTTP-429',
          title: 'API rate limit reached.',
          detail: `You need to wait ${seconds} seconds until limit is lifted.`,
        },
      ],
    });
    expect((await alice.api.get('/api/v1/users/me')).status).toBe(200);
  });

  it('R22: does not affect other users and public paths, and survives a restart', async () => {
    expect((await bob.api.post('/api/v1/users/actions/filter', {})).status).toBe(200);
    expect((await apiClient(server.url, undefined).get('/healthz')).status).toBe(200);
    await server.restart();
    // The client may still hold a connection that the restart closed.
    await expect
      .poll(async () => (await alice.api.post('/api/v1/users/actions/filter', {})).status)
      .toBe(429);
  });

  it('W15: slows down guessing of keys and secrets, and accepts valid ones', async () => {
    const statuses: number[] = [];
    for (let count = 0; count < 60; count += 1) {
      const guess = apiClient(server.url, newApiKeyToken());
      statuses.push((await guess.get('/api/v1/users/me')).status);
      const client = { grant_type: 'client_credentials', client_id: 'x', client_secret: 'guess' };
      statuses.push((await apiClient(server.url, undefined).post('/oauth/token', client)).status);
    }
    expect(statuses.slice(0, 100).every((status) => status === 401)).toBe(true);
    expect(statuses.slice(100).every((status) => status === 429)).toBe(true);
    expect((await bob.api.get('/api/v1/users/me')).status).toBe(200);
    expect((await apiClient(server.url, undefined).get('/api/v1/users/me')).status).toBe(401);
    expect((await admin.get('/api/v1/users/me')).status).toBe(200);
  });
});
