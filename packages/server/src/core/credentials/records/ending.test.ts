import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const door = '/api/v1/data-connections';
const codeOf = (html: string): string => /id="auth-code"[^>]*>([^<]+)</.exec(html)?.[1] ?? '';

describe('everything sealed of what is taken away', () => {
  let lab: LabAuthorizationServer;
  let server: TestServer;
  let admin: ApiClient;
  let spaceId: string;
  let serial = 0;

  beforeAll(async () => {
    lab = await startAuthorizationServer();
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    spaceId = (await admin.post('/api/v1/spaces', { name: 'shared', type: 'shared' })).body.id;
  });
  afterAll(async () => {
    await server.close();
    await lab.close();
  });

  const properties = () => ({
    ...{ url: 'http://127.0.0.1:9/', authSchema: 'oauth2', issuer: lab.issuer, scope: 'openid read' },
    ...lab.client,
  });
  const walk = async (authUrl: string, login: 'alice' | 'bob'): Promise<string> => {
    const redirect = new URL(authUrl).searchParams.get('redirect_uri');
    if (redirect !== null) lab.addRedirectUri(redirect);
    const { password } = lab.users[login === 'alice' ? 0 : 1];
    return codeOf((await walkSignIn({ authUrl, login, password, endsAtServer: redirect === null })).html);
  };
  /** Signs in and sends what `send` makes of the code, or of `authUrlOnly`. */
  const signIn = async (
    send: (body: object) => Promise<{ body: { authUrl: string } }>,
    login: 'alice' | 'bob',
  ) => {
    const begun = await send({ authUrlOnly: true });
    return send({ authCode: await walk(begun.body.authUrl, login) });
  };

  interface Grants {
    connection: string;
    credential: string;
    /** Sign-ins whose grants have no owner yet. */
    waiting: string[];
  }

  /** A stored grant, one that waits for a choice, and one that came from another device. */
  const threeGrants = async (api: ApiClient): Promise<Grants> => {
    serial += 1;
    const body = { datasourceID: 'rest', qName: `ended ${serial}`, space: spaceId };
    const made = await admin.post(door, {
      ...{ ...body, connectionProperties: { ...properties(), separateCredentials: true } },
    });
    expect(made.status, made.text).toBe(201);
    const path = `${door}/${made.body.qID}/credential`;
    const send = (given: { authCode?: string }) =>
      api.put(
        path,
        given.authCode === undefined
          ? given
          : { connectionProperties: given, credentialsName: `mine ${serial}` },
      );
    const stored = await signIn(send, 'alice');
    const { credentialId } = stored.body as unknown as { credentialId: string };
    expect(credentialId).toBeDefined();
    return { connection: made.body.qID, credential: credentialId, waiting: await twoWaiting(api, path) };
  };

  const twoWaiting = async (api: ApiClient, path: string): Promise<string[]> => {
    const other = await api.put(path, { authUrlOnly: true });
    const authCode = await walk(other.body.authUrl, 'bob');
    const asked = await api.put(path, { connectionProperties: { authCode } });
    expect([asked.status, asked.body.errors?.[0]?.code]).toEqual([409, 'SIGN-IN-ACCOUNT-DIFFERS']);
    const device = await api.put(path, { authUrlOnly: true, device: true });
    expect(device.status, device.text).toBe(200);
    await walk(device.body.authUrl, 'alice');
    expect((await api.get(`/api/v1/sign-ins/${device.body.signInId}`)).body.state).toBe('arrived');
    return [other.body.signInId, device.body.signInId];
  };

  const person = () => addUser(server.url, server.adminKey, `person ${++serial}`);
  const member = async (): Promise<TestUser> => {
    const one = await person();
    const assignment = { type: 'user', assigneeId: one.id, roles: ['dataconsumer'] };
    expect((await admin.post(`/api/v1/spaces/${spaceId}/assignments`, assignment)).status).toBe(201);
    return one;
  };
  const told = (count: number) => expect.poll(() => lab.counts().revocation, { timeout: 8_000 }).toBe(count);

  const ofUser: Record<string, (one: TestUser) => Promise<{ status: number }>> = {
    'disabling its user': ({ id }) =>
      admin.patch(`/api/v1/users/${id}`, [{ op: 'replace', path: '/status', value: 'disabled' }]),
    'deleting its user': ({ id }) => admin.delete(`/api/v1/users/${id}`),
  };
  it.each(Object.keys(ofUser))(
    'LI4: ends with %s, and each grant is revoked at its provider',
    async (way) => {
      const one = await member();
      await threeGrants(one.api);
      lab.resetCounts();
      expect((await ofUser[way]?.(one))?.status).toBe(204);
      await told(3);
    },
  );

  const scopes: Record<string, (one: TestUser) => object | Promise<object>> = {
    '--user': ({ id }) => ({ userId: id }),
    '--source': () => ({ dataSourceId: 'rest' }),
    '--all': async () => ({ all: (await admin.get('/api/v1/tenants/me')).body.id }),
  };
  it.each(Object.keys(scopes))(
    'LI4: ends with `mooring revoke %s`, which reports each grant',
    async (way) => {
      const one = await member();
      const { waiting } = await threeGrants(one.api);
      lab.resetCounts();
      const report = await admin.post('/api/v1/data-credentials/actions/revoke', await scopes[way]?.(one));
      expect([report.status, report.body.total]).toEqual([200, 3]);
      await told(3);
      for (const id of waiting) {
        const state = (await one.api.get(`/api/v1/sign-ins/${id}`)).body;
        expect(state).toMatchObject({ state: 'failed', error: 'ended' });
      }
    },
  );

  it('LI4: ends with its credential, and with its connection but for the credential', async () => {
    const one = await member();
    const first = await threeGrants(one.api);
    lab.resetCounts();
    expect((await one.api.delete(`/api/v1/data-credentials/${first.credential}`)).status).toBe(204);
    await told(3);

    const second = await threeGrants(one.api);
    lab.resetCounts();
    expect((await admin.delete(`${door}/${second.connection}`)).status).toBe(204);
    await told(2);
    expect((await one.api.get(`/api/v1/data-credentials/${second.credential}`)).status).toBe(200);
  });

  it('LI4: ends with the connection that it is embedded in', async () => {
    const { api } = await person();
    const body = { datasourceID: 'rest', qName: 'embedded' };
    const made = await signIn(({ ...given }: { authCode?: string; authUrlOnly?: boolean }) => {
      const { authUrlOnly, ...more } = given;
      const connectionProperties = { ...properties(), ...more };
      return api.post(door, { ...body, connectionProperties, ...(authUrlOnly ? { authUrlOnly } : {}) });
    }, 'alice');
    const { qID } = made.body as unknown as { qID: string };
    expect(qID).toBeDefined();
    lab.resetCounts();
    expect((await api.delete(`${door}/${qID}`)).status).toBe(204);
    await told(1);
  });

  it('LI4: ends with the OAuth client that acted with it', async () => {
    const made = await admin.post('/api/v1/oauth-clients', {
      ...{ appType: 'web', clientName: 'robot', allowedScopes: ['user_default'] },
    });
    expect(made.status, made.text).toBe(201);
    const basic = Buffer.from(`${made.body.clientId}:${made.body.clientSecret}`).toString('base64');
    const tokens = await fetch(`${server.url}/oauth/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    }).then((response) => response.json() as Promise<{ access_token: string }>);
    const robot = apiClient(server.url, tokens.access_token);
    const { id } = (await robot.get('/api/v1/users/me')).body;
    const assignment = { type: 'user', assigneeId: id, roles: ['dataconsumer'] };
    expect((await admin.post(`/api/v1/spaces/${spaceId}/assignments`, assignment)).status).toBe(201);
    await threeGrants(robot);
    lab.resetCounts();
    expect((await admin.delete(`/api/v1/oauth-clients/${made.body.clientId}`)).status).toBe(204);
    await told(3);
  });
});
