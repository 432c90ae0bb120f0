import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Answer,
  type ApiClient,
  addUser,
  apiClient,
  type TestUser,
} from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const s3Properties = {
  accessKey: 'a-key',
  secretKey: 'a-secret',
  region: 'eu-west-1',
  bucketName: 'reports',
};

interface Client {
  clientId: string;
  clientSecret: string;
  userId: string;
}

describe('machines with access tokens', () => {
  let server: TestServer;
  let admin: ApiClient;
  let anyone: ApiClient;
  let alice: TestUser;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    anyone = apiClient(server.url, undefined);
    alice = await addUser(server.url, server.adminKey, 'alice');
  });
  afterAll(() => server.close());

  const makeClient = async (clientName: string, ...allowedScopes: string[]): Promise<Client> => {
    const body = { clientName, appType: 'web', ...(allowedScopes.length > 0 ? { allowedScopes } : {}) };
    const answer = await admin.post('/api/v1/oauth-clients', body);
    expect(answer.status, answer.text).toBe(201);
    return answer.body;
  };
  const ask = (client: Pick<Client, 'clientId' | 'clientSecret'>, more: object = {}) =>
    anyone.post('/oauth/token', {
      grant_type: 'client_credentials',
      client_id: client.clientId,
      client_secret: client.clientSecret,
      ...more,
    });
  const signedIn = async (client: Client, more: object = {}) => {
    const { body } = await ask(client, more);
    return { token: body.access_token as string, api: apiClient(server.url, body.access_token) };
  };
  const expectRefused = (answer: Answer, status: number, error: string) => {
    expect(answer.status, answer.text).toBe(status);
    expect(answer.body).toMatchObject({ error, errors: [{ status }] });
    expect(answer.body.access_token).toBeUndefined();
  };

  describe('the token endpoint', () => {
    it("accepts what Qlik's client sends, and issues a token that acts as the client's user", async () => {
      const client = await makeClient('etl');
      const answer = await ask(client, { scope: 'user_default' });
      expect(answer.status, answer.text).toBe(200);
      expect(answer.body).toMatchObject({ token_type: 'bearer', expires_in: 21_600, scope: 'user_default' });
      const me = await apiClient(server.url, answer.body.access_token).get('/api/v1/users/me');
      expect(me.body).toMatchObject({
        id: client.userId,
        subject: `qlikbot\\${client.clientId}`,
        clientId: client.clientId,
        name: 'etl',
      });
      expect(decodeProtectedHeader(answer.body.access_token)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' });
      expect(decodeJwt(answer.body.access_token)).toMatchObject({ iss: server.url, sub: client.userId });
    });

    it('accepts a form, and id and secret as Basic authentication', async () => {
      const { clientId, clientSecret } = await makeClient('forms');
      const credentials = { client_id: clientId, client_secret: clientSecret };
      const grant = { grant_type: 'client_credentials' };
      const posted = await anyone.post(
        '/oauth/token',
        new URLSearchParams({ ...grant, ...credentials }).toString(),
        form,
      );
      expect(posted.status, posted.text).toBe(200);
      const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
      const headers = { ...form, authorization: `Basic ${basic}` };
      expect((await anyone.post('/oauth/token', new URLSearchParams(grant).toString(), headers)).status).toBe(
        200,
      );
      expectRefused(
        await anyone.post(
          '/oauth/token',
          new URLSearchParams({ ...grant, ...credentials }).toString(),
          headers,
        ),
        400,
        'invalid_request',
      );
      const wrong = {
        ...form,
        authorization: `Basic ${Buffer.from(`${clientId}:wrong`).toString('base64')}`,
      };
      const refused = await anyone.post('/oauth/token', new URLSearchParams(grant).toString(), wrong);
      expectRefused(refused, 401, 'invalid_client');
      expect(refused.headers.get('www-authenticate')).toContain('Basic');
    });

    it('refuses with `errors` beside the `error` of RFC 6749', async () => {
      const client = await makeClient('refused');
      const other = await makeClient('other');
      expectRefused(await ask({ ...client, clientSecret: 'wrong' }), 401, 'invalid_client');
      expectRefused(await ask({ ...client, clientSecret: other.clientSecret }), 401, 'invalid_client');
      expectRefused(await ask({ ...client, clientId: 'unknown' }), 401, 'invalid_client');
      expectRefused(await ask(client, { grant_type: 'password' }), 400, 'unsupported_grant_type');
      expectRefused(await ask(client, { grant_type: undefined }), 400, 'invalid_request');
      expectRefused(await ask(client, { client_secret: undefined }), 400, 'invalid_request');
      expectRefused(await ask(client, { scope: 'admin_classic' }), 400, 'invalid_scope');
      const twice = await anyone.post('/oauth/token', 'grant_type=a&grant_type=b', form);
      expect(twice.status).toBe(400);
      expect((await anyone.post('/oauth/token', 'x', { 'content-type': 'text/plain' })).status).toBe(415);
    });

    it('W09: a mistyped secret is refused without asking the store', async () => {
      const client = await makeClient('mistyped');
      const last = client.clientSecret.endsWith('0') ? '1' : '0';
      const mistyped = client.clientSecret.slice(0, -1) + last;
      await server.sql('ALTER TABLE oauth_client_secret RENAME TO secret_away');
      try {
        expectRefused(await ask({ ...client, clientSecret: mistyped }), 401, 'invalid_client');
        expect((await ask(client)).status).toBeGreaterThanOrEqual(500);
      } finally {
        await server.sql('ALTER TABLE secret_away RENAME TO oauth_client_secret');
      }
      expect((await ask(client)).status).toBe(200);
    });

    it('W02: no other route accepts a form', async () => {
      expect((await admin.post('/api/v1/users', 'subject=x', form)).status).toBe(415);
    });
  });

  describe('what a token may do', () => {
    it('W13: administers only with the scope for it, and loses that at once with the scope', async () => {
      const client = await makeClient('administrator', 'user_default', 'admin_classic');
      const narrow = await signedIn(client, { scope: 'user_default' });
      const wide = await signedIn(client);
      expect((await narrow.api.post('/api/v1/users', { subject: 'by narrow' })).status).toBe(403);
      expect((await wide.api.post('/api/v1/users', { subject: 'by wide' })).status).toBe(201);
      const patch = [{ op: 'replace', path: '/allowedScopes', value: ['user_default'] }];
      expect((await admin.patch(`/api/v1/oauth-clients/${client.clientId}`, patch)).status).toBe(204);
      expect((await wide.api.post('/api/v1/users', { subject: 'by wide again' })).status).toBe(403);
      expect((await wide.api.get('/api/v1/users/me')).body.roles).toEqual([]);
    });

    it('W13: ends with the last scope that it shares with its client', async () => {
      const client = await makeClient('narrowed', 'user_default', 'admin_classic');
      const wide = await signedIn(client, { scope: 'admin_classic' });
      const both = await signedIn(client);
      const patch = [{ op: 'replace', path: '/allowedScopes', value: ['user_default'] }];
      expect((await admin.patch(`/api/v1/oauth-clients/${client.clientId}`, patch)).status).toBe(204);
      expect((await wide.api.get('/api/v1/users/me')).status).toBe(401);
      expect((await both.api.get('/api/v1/users/me')).status).toBe(200);
    });

    it('X08: a machine without a credential of its own is refused on a separated connection', async () => {
      const client = await makeClient('reader');
      const { api } = await signedIn(client);
      const space = (await alice.api.post('/api/v1/spaces', { name: 'Machines', type: 'shared' })).body;
      const assigned = await alice.api.post(`/api/v1/spaces/${space.id}/assignments`, {
        type: 'bot',
        assigneeId: client.userId,
        roles: ['dataconsumer'],
      });
      expect(assigned.body, assigned.text).toMatchObject({ type: 'bot', assigneeId: client.userId });
      const connection = await alice.api.post('/api/v1/data-connections', {
        dataSourceId: 'File_AmazonS3Connector',
        qName: 'Separated',
        space: space.id,
        connectionProperties: { ...s3Properties, separateCredentials: true, credentialsName: 'alices' },
      });
      const use = await api.post(`/api/v1/data-connections/${connection.body.qID}/actions/browse`, {
        path: [],
      });
      expect(use.status, use.text).toBe(403);
      expect(use.body.errors[0]).toMatchObject({
        code: 'CREDENTIALS-REQUIRED',
        meta: { reason: 'missing', connectionId: connection.body.qID },
      });
    });
  });

  describe('the end of a token', () => {
    it('a token is listed without its text, and revoked by its user or an administrator', async () => {
      const client = await makeClient('listed');
      const { token, api } = await signedIn(client);
      const mine = await api.get('/api/v1/oauth-tokens');
      expect(mine.body.data).toMatchObject([{ userId: client.userId, clientId: client.clientId }]);
      const [{ createdAt, expiresAt }] = mine.body.data;
      expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(6 * 3600_000);
      expect(Math.abs(Date.now() - Date.parse(createdAt))).toBeLessThan(60_000);
      expect(mine.text).not.toContain(token.split('.')[2]);
      const [{ id }] = mine.body.data;
      expect((await alice.api.get('/api/v1/oauth-tokens')).body.data).toEqual([]);
      expect((await alice.api.delete(`/api/v1/oauth-tokens/${id}`)).status).toBe(404);
      expect((await admin.delete(`/api/v1/oauth-tokens/${id}`)).status).toBe(204);
      expect((await api.get('/api/v1/users/me')).status).toBe(401);
    });

    it('ends when its client is deleted or its user is disabled', async () => {
      const first = await makeClient('deleted');
      const second = await makeClient('disabled');
      const [one, two] = [await signedIn(first), await signedIn(second)];
      expect((await admin.delete(`/api/v1/users/${first.userId}`)).status).toBe(409);
      expect((await admin.delete(`/api/v1/oauth-clients/${first.clientId}`)).status).toBe(204);
      const disable = [{ op: 'replace', path: '/status', value: 'disabled' }];
      expect((await admin.patch(`/api/v1/users/${second.userId}`, disable)).status).toBe(204);
      for (const { api } of [one, two]) expect((await api.get('/api/v1/users/me')).status).toBe(401);
      expectRefused(await ask(first), 401, 'invalid_client');
      expectRefused(await ask(second), 401, 'invalid_client');
      expect((await admin.get(`/api/v1/users/${first.userId}`)).status).toBe(404);
    });

    it('does not end with a restart', async () => {
      const { api } = await signedIn(await makeClient('lasting'));
      await server.restart();
      // The client may hold a connection that the restart has closed.
      await expect.poll(async () => (await api.get('/api/v1/users/me')).status).toBe(200);
    });
  });

  it('W17: refuses every token that was not signed here, for this server, within its lifetime', async () => {
    const client = await makeClient('forged');
    const { token } = await signedIn(client);
    const { kid = '' } = decodeProtectedHeader(token);
    const claims = decodeJwt(token);
    const [header = '', payload = '', signature = ''] = token.split('.');
    const pair = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const forge = (protectedHeader: object, more: object = {}) =>
      new SignJWT({ ...claims, ...more })
        .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt', ...protectedHeader })
        .sign(pair.privateKey);
    const bytes = new TextEncoder().encode(JSON.stringify(jwk));
    const forged = {
      'alg none': `${encode({ alg: 'none', kid, typ: 'at+jwt' })}.${payload}.`,
      'signature left out': `${header}.${payload}.`,
      'HMAC with the public key': await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid, typ: 'at+jwt' })
        .sign(bytes),
      'another key under our kid': await forge({}),
      'jwk in the header': await forge({ jwk }),
      'jku in the header': await forge({ jku: `${server.url}/keys` }),
      'kid that is a path': await forge({ kid: '../../../dev/null' }),
      'no kid': `${encode({ alg: 'ES256', typ: 'at+jwt' })}.${payload}.${signature}`,
      'another type': `${encode({ alg: 'ES256', kid, typ: 'JWT' })}.${payload}.${signature}`,
      'changed claims': `${header}.${encode({ ...claims, sub: alice.id })}.${signature}`,
      garbage: 'eyJhbGciOiJFUzI1NiJ9.e30.AA',
      'a header that is not JSON': `eyJhbGciOiJ.${payload}.${signature}`,
    };
    for (const [what, value] of Object.entries(forged)) {
      const answer = await apiClient(server.url, value).get('/api/v1/users/me');
      expect(answer.status, what).toBe(401);
    }
    expect((await apiClient(server.url, token).get('/api/v1/users/me')).status).toBe(200);
  });

  it('W08: stores no secret and no signing key in plaintext', async () => {
    const client = await makeClient('at rest');
    const { token } = await signedIn(client);
    const files = readdirSync(server.dataFolder).map((name) =>
      readFileSync(path.join(server.dataFolder, name)),
    );
    for (const secret of [client.clientSecret, token, '"kty":"EC"']) {
      for (const file of files) expect(file.includes(secret)).toBe(false);
    }
    expect(server.logText()).not.toContain(client.clientSecret);
    expect(server.logText()).not.toContain(token);
  });
});
