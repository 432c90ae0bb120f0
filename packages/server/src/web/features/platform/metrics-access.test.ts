import { findFreePort } from '@mooring/lab/free-port';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, apiClient } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

describe('who may read metrics', () => {
  let server: TestServer;
  let metricsKey: string;
  beforeAll(async () => {
    server = await startServer();
    const admin = apiClient(server.url, server.adminKey);
    const made = await admin.post('/api/v1/api-keys', { description: 'scraper', scopes: ['metrics'] });
    expect(made.status, made.text).toBe(201);
    expect(made.body.scopes).toEqual(['metrics']);
    metricsKey = made.body.token;
  });
  afterAll(() => server.close());

  const statusOf = async (headers: Record<string, string>) =>
    (await fetch(`${server.url}/metrics`, { headers })).status;

  it('TR9: a client on the same machine may, a client of a proxy there may not', async () => {
    expect(await statusOf({})).toBe(200);
    for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']) {
      expect([name, await statusOf({ [name]: '127.0.0.1' })]).toEqual([name, 401]);
    }
  });

  it('TR9: a key with the scope metrics may, and may do nothing else; an ordinary key may not', async () => {
    const forwarded = { 'x-forwarded-for': '203.0.113.7' };
    expect(await statusOf({ ...forwarded, authorization: `Bearer ${metricsKey}` })).toBe(200);
    expect(await statusOf({ ...forwarded, authorization: `Bearer ${server.adminKey}` })).toBe(401);
    const refused = await apiClient(server.url, metricsKey).get('/api/v1/data-connections');
    expect([refused.status, refused.body.errors[0].code]).toEqual([403, 'ACCESS-DENIED']);
    const alice = await addUser(server.url, server.adminKey, 'alice');
    expect((await alice.api.post('/api/v1/api-keys', { scopes: ['metrics'] })).status).toBe(403);
  });

  it("TR9: an administrator's key may only while its user has the role", async () => {
    const admin = apiClient(server.url, server.adminKey);
    const carol = await addUser(server.url, server.adminKey, 'carol', ['TenantAdmin']);
    const made = await carol.api.post('/api/v1/api-keys', { description: 'hers', scopes: ['metrics'] });
    const asked = () =>
      statusOf({ 'x-forwarded-for': '203.0.113.7', authorization: `Bearer ${made.body.token}` });
    expect(await asked()).toBe(200);
    const none = [{ op: 'replace', path: '/assignedRoles', value: [] }];
    expect((await admin.patch(`/api/v1/users/${carol.id}`, none)).status).toBe(204);
    expect(await asked()).toBe(401);
  });

  it('TR9: behind a public URL, a proxy that adds no header does not count as this machine', async () => {
    const port = await findFreePort();
    const environment = { MOORING_PUBLIC_URL: 'https://mooring.example' };
    const behind = await startServer({ environment, port });
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(401);
    await behind.close();
  });

  it('TR9: guesses are counted by the client that a trusted proxy names; others cannot name one', async () => {
    const guessesFrom = async (url: string, address: string) => {
      let last = 0;
      for (let time = 0; time < 101; time += 1) {
        const headers = { authorization: 'Bearer mrg_wrong', 'x-forwarded-for': address };
        last = (await fetch(`${url}/api/v1/users/me`, { headers })).status;
      }
      return last;
    };
    const trusting = await startServer({ configuration: { trustedProxies: ['127.0.0.0/8'] } });
    expect(await guessesFrom(trusting.url, '203.0.113.1')).toBe(429);
    const headers = { authorization: 'Bearer mrg_wrong', 'x-forwarded-for': '203.0.113.2' };
    expect((await fetch(`${trusting.url}/api/v1/users/me`, { headers })).status).toBe(401);
    await trusting.close();
    expect(await guessesFrom(server.url, '203.0.113.1')).toBe(429);
    expect((await fetch(`${server.url}/api/v1/users/me`, { headers })).status).toBe(429);
  });
});
