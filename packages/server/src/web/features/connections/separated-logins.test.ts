import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, addUser, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const path = '/api/v1/data-connections';
const password = 'canary-of-a-shared-login-1172';

describe('LI26: an embedded connection becomes a separated one', () => {
  let server: TestServer;
  let lab: LabAuthorizationServer;
  let source: LoopbackServer;
  let alice: TestUser;
  let admin: TestUser;
  let count = 0;

  beforeAll(async () => {
    lab = await startAuthorizationServer();
    source = await listenOnLoopback(0, () => async (request, response) => {
      const [scheme, token = ''] = (request.headers.authorization ?? '').split(' ');
      const isBasic = token === Buffer.from(`alice:${password}`).toString('base64');
      const isKnown = scheme === 'Basic' ? isBasic : (await lab.verifyAccessToken(token)).active;
      response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' }).end('[{"a":1}]');
    });
    server = await startServer({ configuration: { limits: { testSeconds: 5 } } });
    alice = await addUser(server.url, server.adminKey, 'alice');
    admin = await addUser(server.url, server.adminKey, 'administrator', ['TenantAdmin']);
  });
  afterAll(async () => {
    await server.close();
    await Promise.all([lab.close(), source.close()]);
  });

  const definition = () => ({
    ...{ url: `${source.url}/items`, authSchema: 'oauth2', scope: 'openid read' },
    ...{ authorizationUrl: lab.authorizationEndpoint, tokenUrl: lab.tokenEndpoint },
    ...{ revocationUrl: lab.revocationEndpoint, ...lab.client },
  });
  const byGrant = async () => {
    count += 1;
    const body = { datasourceID: 'rest', qName: `grant ${count}` };
    const connectionProperties = definition();
    const begun = await alice.api.post(path, { ...body, authUrlOnly: true, connectionProperties });
    expect(begun.status, begun.text).toBe(201);
    lab.addRedirectUri(new URL(begun.body.authUrl).searchParams.get('redirect_uri') ?? '');
    const { login, password: secret } = lab.users[0];
    const page = await walkSignIn({
      authUrl: `${begun.body.authUrl}&access_type=offline`,
      login,
      password: secret,
    });
    const authCode = /id="auth-code"[^>]*>([^<]+)</.exec(page.html)?.[1];
    const made = await alice.api.post(path, {
      ...body,
      connectionProperties: { ...connectionProperties, authCode },
    });
    expect(made.status, made.text).toBe(201);
    return made.body;
  };
  const byPassword = async () => {
    count += 1;
    const made = await alice.api.post(path, {
      ...{ datasourceID: 'rest', qName: `login ${count}` },
      connectionProperties: { url: `${source.url}/items`, authSchema: 'basic', username: 'alice', password },
    });
    expect(made.status, made.text).toBe(201);
    return made.body;
  };
  // biome-ignore lint/suspicious/noExplicitAny: a connection as it was answered
  type Made = any;
  const put = (made: Made) =>
    alice.api.put(`${path}/${made.qID}`, {
      ...{ qID: made.qID, qEngineObjectID: made.qID, qName: made.qName, qType: made.qType },
      ...{ qConnectStatement: made.qConnectStatement, qSeparateCredentials: true },
    });
  const patch = (person: () => TestUser, at: string, newValue: (made: Made) => unknown) => (made: Made) =>
    person().api.patch(`${path}/${made.qID}`, [{ op: 'replace', path: at, value: newValue(made) }]);
  const separatedStatement = (made: Made) =>
    made.qConnectStatement.replace(/;?"$/, ';separateCredentials=true"');

  const doors: [what: string, separate: (made: Made) => Promise<Answer>][] = [
    [
      'PATCH of the property',
      patch(
        () => alice,
        '/connectionProperties/separateCredentials',
        () => true,
      ),
    ],
    [
      'PATCH of qSeparateCredentials',
      patch(
        () => alice,
        '/qSeparateCredentials',
        () => 'true',
      ),
    ],
    ['PATCH of the connect statement', patch(() => alice, '/qConnectStatement', separatedStatement)],
    ['PUT', put],
    [
      'PATCH by an administrator',
      patch(
        () => admin,
        '/qSeparateCredentials',
        () => true,
      ),
    ],
  ];

  const expectKept = async (made: Made) => {
    const kept = await alice.api.get(`/api/v1/data-credentials/${made.qCredentialsID}`);
    expect(kept.body, kept.text).toMatchObject({ qSeparated: 1, connectionId: '', qConnCount: 1 });
    const state = await alice.api.get(`${path}/${made.qID}/credential`);
    expect(state.body).toMatchObject({ state: 'ready', separated: true, credentialId: made.qCredentialsID });
    const read = await alice.api.post(`${path}/${made.qID}/actions/preview`, { path: [] });
    expect(read.status, read.text).toBe(200);
    return kept.body;
  };

  it.each(doors)(
    'by %s: the grant goes to its owner, stays valid and is not revoked',
    async (_what, separate) => {
      const made = await byGrant();
      lab.resetCounts();
      const answer = await separate(made);
      expect(answer.status, answer.text).toBe(204);
      lab.expireAccessTokens();
      await expectKept(made);
      expect(lab.counts()).toMatchObject({ revocation: 0, token: { refresh_token: 1 } });
    },
  );

  it.each(doors)('by %s: a login goes to its owner (QL8)', async (_what, separate) => {
    const made = await byPassword();
    expect((await separate(made)).status).toBe(204);
    expect(await expectKept(made)).toMatchObject({ qName: made.qName });
  });

  it('uses the requested name, and changes nothing if it is taken', async () => {
    const [first, second] = [await byPassword(), await byPassword()];
    const named = (made: Made, name: string) =>
      alice.api.patch(`${path}/${made.qID}`, [
        { op: 'add', path: '/connectionProperties/separateCredentials', value: true },
        { op: 'add', path: '/connectionProperties/credentialsName', value: name },
      ]);
    expect((await named(first, 'the shared one')).status).toBe(204);
    expect(await expectKept(first)).toMatchObject({ qName: 'the shared one' });
    expect((await named(second, 'the shared one')).status).toBe(409);
    expect((await alice.api.get(`${path}/${second.qID}`)).body).toMatchObject({
      ...{ qSeparateCredentials: false, qCredentialsID: second.qCredentialsID },
    });
  });

  it('adds a number to a default name that is taken', async () => {
    const made = await byPassword();
    const taken = await alice.api.post('/api/v1/data-credentials', {
      ...{ datasourceID: 'rest', qName: made.qName },
      connectionProperties: { url: `${source.url}/items`, authSchema: 'basic', username: 'a', password: 'b' },
    });
    expect(taken.status, taken.text).toBe(201);
    expect((await put(made)).status).toBe(204);
    expect(await expectKept(made)).toMatchObject({ qName: `${made.qName} (1)` });
  });

  it('by an administrator with a login of their own: both users keep theirs', async () => {
    const made = await byPassword();
    const space = await alice.api.post('/api/v1/spaces', { name: `Space ${count}`, type: 'shared' });
    const member = { type: 'user', assigneeId: admin.id, roles: ['dataconsumer'] };
    await alice.api.post(`/api/v1/spaces/${space.body.id}/assignments`, member);
    await alice.api.patch(`${path}/${made.qID}`, [{ op: 'replace', path: '/space', value: space.body.id }]);
    const both = await admin.api.patch(`${path}/${made.qID}`, [
      { op: 'replace', path: '/qSeparateCredentials', value: true },
      { op: 'add', path: '/connectionProperties/username', value: 'administrator' },
      { op: 'add', path: '/connectionProperties/password', value: 'of their own' },
    ]);
    expect(both.status, both.text).toBe(204);
    await expectKept(made);
    const theirs = await admin.api.get(`${path}/${made.qID}/credential`);
    expect(theirs.body).toMatchObject({ state: 'ready' });
    expect(theirs.body.credentialId).not.toBe(made.qCredentialsID);
  });

  it('data-credentials refuses the change and says where to make it', async () => {
    const made = await byGrant();
    const id = made.qCredentialsID;
    const refused = await alice.api.patch(`/api/v1/data-credentials/${id}`, [
      { op: 'replace', path: '/qSeparated', value: '1' },
    ]);
    expect(refused.status).toBe(400);
    const login = await byPassword();
    const at = `/api/v1/data-credentials/${login.qCredentialsID}`;
    const { body } = await alice.api.get(at);
    const answer = await alice.api.put(at, {
      ...body,
      qSeparated: 1,
      qUsername: 'alice',
      qPassword: password,
    });
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0].detail).toMatch(/qSeparated: cannot be changed here: PATCH/);
    expect((await alice.api.get(at)).body).toEqual(body);
  });
});
