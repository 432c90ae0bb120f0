import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

describe('oauth-clients', () => {
  let server: TestServer;
  let admin: ApiClient;
  let alice: TestUser;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    alice = await addUser(server.url, server.adminKey, 'alice', ['DataAdmin']);
  });
  afterAll(() => server.close());

  const make = async (clientName: string) =>
    (await admin.post('/api/v1/oauth-clients', { clientName, appType: 'web' })).body;

  describe('201', () => {
    it('shows the secret once, in the published form', async () => {
      const answer = await admin.post('/api/v1/oauth-clients', {
        clientName: 'etl',
        appType: 'web',
        description: 'nightly',
        allowedGrantTypes: ['client_credentials'],
        allowedAuthMethods: ['client_secret'],
        redirectUris: [],
      });
      expect(answer.status, answer.text).toBe(201);
      expect(answer.body).toMatchObject({ clientName: 'etl', description: 'nightly', appType: 'web' });
      expect(answer.body.clientSecret).toMatch(/^mrs_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$/);
      expect(answer.body.clientSecrets).toMatchObject([{ hint: answer.body.clientSecret.slice(0, 8) }]);
      const shown = await admin.get(`/api/v1/oauth-clients/${answer.body.clientId}`);
      const { clientSecret, ...rest } = answer.body;
      expect(shown.body).toEqual(rest);
      expect(shown.text).not.toContain(clientSecret);
    });

    it('allows a client at most five secrets, each deleted by its hint', async () => {
      const client = await make('rotating');
      const path = `/api/v1/oauth-clients/${client.clientId}/client-secrets`;
      const secrets = [];
      for (let count = 0; count < 4; count += 1) secrets.push((await admin.post(path)).body);
      expect(new Set(secrets.map((secret) => secret.hint)).size).toBe(4);
      expect((await admin.post(path)).status).toBe(409);
      const token = (clientSecret: string) =>
        admin.post('/oauth/token', {
          grant_type: 'client_credentials',
          client_id: client.clientId,
          client_secret: clientSecret,
        });
      expect((await token(secrets[3].clientSecret)).status).toBe(200);
      expect((await admin.delete(`${path}/${client.clientSecrets[0].hint}`)).status).toBe(204);
      expect((await admin.delete(`${path}/${client.clientSecrets[0].hint}`)).status).toBe(404);
      expect((await token(client.clientSecret)).status).toBe(401);
      expect((await token(secrets[0].clientSecret)).status).toBe(200);
      expect((await admin.post(path)).status).toBe(201);
    });
  });

  describe('200 and 204', () => {
    it('lists by filter and in order', async () => {
      for (const name of ['list b', 'list a']) await make(name);
      const answer = await admin.get(
        `/api/v1/oauth-clients?filter=${encodeURIComponent('clientName sw "list" and appType eq "web"')}&sort=%2BclientName&totalResults=true&limit=1`,
      );
      expect(answer.body).toMatchObject({ data: [{ clientName: 'list a' }], totalResults: 2 });
      expect((await admin.get(answer.body.links.next.href)).body.data).toMatchObject([
        { clientName: 'list b' },
      ]);
    });

    it('changes the client and the name of its user, and refuses other members', async () => {
      const { clientId, userId } = await make('before');
      const answer = await admin.patch(`/api/v1/oauth-clients/${clientId}`, [
        { op: 'replace', path: '/clientName', value: 'after' },
        { op: 'add', path: '/allowedScopes/-', value: 'admin_classic' },
        { op: 'replace', path: '/clientUri', value: 'https://example.com/' },
        { op: 'remove', path: '/description' },
      ]);
      expect(answer.status, answer.text).toBe(204);
      expect((await admin.get(`/api/v1/oauth-clients/${clientId}`)).body).toMatchObject({
        clientName: 'after',
        allowedScopes: ['user_default', 'admin_classic'],
        clientUri: 'https://example.com/',
        description: '',
      });
      expect((await admin.get(`/api/v1/users/${userId}`)).body).toMatchObject({
        name: 'after',
        roles: ['TenantAdmin'],
      });
    });
  });

  describe('400', () => {
    it('refuses unsupported kinds of clients, scopes and members', async () => {
      const base = { clientName: 'x', appType: 'web' };
      for (const body of [
        { appType: 'web' },
        { ...base, appType: 'spa' },
        { ...base, allowedScopes: ['everything'] },
        { ...base, allowedScopes: [] },
        { ...base, allowedGrantTypes: ['urn:qlik:oauth:user-impersonation'] },
        { ...base, clientUri: 'javascript:alert(1)' },
      ]) {
        expect((await admin.post('/api/v1/oauth-clients', body)).status, JSON.stringify(body)).toBe(400);
      }
      const { clientId } = await make('strict');
      for (const operation of [
        { op: 'replace', path: '/appType', value: 'spa' },
        { op: 'replace', path: '/redirectUris', value: [] },
        { op: 'replace', path: '/__proto__/x', value: 1 },
        { op: 'remove', path: '/allowedScopes' },
        { op: 'add', path: '/allowedScopes/-', value: 'everything' },
      ]) {
        const answer = await admin.patch(`/api/v1/oauth-clients/${clientId}`, [operation]);
        expect(answer.status, JSON.stringify(operation)).toBe(400);
      }
    });
  });

  describe('401, 403, 404 and 409', () => {
    it('X09: is for tenant administrators only', async () => {
      const { clientId, clientSecrets } = await make('closed');
      const path = `/api/v1/oauth-clients/${clientId}`;
      const answers = [
        await alice.api.get('/api/v1/oauth-clients'),
        await alice.api.get(path),
        await alice.api.patch(path, []),
        await alice.api.delete(path),
        await alice.api.post('/api/v1/oauth-clients', { clientName: 'x', appType: 'web' }),
        await alice.api.post(`${path}/client-secrets`),
        await alice.api.delete(`${path}/client-secrets/${clientSecrets[0].hint}`),
      ];
      expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 403));
      expect((await apiClient(server.url, undefined).get(path)).status).toBe(401);
      expect((await admin.get('/api/v1/oauth-clients/unknown')).status).toBe(404);
      expect((await admin.delete('/api/v1/oauth-clients/unknown')).status).toBe(404);
    });

    it('refuses to delete a client whose user owns a space', async () => {
      const client = await make('owner');
      const { body } = await admin.post('/oauth/token', {
        grant_type: 'client_credentials',
        client_id: client.clientId,
        client_secret: client.clientSecret,
      });
      const api = apiClient(server.url, body.access_token);
      expect((await api.post('/api/v1/spaces', { name: 'Of a machine', type: 'shared' })).status).toBe(201);
      expect((await admin.delete(`/api/v1/oauth-clients/${client.clientId}`)).status).toBe(409);
      expect((await api.get('/api/v1/users/me')).status).toBe(200);
    });
  });
});
