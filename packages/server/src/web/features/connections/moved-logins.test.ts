import { generateKeyPairSync } from 'node:crypto';
import { type LoopbackServer, listenOnLoopback, readRequestBody } from '@mooring/lab/loopback-http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, addUser, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

// DECISIONS 4: a user who moves, transfers or copies a connection with another user's login cannot use that login.

const path = '/api/v1/data-connections';
const password = 'canary-of-alices-login-6614';
const basic = { authSchema: 'basic', username: 'alice', password };

describe('TR5: the login of a connection that another user moves', () => {
  let server: TestServer;
  let source: LoopbackServer;
  let url: string;
  /** Requests that came with Alice's login. */
  let signedIn = 0;
  const asked: string[] = [];
  /** Requests to a token endpoint that came with the signature of a client's key. */
  let assertions = 0;
  let alice: TestUser;
  let mallory: TestUser;
  let shared: string;
  let lair: string;
  let count = 0;

  beforeAll(async () => {
    const expected = `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`;
    source = await listenOnLoopback(0, () => async (request, response) => {
      asked.push(request.url ?? '');
      if ((await readRequestBody(request)).includes('client_assertion=')) assertions += 1;
      if (request.headers.authorization === expected) signedIn += 1;
      response.setHeader('content-type', 'application/json').end('[{"a":1}]');
    });
    url = `${source.url}/items`;
    server = await startServer({ configuration: { limits: { testSeconds: 5 } } });
    alice = await addUser(server.url, server.adminKey, 'alice');
    mallory = await addUser(server.url, server.adminKey, 'mallory', ['TenantAdmin']);
    shared = (await alice.api.post('/api/v1/spaces', { name: 'Shared', type: 'shared' })).body.id;
    await alice.api.post(`/api/v1/spaces/${shared}/assignments`, {
      ...{ type: 'user', assigneeId: mallory.id, roles: ['facilitator', 'producer'] },
    });
    lair = (await mallory.api.post('/api/v1/spaces', { name: 'Lair', type: 'shared' })).body.id;
    await mallory.api.post(`/api/v1/spaces/${lair}/assignments`, {
      ...{ type: 'user', assigneeId: alice.id, roles: ['producer'] },
    });
  });
  afterAll(async () => {
    await server.close();
    await source.close();
  });
  beforeEach(() => {
    signedIn = 0;
  });

  const create = async (space: string, properties: object = basic) => {
    count += 1;
    const made = await alice.api.post(path, {
      ...{ datasourceID: 'rest', qName: `moved ${count}`, space },
      connectionProperties: { url, ...properties },
    });
    expect(made.status, made.text).toBe(201);
    return made.body as { qID: string; qName: string; qConnectStatement: string; qCredentialsID: string };
  };
  const uses = ['test', 'browse', 'preview', 'read'] as const;
  const use = (person: TestUser, id: string, action: (typeof uses)[number] = 'preview') =>
    person.api.post(
      `${path}/${id}/actions/${action}`,
      action === 'test' || action === 'browse' ? {} : { path: [] },
    );
  const stateOf = async (person: TestUser, id: string) =>
    (await person.api.get(`${path}/${id}/credential`)).body;
  const confirm = (person: TestUser, id: string, seen: object) =>
    person.api.post(`${path}/${id}/credential/actions/confirm`, seen);

  const reasonOf = ({ body }: Answer) => body?.errors?.[0]?.meta?.reason;

  type Made = Awaited<ReturnType<typeof create>>;
  const patch = (made: Made, ...operations: [string, unknown][]) =>
    mallory.api.patch(
      `${path}/${made.qID}`,
      operations.map(([at, value]) => ({ op: 'replace', path: at, value })),
    );
  const bulk = async (made: Made, change: object): Promise<Answer> => {
    const answer = await mallory.api.post(`${path}/actions/update`, {
      connections: [{ id: made.qID, ...change }],
    });
    return { ...answer, status: answer.body.data[0].status };
  };
  const put = (made: Made, change: object) =>
    mallory.api.put(`${path}/${made.qID}`, {
      ...{ qID: made.qID, qEngineObjectID: made.qID, qName: made.qName, qType: 'QvRestConnector.exe' },
      ...{ qConnectStatement: made.qConnectStatement, ...change },
    });

  const doors: [what: string, from: 'personal' | 'shared', move: (made: Made) => Promise<Answer>][] = [
    ['PATCH of the space', 'personal', (made) => patch(made, ['/space', lair])],
    ['PATCH of the space of a shared one', 'shared', (made) => patch(made, ['/space', lair])],
    [
      'PATCH of space and name',
      'personal',
      (made) => patch(made, ['/space', lair], ['/qName', `${made.qName} b`]),
    ],
    ['PATCH of the owner', 'personal', (made) => patch(made, ['/user', mallory.id])],
    ['PATCH of owner and space', 'personal', (made) => patch(made, ['/user', mallory.id], ['/space', lair])],
    [
      'PATCH out of a space, with the owner',
      'shared',
      (made) => patch(made, ['/space', ''], ['/user', mallory.id]),
    ],
    ['PUT with another space', 'personal', (made) => put(made, { space: lair })],
    ['bulk update of the space', 'personal', (made) => bulk(made, { spaceId: lair })],
    ['bulk update of the owner', 'personal', (made) => bulk(made, { ownerId: mallory.id })],
    [
      'bulk update of owner and space',
      'shared',
      (made) => bulk(made, { ownerId: mallory.id, spaceId: lair }),
    ],
  ];

  it.each(doors)(
    '%s (%s): the login is suspended until Alice confirms, and stays hers',
    async (_what, from, move) => {
      const made = await create(from === 'shared' ? shared : '');
      expect((await use(alice, made.qID)).status).toBe(200);
      signedIn = 0;
      const moved = await move(made);
      expect(moved.status, moved.text).toBe(204);
      for (const action of uses) {
        const refused = await use(mallory, made.qID, action);
        expect(refused.status, `${action} ${refused.text}`).toBe(403);
        expect(refused.body.errors[0]).toMatchObject({
          code: 'CREDENTIALS-REQUIRED',
          meta: { reason: 'needs_confirmation' },
        });
        expect(refused.body.errors[0].meta).not.toHaveProperty('confirm');
      }
      const resolved = await mallory.api.post(`${path}/${made.qID}/actions/resolve`);
      expect(resolved.body).toMatchObject({ usable: false, state: 'needs_confirmation' });
      // Another user cannot confirm for her, and moving it back does not end the suspension.
      const { destination } = await stateOf(mallory, made.qID);
      const suspendedAt = '2020-01-01T00:00:00.000Z';
      expect((await confirm(mallory, made.qID, { destination, suspendedAt })).status).toBe(404);
      const back = await bulk(made, { ownerId: alice.id, spaceId: from === 'shared' ? shared : '' });
      expect(back.status, back.text).toBe(204);
      const refused = await use(alice, made.qID);
      const { meta } = refused.body.errors[0];
      expect(meta).toMatchObject({
        ...{ reason: 'needs_confirmation', credentialId: made.qCredentialsID, suspendedBy: mallory.id },
        confirm: `${path}/${made.qID}/credential/actions/confirm`,
      });
      expect(await stateOf(alice, made.qID)).toMatchObject({
        ...{ state: 'needs_confirmation', suspendedAt: meta.suspendedAt, suspendedBy: mallory.id },
      });
      expect(signedIn).toBe(0);
      // The confirmation must name the suspension that was shown.
      expect((await confirm(alice, made.qID, { destination })).status).toBe(409);
      expect((await confirm(alice, made.qID, { destination, suspendedAt })).status).toBe(409);
      expect((await use(alice, made.qID)).status).toBe(403);
      const confirmed = await confirm(alice, made.qID, { destination, suspendedAt: meta.suspendedAt });
      expect(confirmed.body, confirmed.text).toMatchObject({
        state: 'ready',
        credentialId: made.qCredentialsID,
      });
      expect((await use(alice, made.qID)).status).toBe(200);
      expect(signedIn).toBeGreaterThan(0);
    },
  );

  it.each([
    ['into her own space', { spaceId: '' }],
    ['in the same space', {}],
  ])('a copy %s has no login, and the original keeps working', async (_what, to) => {
    const made = await create(shared);
    const copy = await mallory.api.post(`${path}/actions/duplicate`, { id: made.qID, ...to });
    expect(copy.status, copy.text).toBe(201);
    expect((await stateOf(mallory, copy.body.qID)).state).toBe('missing');
    expect((await use(mallory, copy.body.qID)).status).toBe(403);
    expect(signedIn).toBe(0);
    expect((await use(alice, made.qID)).status).toBe(200);
  });

  it('the user who entered the login moves and renames the connection without confirming', async () => {
    const made = await create('');
    for (const [at, value] of [
      ['/space', shared],
      ['/space', lair],
      ['/qName', `hers ${count}`],
    ]) {
      const moved = await alice.api.patch(`${path}/${made.qID}`, [{ op: 'replace', path: at, value }]);
      expect(moved.status, moved.text).toBe(204);
      expect((await use(alice, made.qID)).status).toBe(200);
    }
    expect((await patch(made, ['/qName', `not moved ${count}`])).status).toBe(204);
    expect((await use(alice, made.qID)).status).toBe(200);
  });

  it('a rename by its owner does not end the suspension; entering the whole login again does', async () => {
    const made = await create(shared);
    expect((await patch(made, ['/space', lair])).status).toBe(204);
    const rename = [{ op: 'replace', path: '/qName', value: `renamed ${count}` }];
    expect((await alice.api.patch(`${path}/${made.qID}`, rename)).status).toBe(204);
    expect((await use(alice, made.qID)).status).toBe(403);
    const login = Object.entries({ username: 'alice', password });
    const again = await alice.api.patch(
      `${path}/${made.qID}`,
      login.map(([name, value]) => ({ op: 'add', path: `/connectionProperties/${name}`, value })),
    );
    expect(again.status, again.text).toBe(204);
    expect((await use(alice, made.qID)).status).toBe(200);
  });

  it('a confirmation is a 409 if the connection was moved again since it was shown', async () => {
    const made = await create(shared);
    await patch(made, ['/space', lair]);
    const seen = await stateOf(alice, made.qID);
    await patch(made, ['/space', shared]);
    await patch(made, ['/space', lair]);
    const late = await confirm(alice, made.qID, {
      destination: seen.destination,
      suspendedAt: seen.suspendedAt,
    });
    expect(late.status, late.text).toBe(409);
    expect((await use(alice, made.qID)).status).toBe(403);
  });

  it("a login of two parts: a user's own certificate does not unlock another user's client secret", async () => {
    const clientSecret = 'canary-of-alices-client-8810';
    const tokenUrl = url.replace('items', 'token');
    const login = { url, authSchema: 'oauth2ClientCredentials', clientId: 'alice', tokenUrl };
    const choice = { separateCredentials: true, credentialsName: 'of a client' };
    const made = await create('', { ...login, clientSecret, ...choice });
    // Separated, but the client secret is the login, so it is suspended as an embedded one is.
    const moved = await patch(made, ['/space', lair]);
    expect(moved.status, moved.text).toBe(204);
    const own = { mutualPfxCertificateKey: 'own' };
    const at = `${path}/${made.qID}/credential`;
    const entered = await mallory.api.put(at, { credentialsName: 'own', connectionProperties: own });
    expect(reasonOf(entered), entered.text).toBe('needs_confirmation');
    const alone = await mallory.api.post('/api/v1/data-credentials', {
      ...{ datasourceID: 'rest', qName: `own ${count}` },
      connectionProperties: { ...login, ...own, clientSecret: 'canary-of-mallorys-client' },
    });
    expect((await mallory.api.put(at, { credentialId: alone.body.qID })).status, alone.text).toBe(200);
    const refused = await use(mallory, made.qID);
    expect(refused.body.errors[0]?.meta, refused.text).toMatchObject({ reason: 'needs_confirmation' });
    const { destination, suspendedAt } = await stateOf(alice, made.qID);
    expect((await confirm(alice, made.qID, { destination, suspendedAt })).status).toBe(200);
  });

  it.each(['mallory', 'alice'] as const)(
    'one of two secrets of a client, entered again by %s: the other stays only if it was theirs',
    async (name) => {
      const person = { mallory, alice }[name];
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const made = await create(shared, {
        ...{ authSchema: 'oauth2ClientCredentials', clientId: 'alice' },
        ...{ tokenUrl: `${source.url}/signed`, clientAuthentication: 'private_key_jwt' },
        clientPrivateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }),
        clientSecret: 'canary-of-alices-client-8813',
      });
      assertions = 0;
      await use(alice, made.qID);
      expect(assertions).toBe(1);
      const entered = await person.api.patch(`${path}/${made.qID}`, [
        { op: 'replace', path: '/connectionProperties/clientSecret', value: 'canary-of-another-8814' },
      ]);
      expect(entered.status, entered.text).toBe(204);
      assertions = 0;
      await use(person, made.qID);
      expect(assertions).toBe(name === 'alice' ? 1 : 0);
    },
  );

  it('the secret of a client that waits begins no sign-in, exchanges no code and makes no link, but for its giver', async () => {
    const made = await create(shared, {
      ...{ authSchema: 'oauth2', clientId: 'alice', clientSecret: 'canary-of-alices-client-8811' },
      ...{ authorizationUrl: `${source.url}/authorize`, tokenUrl: `${source.url}/token` },
      separateCredentials: true,
    });
    const at = `${path}/${made.qID}`;
    const begin = (person: TestUser) => person.api.put(`${at}/credential`, { authUrlOnly: true });
    const linked = async () => (await use(mallory, made.qID)).body.errors[0].meta;
    expect((await begin(mallory)).status).toBe(200);
    expect(await linked()).toMatchObject({ reason: 'missing', signIn: {} });
    expect((await patch(made, ['/space', lair])).status).toBe(204);
    const authCode = 'canary-of-a-code-8812';
    const answers = [
      await begin(mallory),
      await mallory.api.put(`${at}/credential`, { connectionProperties: { authCode } }),
      await mallory.api.patch(at, [], { 'qlik-auth-code': authCode }),
    ];
    expect(answers.map(reasonOf)).toEqual(answers.map(() => 'needs_confirmation'));
    expect((await linked()).signIn).toBeUndefined();
    expect(asked).not.toContain('/token');
    expect((await begin(alice)).status).toBe(200);
  });
});
