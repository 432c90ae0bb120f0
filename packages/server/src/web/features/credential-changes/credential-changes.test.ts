import { generateKeyPairSync } from 'node:crypto';
import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type Canary, startCanary } from '@mooring/lab/canary';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addUser, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';
import { type Source, startSource } from './__fixtures__/password-source.js';

const connections = '/api/v1/data-connections';
const credentials = '/api/v1/data-credentials';
const changes = '/api/v1/data-credential-changes';
const former = 'canary-former-secret';
const fresh = 'canary-fresh-secret';

describe('a change of a secret for many credentials', () => {
  let server: TestServer;
  let source: Source;
  let elsewhere: Canary;
  let alice: TestUser;
  let bob: TestUser;
  let spaceId: string;
  let count = 0;

  beforeAll(async () => {
    server = await startServer({ configuration: { limits: { testSeconds: 5 } } });
    [source, elsewhere] = [await startSource(), await startCanary()];
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
    spaceId = (await alice.api.post('/api/v1/spaces', { name: 'Shared', type: 'shared' })).body.id;
    const member = { type: 'user', assigneeId: bob.id, roles: ['dataconsumer'] };
    await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, member);
  });
  afterAll(async () => {
    await server.close();
    await Promise.all([source.close(), elsewhere.close()]);
  });
  beforeEach(() => {
    source.passwords.clear();
    source.refused.length = 0;
  });

  interface Made {
    at: string;
    credentialId: string;
    user: string;
  }
  /** A connection of Alice's. Each call uses a new user of the source unless one is given. */
  const make = async (choice: { user?: string; separated?: boolean } = {}): Promise<Made> => {
    count += 1;
    const user = choice.user ?? `user${count}`;
    source.passwords.set(user, former);
    const separated = choice.separated ?? true;
    const made = await alice.api.post(connections, {
      datasourceID: 'rest',
      qName: `items ${count}`,
      space: spaceId,
      connectionProperties: {
        url: `${source.url}/items`,
        authSchema: 'basic',
        username: user,
        password: former,
        ...(separated ? { separateCredentials: true, credentialsName: `login ${count}` } : {}),
      },
    });
    expect(made.status, made.text).toBe(201);
    const at = `${connections}/${made.body.qID}`;
    return { at, credentialId: (await alice.api.get(`${at}/credential`)).body.credentialId, user };
  };
  const works = async ({ at }: Pick<Made, 'at'>) =>
    (await alice.api.post(`${at}/actions/test`)).body.ok as boolean;
  const change = (body: object, person = alice) =>
    person.api.post(`${credentials}/actions/change`, { qPassword: fresh, ...body });
  const idsOf = (made: readonly Made[]) => ({ qIDs: made.map(({ credentialId }) => credentialId) });
  const setAll = (made: readonly Made[], password: string) => {
    for (const { user } of made) source.passwords.set(user, password);
  };

  it('a rehearsal changes nothing; a change switches all credentials; an undo restores all', async () => {
    const made = [await make(), await make({ separated: false })];
    setAll(made, fresh);
    const rehearsed = await alice.api.post(`${credentials}/actions/rehearse-change`, {
      ...idsOf(made),
      qPassword: fresh,
    });
    expect(rehearsed.status, rehearsed.text).toBe(200);
    expect(rehearsed.body).toMatchObject({
      ok: true,
      credentialCount: 2,
      connections: [{ outcome: 'passed' }, { outcome: 'passed' }],
    });
    expect(rehearsed.body.changeId).toBeUndefined();
    for (const one of made) expect(await works(one)).toBe(false);

    const changed = await change(idsOf(made));
    expect(changed.body.ok, changed.text).toBe(true);
    for (const one of made) expect(await works(one)).toBe(true);
    const { data } = (await alice.api.get(changes)).body;
    expect(data[0]).toMatchObject({
      id: changed.body.changeId,
      status: 'switched',
      credentialIds: idsOf(made).qIDs.toSorted(),
    });

    setAll(made, former);
    for (const one of made) expect(await works(one)).toBe(false);
    const undone = await alice.api.post(`${changes}/${changed.body.changeId}/actions/undo`);
    expect(undone.body.status, undone.text).toBe('undone');
    for (const one of made) expect(await works(one)).toBe(true);
    expect((await alice.api.post(`${changes}/${changed.body.changeId}/actions/undo`)).status).toBe(409);
  });

  it('switches no credential if one connection fails', async () => {
    const made = [await make(), await make()];
    setAll(made.slice(0, 1), fresh);
    const answer = await change(idsOf(made));
    expect(answer.body, answer.text).toMatchObject({
      ok: false,
      connections: [{ outcome: 'passed' }, { outcome: 'failed', code: 'SOURCE-SIGN-IN-FAILED' }],
    });
    expect(answer.body.changeId).toBeUndefined();
    setAll(made, former);
    for (const one of made) expect(await works(one)).toBe(true);
  });

  it('tries a refused login once per source, however many connections use it', async () => {
    const shared = 'shared-account';
    const made = [await make({ user: shared }), await make({ user: shared }), await make({ user: shared })];
    const answer = await change({ host: '127.0.0.1', ...idsOf(made) });
    expect(answer.body.connections.map(({ outcome }: { outcome: string }) => outcome)).toEqual([
      'failed',
      'not_tried',
      'not_tried',
    ]);
    expect(source.refused).toEqual([`/items ${shared}`]);
  });

  it('switches no credential if one is changed during the rehearsal', async () => {
    const made = [await make(), await make()] as const;
    setAll(made, fresh);
    source.beforeAnswer = () =>
      alice.api.patch(`${credentials}/${made[1].credentialId}`, [
        { op: 'replace', path: '/qPassword', value: 'canary-of-another-request' },
      ]);
    const answer = await change(idsOf(made));
    expect(answer.status, answer.text).toBe(409);
    source.passwords.set(made[0].user, former);
    expect(await works(made[0])).toBe(true);
    source.passwords.set(made[1].user, 'canary-of-another-request');
    expect(await works(made[1])).toBe(true);
  });

  it('X02, X03: sends the new secret only to destinations that its user has confirmed', async () => {
    const made = [await make(), await make()] as const;
    const moved = await alice.api.patch(made[1].at, [
      { op: 'replace', path: '/connectionProperties/url', value: `${elsewhere.url}/items` },
    ]);
    expect(moved.status, moved.text).toBe(204);
    const dialled = elsewhere.connections();
    setAll(made, fresh);
    const answer = await change(idsOf(made));
    expect(answer.body.connections[1], answer.text).toMatchObject({ outcome: 'not_tested' });
    expect(answer.body.ok).toBe(true);
    expect(elsewhere.connections()).toBe(dialled);
    expect((await alice.api.get(`${made[1].at}/credential`)).body.state).toBe('needs_confirmation');
  });

  it("X05: never touches another user's credentials, not even for an administrator", async () => {
    const one = await make();
    const embedded = await make({ separated: false });
    setAll([one, embedded], fresh);
    const admin = await addUser(server.url, server.adminKey, `admin ${count}`, ['TenantAdmin']);
    const random = '00000000-0000-4000-8000-000000000000';
    for (const person of [bob, admin]) {
      const ask = (body: object) => change(body, person);
      const answers = [await ask(idsOf([one])), await ask(idsOf([embedded])), await ask({ qIDs: [random] })];
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
      expect(new Set(answers.map(({ body }) => JSON.stringify(body.errors))).size).toBe(1);
      expect((await ask({ host: '127.0.0.1' })).status).toBe(404);
    }
    expect(source.refused).toEqual([]);
    const mine = await change(idsOf([one]));
    const { changeId } = mine.body;
    for (const id of [changeId, random]) {
      expect((await bob.api.get(`${changes}/${id}`)).status).toBe(404);
      expect((await bob.api.post(`${changes}/${id}/actions/undo`)).status).toBe(404);
    }
    expect((await bob.api.get(changes)).body.data).toEqual([]);
  });

  it('undoes nothing after one of the credentials was changed or deleted', async () => {
    const made = [await make(), await make(), await make()] as const;
    setAll(made, fresh);
    const changeIdOf = async (these: readonly Made[]) => (await change(idsOf(these))).body.changeId;
    const first = await changeIdOf(made.slice(0, 2));
    await alice.api.patch(`${credentials}/${made[1].credentialId}`, [
      { op: 'replace', path: '/qPassword', value: fresh },
    ]);
    expect((await alice.api.post(`${changes}/${first}/actions/undo`)).status).toBe(409);
    expect(await works(made[0])).toBe(true);

    const second = await changeIdOf([made[2]]);
    expect((await alice.api.delete(`${credentials}/${made[2].credentialId}`)).status).toBe(204);
    expect((await alice.api.post(`${changes}/${second}/actions/undo`)).status).toBe(409);
  });

  it('logs each test as a use, and change and undo as events', async () => {
    const one = await make();
    setAll([one], fresh);
    const { changeId } = (await change(idsOf([one]))).body;
    await alice.api.post(`${changes}/${changeId}/actions/undo`);
    const uses = (await alice.api.get(`${credentials}/${one.credentialId}/uses`)).body.data;
    expect(uses[0]).toMatchObject({ action: 'rehearse-change', result: 'ok', userId: alice.id });
    const admin = await addUser(server.url, server.adminKey, 'auditor', ['TenantAdmin']);
    const events = (await admin.api.get('/api/v1/audits?limit=20')).body.data;
    const types = events.map(({ eventType }: { eventType: string }) => eventType);
    expect(types).toContain('mooring.v1.data-credential-change.created');
    expect(types).toContain('mooring.v1.data-credential-change.undone');
  });

  it('selects credentials by host and name, and requires a selection', async () => {
    const [one, two] = [await make(), await make()];
    const name = (await alice.api.get(`${credentials}/${two.credentialId}`)).body.qName;
    const rehearse = (body: object) =>
      alice.api.post(`${credentials}/actions/rehearse-change`, { qPassword: former, ...body });
    const byName = await rehearse({ name, datasourceID: 'REST', host: '127.0.0.1' });
    expect(byName.body.connections, byName.text).toHaveLength(1);
    expect(byName.body.connections[0].credentialId).toBe(two.credentialId);
    expect((await rehearse({ ...idsOf([one]), host: 'localhost' })).status).toBe(404);
    expect((await rehearse({})).body.errors[0].detail).toMatch(/to select the credentials/);
  });

  it('refuses interactive grants and says how to renew them', async () => {
    const lab = await startAuthorizationServer();
    try {
      const properties = {
        url: `${source.url}/items`,
        authSchema: 'oauth2',
        authorizationUrl: lab.authorizationEndpoint,
        tokenUrl: lab.tokenEndpoint,
        scope: 'openid read',
        ...lab.client,
        separateCredentials: true,
      };
      const body = { datasourceID: 'rest', qName: 'by grant', space: spaceId };
      const beginning = { ...body, authUrlOnly: true, connectionProperties: properties };
      const { authUrl } = (await alice.api.post(connections, beginning)).body;
      lab.addRedirectUri(new URL(authUrl).searchParams.get('redirect_uri') ?? '');
      const { login, password } = lab.users[0];
      const page = await walkSignIn({ authUrl, login, password });
      const authCode = /id="auth-code"[^>]*>([^<]+)</.exec(page.html)?.[1];
      const made = await alice.api.post(connections, {
        ...body,
        connectionProperties: { ...properties, authCode, credentialsName: 'grant' },
      });
      expect(made.status, made.text).toBe(201);
      const refused = await change({ name: 'grant' });
      expect(refused.status).toBe(400);
      expect(refused.body.errors[0].detail).toMatch(/no password to change.*authUrlOnly/);
    } finally {
      await lab.close();
    }
  });

  it('refuses service accounts and says how to change their keys', async () => {
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const made = await alice.api.post(connections, {
      ...{ datasourceID: 'rest', qName: 'by machine', space: spaceId },
      connectionProperties: {
        ...{ url: `${source.url}/items`, authSchema: 'oauth2JwtBearer', tokenUrl: `${source.url}/token` },
        ...{ assertionIssuer: 'robot@example.com', assertionPrivateKey: privateKey },
        ...{ separateCredentials: true, credentialsName: 'machine' },
      },
    });
    expect(made.status, made.text).toBe(201);
    const refused = await change({ name: 'machine' });
    expect(refused.status, refused.text).toBe(400);
    const { detail } = refused.body.errors[0];
    expect(detail).toMatch(/no password to change.*connectionProperties/);
    expect(detail).not.toContain('authUrlOnly');
  });

  it('stores and logs neither secret in plaintext', async () => {
    const stored = await server.storedText();
    for (const secret of [former, fresh]) {
      expect(stored).not.toContain(secret);
      expect(server.logText()).not.toContain(secret);
    }
  });
});
