import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

describe('platform', () => {
  let server: TestServer;
  let admin: ApiClient;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
  });
  afterAll(() => server.close());

  it('issues a CSRF token to clients that request one', async () => {
    const answer = await apiClient(server.url, undefined).get('/api/v1/csrf-token');
    expect(answer.status).toBe(204);
    expect(answer.headers.get('qlik-csrf-token')).toMatch(/^[\w-]{43}$/);
    expect(answer.text).toBe('');
  });

  it("shows only the caller's tenant, by `me` and by id", async () => {
    const mine = await admin.get('/api/v1/tenants/me');
    expect(mine.body).toMatchObject({ name: 'mooring', status: 'active' });
    expect((await admin.get(`/api/v1/tenants/${mine.body.id}`)).body).toEqual(mine.body);
    expect((await admin.get('/api/v1/tenants/other')).status).toBe(404);
    expect((await apiClient(server.url, undefined).get('/api/v1/tenants/me')).status).toBe(401);
  });
});
