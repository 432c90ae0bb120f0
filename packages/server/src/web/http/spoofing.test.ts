import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, type TestUser } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';

const connections = '/api/v1/data-connections';
const body = (qName: string) => ({
  datasourceID: 'rest',
  qName,
  connectionProperties: { url: 'http://127.0.0.1:9/' },
});

describe('what a request claims about itself', () => {
  let server: TestServer;
  let alice: TestUser;
  let bob: TestUser;

  beforeAll(async () => {
    server = await startServer();
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
  });
  afterAll(() => server.close());

  /** Sends the path unchanged; other clients normalize it. */
  const raw = (path: string, key?: string): Promise<{ status: number; text: string; location: string }> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(server.url);
      const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
      const sent = request({ hostname, port, path, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text, location: response.headers.location ?? '' }),
        );
      });
      sent.on('error', reject).end();
    });

  it('W18: identifies no caller by a header that names a user', async () => {
    for (const name of ['x-user-id', 'x-forwarded-user', 'x-tenant', 'x-tenant-id', 'x-remote-user']) {
      for (const value of [bob.id, 'admin', 'another-tenant']) {
        expect((await alice.api.get('/api/v1/users/me', { [name]: value })).body.id).toBe(alice.id);
      }
      const nobody = await fetch(`${server.url}/api/v1/users/me`, { headers: { [name]: alice.id } });
      expect(nobody.status).toBe(401);
    }
  });

  it('X11: applies nothing that a client may not set', async () => {
    const claims = {
      id: '11111111-1111-4111-8111-111111111111',
      tenantId: 'another',
      tenant: 'another',
      user: bob.id,
      userId: bob.id,
      ownerId: bob.id,
      created: '2000-01-01T00:00:00.000Z',
      createdAt: '2000-01-01T00:00:00.000Z',
      role: 'TenantAdmin',
      qSeparated: 1,
      verified: true,
      privileges: ['change_owner'],
      version: 'V9',
    };
    const made = await alice.api.post(connections, { ...body('claimed'), ...claims });
    expect(made.status, made.text).toBe(201);
    const { qID } = made.body;
    expect(qID).not.toBe(claims.id);
    const mine = await alice.api.get(`${connections}/${qID}`);
    expect(mine.body).toMatchObject({ user: alice.id, qSeparateCredentials: false, version: 'V1' });
    expect(mine.body.created > '2020').toBe(true);
    expect(mine.body.tenant).not.toBe('another');
    expect((await bob.api.get(`${connections}/${qID}`)).status).toBe(404);
    for (const name of Object.keys(claims)) {
      const patched = await alice.api.patch(`${connections}/${qID}`, [
        { op: 'replace', path: `/${name}`, value: (claims as Record<string, unknown>)[name] },
      ]);
      expect([name, patched.status >= 400 && patched.status < 500]).toEqual([name, true]);
    }
    expect((await alice.api.get(`${connections}/${qID}`)).body.user).toBe(alice.id);
  });

  it('X17: treats a disguised path like the path itself, or as unknown', async () => {
    const { qID } = (await alice.api.post(connections, body('hidden'))).body;
    const disguises = [
      `/${connections}/${qID}`,
      `/api/v1/./data-connections/${qID}`,
      `/api/v1/spaces/../data-connections/${qID}`,
      `/api/v1/spaces/%2e%2e/data-connections/${qID}`,
      `/api/v1%2fdata-connections/${qID}`,
      `${connections};x=1/${qID}`,
      `${connections}/${qID};x`,
      `/API/V1/DATA-CONNECTIONS/${qID}`,
      `${connections}/${qID}/`,
      `${connections}/${qID}%00`,
      `/healthz/../api/v1/data-connections/${qID}`,
      `/docs/../api/v1/data-connections/${qID}`,
    ];
    for (const path of disguises) {
      expect([path, [401, 404, 400].includes((await raw(path)).status)]).toEqual([path, true]);
      const others = await raw(path, bob.key);
      expect([path, [404, 400].includes(others.status)]).toEqual([path, true]);
      expect(others.text).not.toContain('hidden');
    }
    expect((await raw(`${connections}/${qID}/`, alice.key)).status).toBe(200);
  });

  it('W21: reveals no stack, SQL, path or version in any error', async () => {
    const answers = await Promise.all([
      raw('/api/v1/nowhere', alice.key),
      raw('/api/v1/users/me'),
      raw(`${connections}/not-a-uuid`, alice.key),
      raw(
        `${connections}?filter=${encodeURIComponent('qName eq "\'; drop table"')}&sort=nonsense`,
        alice.key,
      ),
      raw(`${connections}?page=%ff`, alice.key),
      raw(`${connections}/%`, alice.key),
      raw('/api/v1/data-sources/nothing/api-specs', alice.key),
    ]);
    for (const { status, text } of answers) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      const { errors, traceId } = JSON.parse(text);
      expect(errors[0]).toMatchObject({ code: expect.any(String), title: expect.any(String), status });
      expect(traceId).toEqual(expect.any(String));
      expect(text).not.toMatch(
        /\.js:|node_modules|at \w+ \(|select |sqlite|libsql|fastify|postgres|\/packages\//i,
      );
    }
  });

  it('O13: does not redirect elsewhere, whatever a query says', async () => {
    for (const target of [
      '//e.example',
      'https:e.example',
      '/\\e.example',
      'javascript:alert(1)',
      '%2f%2fe',
      'a@e',
    ]) {
      for (const name of ['returnTo', 'returnto', 'redirect', 'next', 'continue', 'url']) {
        const query = `${name}=${encodeURIComponent(target)}`;
        for (const path of ['/oauth/callback/google', '/login', '/logout', '/docs', '/']) {
          const { location } = await raw(`${path}?${query}`);
          expect([path, target, location === '' || /^\/(?![/\\])/.test(location)]).toEqual([
            path,
            target,
            true,
          ]);
        }
      }
    }
  });
});
