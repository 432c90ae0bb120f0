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

  it('US8: says at / what this is and where to go: browsers to /docs, programs in text', async () => {
    const browser = await fetch(server.url, { headers: { accept: 'text/html,*/*' }, redirect: 'manual' });
    expect([browser.status, browser.headers.get('location')]).toEqual([302, '/docs']);
    const program = await fetch(server.url);
    expect(program.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await program.text()).toContain(`${server.url}/docs\n`);
  });

  it("shows only the caller's tenant, by `me` and by id", async () => {
    const mine = await admin.get('/api/v1/tenants/me');
    expect(mine.body).toMatchObject({ name: 'mooring', status: 'active' });
    expect((await admin.get(`/api/v1/tenants/${mine.body.id}`)).body).toEqual(mine.body);
    expect((await admin.get('/api/v1/tenants/other')).status).toBe(404);
    expect((await apiClient(server.url, undefined).get('/api/v1/tenants/me')).status).toBe(401);
  });
});
