import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const keys = '/api/v1/api-keys';
const day = 86_400_000;

describe('TR2: no key is stronger or longer-lived than what it is made with', () => {
  let server: TestServer;
  let admin: ApiClient;
  let alice: TestUser;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    alice = await addUser(server.url, server.adminKey, 'alice');
  });
  afterAll(() => server.close());

  const make = async (api: ApiClient, body: object) => {
    const answer = await api.post(keys, body);
    expect(answer.status, answer.text).toBe(201);
    return { ...answer.body, api: apiClient(server.url, answer.body.token) } as {
      id: string;
      expiry: string;
      created: string;
      api: ApiClient;
    };
  };
  const shown = async (id: string) => (await admin.get(`${keys}/${id}`)).body;
  const codeOf = ({ body }: { body: { errors: { code: string }[] } }) => body.errors[0]?.code;

  it.each([['user_default'], ['user_default admin_classic']])(
    'an access token of a client that may administer makes none: %s',
    async (scope) => {
      const allowedScopes = ['user_default', 'admin_classic'];
      const client = (
        await admin.post('/api/v1/oauth-clients', { clientName: scope, appType: 'web', allowedScopes })
      ).body;
      const issued = await apiClient(server.url, undefined).post('/oauth/token', {
        grant_type: 'client_credentials',
        client_id: client.clientId,
        client_secret: client.clientSecret,
        scope,
      });
      const machine = apiClient(server.url, issued.body.access_token);
      const made: [string, object][] = [
        ...[{}, { sub: client.userId }, { successor: true }].map((body): [string, object] => [keys, body]),
        ['/api/v1/oauth-clients', { clientName: 'of a token', appType: 'web', allowedScopes }],
        [`/api/v1/oauth-clients/${client.clientId}/client-secrets`, {}],
      ];
      for (const [path, body] of made) {
        const answer = await machine.post(path, body);
        expect([path, answer.status, codeOf(answer)]).toEqual([path, 403, 'ACCESS-DENIED']);
      }
      expect(
        (await machine.get(keys)).body.data.filter(({ sub }: { sub: string }) => sub === client.userId),
      ).toEqual([]);
    },
  );

  it("a machine's key, as 0.1.0 made them, makes no keys and ends with the last secret of its client", async () => {
    const client = (await admin.post('/api/v1/oauth-clients', { clientName: 'of 0.1.0', appType: 'web' }))
      .body;
    const secrets = `/api/v1/oauth-clients/${client.clientId}/client-secrets`;
    const second = (await admin.post(secrets)).body;
    const old = await make(alice.api, { description: 'of 0.1.0' });
    await server.sql(`UPDATE api_key SET user_id = '${client.userId}' WHERE id = '${old.id}'`);
    expect((await old.api.get('/api/v1/users/me')).body.id).toBe(client.userId);
    expect((await old.api.post(keys, {})).status).toBe(403);
    expect((await old.api.post(keys, { successor: true })).status).toBe(403);
    expect((await admin.delete(`${secrets}/${second.hint}`)).status).toBe(204);
    expect((await old.api.get('/api/v1/users/me')).status).toBe(200);
    expect((await admin.delete(`${secrets}/${client.clientSecrets[0].hint}`)).status).toBe(204);
    expect((await old.api.get('/api/v1/users/me')).status).toBe(401);

    const other = (await admin.post('/api/v1/oauth-clients', { clientName: 'deleted', appType: 'web' })).body;
    const key = await make(alice.api, { description: 'of another' });
    await server.sql(`UPDATE api_key SET user_id = '${other.userId}' WHERE id = '${key.id}'`);
    expect((await key.api.get('/api/v1/users/me')).status).toBe(200);
    expect((await admin.delete(`/api/v1/oauth-clients/${other.clientId}`)).status).toBe(204);
    expect((await key.api.get('/api/v1/users/me')).status).toBe(401);
  });

  it('a key makes only keys that do not outlive it', async () => {
    const parent = await make(alice.api, { expiry: 'P2D' });
    const shorter = await make(parent.api, { expiry: 'P1D' });
    expect(Date.parse(shorter.expiry)).toBeLessThan(Date.parse(parent.expiry));
    expect((await make(parent.api, {})).expiry).toBe(parent.expiry);
    const longer = await parent.api.post(keys, { expiry: 'P3D' });
    expect([longer.status, codeOf(longer)]).toEqual([403, 'ACCESS-DENIED']);
    expect(longer.body.errors[0].detail).toContain('successor');
  });

  it('a key has one successor with the same lifetime, and ends within seven days of it', async () => {
    const parent = await make(alice.api, { expiry: 'P30D' });
    const both = await Promise.all([1, 2].map(() => parent.api.post(keys, { successor: true })));
    expect(both.map(({ status }) => status).toSorted()).toEqual([201, 409]);
    const successor = both.find(({ status }) => status === 201)?.body;
    expect(Date.parse(successor.expiry) - Date.parse(successor.created)).toBe(
      Date.parse(parent.expiry) - Date.parse(parent.created),
    );
    const end = Date.parse((await shown(parent.id)).expiry);
    expect(end).toBeLessThanOrEqual(Date.now() + 7 * day);
    expect(end).toBeGreaterThan(Date.now() + 7 * day - 60_000);
    expect((await parent.api.post(keys, { successor: true })).status).toBe(409);
    expect((await parent.api.post(keys, { expiry: 'P10D' })).status).toBe(403);
    expect((await parent.api.post(keys, { successor: true, expiry: 'P1D' })).status).toBe(400);
    const next = await make(apiClient(server.url, successor.token), { successor: true });
    expect(Date.parse(next.expiry)).toBeGreaterThanOrEqual(Date.parse(successor.expiry));

    const brief = await make(alice.api, { expiry: 'P1D' });
    await make(brief.api, { successor: true });
    expect((await shown(brief.id)).expiry).toBe(brief.expiry);
  });

  it('the successor of a key that does not expire does not expire; the key then does', async () => {
    const key = await make(alice.api, {});
    await server.sql(`UPDATE api_key SET expires_at = NULL WHERE id = '${key.id}'`);
    const successor = await make(key.api, { successor: true });
    expect(successor.expiry).toMatch(/^9999/);
    expect(Date.parse((await shown(key.id)).expiry)).toBeLessThanOrEqual(Date.now() + 7 * day);
  });
});
