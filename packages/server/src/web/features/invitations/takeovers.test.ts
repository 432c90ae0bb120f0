import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Answer,
  type ApiClient,
  addPerson,
  apiClient,
  redeem,
  type TestPerson,
} from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

// A tenant administrator invites Alice, who has been there for long, and redeems the link themselves. Played through
// every route that could lead to anything older: DECISIONS 1.

const connections = '/api/v1/data-connections';
const credentials = '/api/v1/data-credentials';
const keys = '/api/v1/api-keys';

interface Made {
  qID: string;
  qName: string;
  at: string;
}

describe('a key from an invitation to an existing user', () => {
  let server: TestServer;
  let source: LoopbackServer;
  /** What was sent to the source, as `user:password`. */
  let sent: string[] = [];
  let admin: ApiClient;
  let alice: TestPerson;
  let carol: TestPerson;
  let spaceId: string;
  let count = 0;
  /** The key that the administrator holds. */
  let taken: { key: string; keyId: string; api: ApiClient };

  const loginOf = (authorization = '') =>
    Buffer.from(authorization.replace('Basic ', ''), 'base64').toString('utf8');

  beforeAll(async () => {
    server = await startServer();
    source = await listenOnLoopback(0, () => (request, response) => {
      sent.push(loginOf(request.headers.authorization));
      response.writeHead(200, { 'content-type': 'application/json' }).end('[{"a":1}]');
    });
    admin = apiClient(server.url, server.adminKey);
    alice = await addPerson(server.url, server.adminKey, 'alice', ['TenantAdmin']);
    carol = await addPerson(server.url, server.adminKey, 'carol');
    const space = await carol.api.post('/api/v1/spaces', { name: 'Shared', type: 'shared' });
    spaceId = space.body.id;
    const member = { type: 'user', assigneeId: alice.id, roles: ['facilitator', 'producer', 'dataconsumer'] };
    await carol.api.post(`/api/v1/spaces/${spaceId}/assignments`, member);
  });
  afterAll(async () => {
    await server.close();
    await source.close();
  });

  const invited = async (userId = alice.id) => {
    const { token } = (await admin.post('/api/v1/invitations', { userId })).body;
    const { key } = await redeem(server.url, token, 'from the invitation');
    const api = apiClient(server.url, key);
    const own = (await api.get(`${keys}?status=active&limit=100`)).body.data as {
      id: string;
      awaitsApproval?: true;
    }[];
    const ids = own.filter((one) => one.awaitsApproval).map(({ id }) => id);
    const known = (await api.get(`/api/v1/invitations?userId=${userId}`)).body.data?.[0]?.apiKeyId;
    return { key, keyId: (known ?? ids.at(-1)) as string, api };
  };

  const make = async (
    person: TestPerson | { api: ApiClient },
    choice: object = {},
    space?: string,
  ): Promise<Made> => {
    count += 1;
    const made = await person.api.post(connections, {
      datasourceID: 'rest',
      qName: `connection ${count}`,
      ...(space === undefined ? {} : { space }),
      connectionProperties: {
        ...{ url: `${source.url}/items`, authSchema: 'basic' },
        ...{ username: `user-${count}`, password: `secret-${count}-of-a-takeover` },
        ...choice,
      },
    });
    expect(made.status, made.text).toBe(201);
    const { qID, qName } = made.body;
    return { qID, qName, at: `${connections}/${qID}` };
  };
  const separated = () => ({ separateCredentials: true, credentialsName: `login ${count + 1}` });
  const credentialOf = async (made: Made) =>
    (await alice.api.get(`${made.at}/credential`)).body.credentialId as string;
  const use = (api: ApiClient, made: Made) => api.post(`${made.at}/actions/preview`, { path: [], limit: 1 });
  const codeOf = ({ body }: Answer) => body?.errors?.[0]?.code;
  const reasonOf = ({ body }: Answer) => body?.errors?.[0]?.meta?.reason;

  let own: Made;
  let embedded: Made;
  let ofCarol: Made;

  beforeAll(async () => {
    own = await make(alice, separated());
    embedded = await make(alice);
    ofCarol = await make(carol, {}, spaceId);
    taken = await invited();
  });
  beforeEach(() => {
    sent = [];
  });

  it('TR4: says so, and shows the user who invited', async () => {
    const administrator = (await admin.get('/api/v1/users/me')).body.id;
    const shown = (await alice.api.get(`${keys}/${taken.keyId}`)).body;
    expect(shown).toMatchObject({ awaitsApproval: true, invitedBy: administrator, status: 'active' });
    expect((await taken.api.get('/api/v1/users/me')).body.id).toBe(alice.id);
  });

  it('TR4: uses nothing that was there before: separated, embedded, or embedded of a colleague', async () => {
    for (const made of [own, embedded, ofCarol]) {
      for (const action of ['test', 'browse', 'preview', 'read']) {
        const answer = await taken.api.post(
          `${made.at}/actions/${action}`,
          action === 'test' ? {} : { path: [] },
        );
        expect([answer.status, reasonOf(answer)], `${action}: ${answer.text}`).toEqual([
          403,
          'needs_approval',
        ]);
        expect(answer.body.errors[0].meta.signIn).toBeUndefined();
      }
    }
    expect((await taken.api.get(`${own.at}/credential`)).body.state).toBe('needs_approval');
    expect(sent).toEqual([]);
    for (const made of [own, embedded, ofCarol]) expect((await use(alice.api, made)).status).toBe(200);
    expect(sent).toHaveLength(3);
  });

  it('TR4: neither re-aims and confirms, nor links a credential to a connection of its own', async () => {
    const aimed = await make(alice, separated());
    const credentialId = await credentialOf(aimed);
    const there = await listenOnLoopback(0, () => (request, response) => {
      sent.push(`stolen ${loginOf(request.headers.authorization)}`);
      response.end('[]');
    });
    try {
      const url = `${there.url}/items`;
      const patch = [{ op: 'replace', path: '/connectionProperties/url', value: url }];
      expect((await taken.api.patch(aimed.at, patch)).status).toBe(204);
      const { destination } = (await taken.api.get(`${aimed.at}/credential`)).body;
      const confirmed = await taken.api.post(`${aimed.at}/credential/actions/confirm`, { destination });
      expect([confirmed.status, codeOf(confirmed)]).toEqual([403, 'ACCESS-DENIED']);

      const aimedHere = { url, authSchema: 'basic', separateCredentials: true };
      const selected = await taken.api.post(connections, {
        datasourceID: 'rest',
        qName: 'with a credential of before',
        connectionProperties: { ...aimedHere, selectedCredentials: credentialId },
      });
      expect([selected.status, codeOf(selected)]).toEqual([403, 'ACCESS-DENIED']);
      const fresh = await make(taken, {
        ...aimedHere,
        credentialsName: 'of the taker',
        username: 'x',
        password: 'taker-password',
      });
      for (const link of [
        taken.api.put(`${fresh.at}/credential`, { credentialId }),
        taken.api.patch(fresh.at, [{ op: 'replace', path: '/qCredentialsID', value: credentialId }]),
        taken.api.patch(`${credentials}/${credentialId}`, [
          { op: 'replace', path: '/connectionId', value: fresh.qID },
        ]),
      ]) {
        const answer = await link;
        expect([answer.status, codeOf(answer)], answer.text).toEqual([403, 'ACCESS-DENIED']);
      }
      await use(taken.api, aimed);
      await use(taken.api, fresh);
      expect(sent).toEqual(['stolen x:taker-password']);
    } finally {
      await there.close();
    }
  });

  it.each<[string, (made: Made) => Promise<Answer>]>([
    [
      'PATCH of the space',
      ({ at }) => taken.api.patch(at, [{ op: 'replace', path: '/space', value: spaceId }]),
    ],
    [
      'PATCH of the owner',
      async ({ at }) => {
        const { id } = (await admin.get('/api/v1/users/me')).body;
        return taken.api.patch(at, [{ op: 'replace', path: '/user', value: id }]);
      },
    ],
    [
      'PATCH of a property',
      ({ at }) =>
        taken.api.patch(at, [
          { op: 'replace', path: '/connectionProperties/url', value: `${source.url}/items?all=1` },
        ]),
    ],
    [
      'PATCH to separated credentials',
      ({ at }) => taken.api.patch(at, [{ op: 'replace', path: '/qSeparateCredentials', value: true }]),
    ],
    [
      'PUT with another space',
      async ({ at, qID, qName }) => {
        const { qConnectStatement, qType } = (await taken.api.get(at)).body;
        return taken.api.put(at, {
          ...{ qID, qEngineObjectID: qID, qName, qType, qConnectStatement, space: spaceId },
        });
      },
    ],
    [
      'bulk update',
      async ({ qID }) => {
        const answer = await taken.api.post(`${connections}/actions/update`, {
          connections: [{ id: qID, spaceId }],
        });
        const [{ status, error }] = answer.body.data;
        return { ...answer, status, body: { errors: [error] } };
      },
    ],
    ['duplicate', ({ qID }) => taken.api.post(`${connections}/actions/duplicate`, { id: qID, spaceId })],
  ])('TR5: %s does not put an embedded login of before to another use', async (_door, change) => {
    const made = await make(alice);
    const answer = await change(made);
    expect([answer.status, codeOf(answer)], answer.text).toEqual([403, 'ACCESS-DENIED']);
    expect((await alice.api.get(made.at)).body.space ?? '').toBe('');
    expect((await use(alice.api, made)).status).toBe(200);
  });

  const stateOf = async (api: ApiClient, made: Made) => (await api.get(`${made.at}/credential`)).body;
  const patch = (api: ApiClient, made: Made, change: Record<string, unknown>) =>
    api.patch(
      made.at,
      Object.entries(change).map(([name, value]) => ({ op: 'add', path: `/${name}`, value })),
    );
  const expectDenied = (answer: Answer, what?: string) =>
    expect([answer.status, codeOf(answer)], `${what}: ${answer.text}`).toEqual([403, 'ACCESS-DENIED']);
  const client = () => ({
    ...{ authSchema: 'oauth2ClientCredentials', tokenUrl: `${source.url}/token`, clientId: 'client' },
    ...{ clientSecret: `client-secret-${count + 1}`, username: undefined, password: undefined },
    ...separated(),
  });

  describe('of a connection that another user has moved', () => {
    let moved: Made;
    let lair: string;
    beforeEach(async () => {
      lair = (await admin.post('/api/v1/spaces', { name: `Lair ${count}`, type: 'shared' })).body.id;
      const member = {
        type: 'user',
        assigneeId: alice.id,
        roles: ['facilitator', 'producer', 'dataconsumer'],
      };
      await admin.post(`/api/v1/spaces/${lair}/assignments`, member);
      moved = await make(alice);
      const answer = await patch(admin, moved, { space: lair });
      expect(answer.status, answer.text).toBe(204);
      expect((await stateOf(alice.api, moved)).suspendedAt).toBeDefined();
    });
    const confirm = async (api: ApiClient) => {
      const { destination, suspendedAt } = await stateOf(alice.api, moved);
      return api.post(`${moved.at}/credential/actions/confirm`, { destination, suspendedAt });
    };

    it('TR4, TR5: lifts no suspension', async () => {
      expect(reasonOf(await use(taken.api, moved))).toBe('needs_approval');
      expectDenied(await confirm(taken.api));
      // Neither by moving it, nor by what lifts one when the whole login comes with it.
      expectDenied(await patch(taken.api, moved, { space: '' }));
      expectDenied(await patch(taken.api, moved, { 'connectionProperties/url': `${source.url}/items?a=1` }));
      expect((await stateOf(alice.api, moved)).suspendedAt).toBeDefined();
      expect((await use(admin, moved)).status).toBe(403);
      expect(sent).toEqual([]);
      expect((await confirm(alice.api)).status).toBe(200);
      expect((await use(admin, moved)).status).toBe(200);
    });

    it('enters the whole login again, and that one alone serves then', async () => {
      const login = { username: 'again', password: 'entered-by-the-taker' };
      const entries = Object.entries(login).map(([name, value]) => [`connectionProperties/${name}`, value]);
      const answer = await patch(taken.api, moved, Object.fromEntries(entries));
      expect(answer.status, answer.text).toBe(204);
      expect((await use(taken.api, moved)).status).toBe(200);
      expect(sent).toEqual(['again:entered-by-the-taker']);
    });
  });

  it('TR4: separates no embedded login of before, neither under a name nor by a choice', async () => {
    const made = await make(alice);
    const { credentialId } = await stateOf(alice.api, made);
    for (const more of [
      {},
      { 'connectionProperties/credentialsName': 'of the taker' },
      { qCredentialsID: credentialId },
    ])
      expectDenied(
        await patch(taken.api, made, { qSeparateCredentials: true, ...more }),
        JSON.stringify(more),
      );
    const others = await make(carol, {}, spaceId);
    const moving = await admin.post('/api/v1/invitations', { userId: carol.id });
    const ofCarols = apiClient(server.url, (await redeem(server.url, moving.body.token)).key);
    expectDenied(await patch(ofCarols, others, { qSeparateCredentials: true }));
    expect((await stateOf(alice.api, made)).separated).toBe(false);
    expect(sent).toEqual([]);
  });

  it('TR5: neither uses, moves, copies nor confirms the secret of a client of before', async () => {
    const made = await make(alice, client());
    const brought = await taken.api.put(`${made.at}/credential`, {
      ...{ credentialsName: `own ${count}`, connectionProperties: { mutualPfxCertificateKey: 'own' } },
    });
    expect([brought.status, reasonOf(brought)], brought.text).toEqual([403, 'needs_approval']);
    // A credential of its own does not lead to other logins.
    const alone = await taken.api.post(credentials, {
      ...{ datasourceID: 'rest', qName: `own ${count}` },
      connectionProperties: { url: `${source.url}/items`, ...client(), mutualPfxCertificateKey: 'own' },
    });
    const chosen = await taken.api.put(`${made.at}/credential`, { credentialId: alone.body.qID });
    expect(chosen.status, chosen.text).toBe(200);
    expect(reasonOf(await use(taken.api, made))).toBe('needs_approval');
    expectDenied(await patch(taken.api, made, { space: spaceId }), 'move');
    expectDenied(
      await patch(taken.api, made, { 'connectionProperties/url': `${source.url}/items?a=1` }),
      'edit',
    );
    expectDenied(
      await taken.api.post(`${connections}/actions/duplicate`, { id: made.qID, spaceId }),
      'duplicate',
    );
    const bulk = await taken.api.post(`${connections}/actions/update`, {
      connections: [{ id: made.qID, spaceId }],
    });
    expect(bulk.body.data[0].error.code, bulk.text).toBe('ACCESS-DENIED');
    expect((await admin.patch(made.at, [{ op: 'replace', path: '/space', value: spaceId }])).status).toBe(
      204,
    );
    const { destination, suspendedAt } = await stateOf(alice.api, made);
    expect(suspendedAt).toBeDefined();
    const seen = { destination, suspendedAt };
    expectDenied(await taken.api.post(`${made.at}/credential/actions/confirm`, seen), 'confirm');
    expect(sent).toEqual([]);
    const entered = await patch(taken.api, made, {
      'connectionProperties/clientSecret': 'entered-again-by-the-taker',
    });
    expect(entered.status, entered.text).toBe(204);
    expect(reasonOf(await use(taken.api, made))).not.toBe('needs_approval');
  });

  it('TR5: takes over with the whole login entered again, and with no secret of before', async () => {
    const leaver = await addPerson(server.url, server.adminKey, `leaver ${count}`);
    const member = { type: 'user', assigneeId: leaver.id, roles: ['producer'] };
    await carol.api.post(`/api/v1/spaces/${spaceId}/assignments`, member);
    const left = await make(leaver, {}, spaceId);
    await admin.patch(`/api/v1/users/${leaver.id}`, [{ op: 'replace', path: '/status', value: 'disabled' }]);
    const { token } = (await admin.post('/api/v1/invitations', { userId: carol.id })).body;
    const taker = apiClient(server.url, (await redeem(server.url, token)).key);
    expect((await stateOf(taker, left)).ownerLeft).toBe(true);
    expectDenied(await patch(taker, left, { user: carol.id }));
    const half = { user: carol.id, 'connectionProperties/username': 'taker' };
    expect((await patch(taker, left, half)).status).toBe(400);

    const login = {
      'connectionProperties/username': 'taker',
      'connectionProperties/password': 'of-a-taker-5',
    };
    const answer = await patch(taker, left, { user: carol.id, ...login });
    expect(answer.status, answer.text).toBe(204);
    expect((await use(taker, left)).status).toBe(200);
    expect(sent).toEqual(['taker:of-a-taker-5']);
    expect(reasonOf(await use(taker, ofCarol))).toBe('needs_approval');
  });

  it('TR4: a part of a stored secret stays where it is, one by one or all at once', async () => {
    const made = await make(alice, separated());
    const credentialId = await credentialOf(made);
    const part = [{ op: 'replace', path: '/qUsername', value: 'other' }];
    const answers = [
      await taken.api.patch(`${credentials}/${credentialId}`, part),
      await taken.api.post(`${credentials}/actions/change`, {
        qIDs: [credentialId],
        qPassword: 'of-the-taker',
      }),
      await taken.api.post(`${credentials}/actions/rehearse-change`, {
        qIDs: [credentialId],
        qPassword: 'of-the-taker',
      }),
    ];
    expect(answers.map(codeOf)).toEqual(['ACCESS-DENIED', 'ACCESS-DENIED', 'ACCESS-DENIED']);
    expect(reasonOf(await use(taken.api, made))).toBe('needs_approval');
    expect(sent).toEqual([]);
  });

  it('works with what is entered with it, and with a secret that is entered again', async () => {
    const fresh = await make(taken, separated());
    expect((await use(taken.api, fresh)).status).toBe(200);
    const login = { username: 'again', password: 'entered-again-by-hand' };
    const brought = await taken.api.put(`${own.at}/credential`, { connectionProperties: login });
    expect(brought.status, brought.text).toBe(200);
    expect((await use(taken.api, own)).status).toBe(200);
    expect(sent.at(-1)).toBe('again:entered-again-by-hand');
    const { data } = (await alice.api.get(`${credentials}/${await credentialOf(own)}/uses`)).body;
    const administrator = (await admin.get('/api/v1/users/me')).body.id;
    expect(data[0]).toMatchObject({ keyId: taken.keyId, invitedBy: administrator });
    expect(
      (await admin.get(`/api/v1/audits?eventType=mooring.v1.data-credential.updated`)).body.data[0],
    ).toMatchObject({
      userId: alice.id,
      data: { invitedBy: administrator },
    });
  });

  it('does not reach what the user brings later with an earlier key, in no way', async () => {
    const later = await make(alice, separated());
    expect(reasonOf(await use(taken.api, later))).toBe('needs_approval');
    const login = { username: 'later', password: 'entered-by-the-user' };
    expect((await alice.api.put(`${own.at}/credential`, { connectionProperties: login })).status).toBe(200);
    expect(reasonOf(await use(taken.api, own))).toBe('needs_approval');
    const newer = await make(carol, {}, spaceId);
    expect((await use(taken.api, newer)).status).toBe(200);
  });

  it('hands its limit on to every key that is made with it, and approves none', async () => {
    const child = (await taken.api.post(keys, { description: 'child', expiry: 'P1D' })).body;
    const successor = (await taken.api.post(keys, { description: 'successor', successor: true })).body;
    for (const one of [child, successor]) {
      expect(one.awaitsApproval).toBe(true);
      const api = apiClient(server.url, one.token);
      expect(reasonOf(await use(api, embedded))).toBe('needs_approval');
      for (const id of [taken.keyId, one.id])
        expect((await api.post(`${keys}/${id}/actions/approve`)).status).toBe(403);
    }
    const second = await invited();
    expect(reasonOf(await use(second.api, embedded))).toBe('needs_approval');
    expect((await second.api.post(`${keys}/${taken.keyId}/actions/approve`)).status).toBe(403);
    // Neither the administrator nor a colleague says "It was me".
    for (const api of [admin, carol.api])
      expect((await api.post(`${keys}/${taken.keyId}/actions/approve`)).status).toBe(404);
  });

  it('reaches everything once an earlier key of the user has approved it, and so do the keys made with it', async () => {
    const legitimate = await invited();
    const child = (await legitimate.api.post(keys, { description: 'child' })).body;
    const childApi = apiClient(server.url, child.token);
    expect(reasonOf(await use(childApi, embedded))).toBe('needs_approval');
    const approved = await alice.api.post(`${keys}/${legitimate.keyId}/actions/approve`);
    expect(approved.status, approved.text).toBe(200);
    expect(approved.body.awaitsApproval).toBeUndefined();
    for (const api of [legitimate.api, childApi]) expect((await use(api, embedded)).status).toBe(200);
    expect(reasonOf(await use(taken.api, embedded))).toBe('needs_approval');
  });

  it('ends with everything that was made with it, when the user says that it was not them', async () => {
    const other = await invited();
    const child = (await other.api.post(keys, { description: 'child' })).body;
    expect((await alice.api.delete(`${keys}/${other.keyId}`)).status).toBe(204);
    for (const key of [other.key, child.token])
      expect((await apiClient(server.url, key).get('/api/v1/users/me')).status).toBe(401);
    expect((await alice.api.get('/api/v1/users/me')).status).toBe(200);
  });

  it('has no limit for a user who never had a way in', async () => {
    const { id } = (await admin.post('/api/v1/users', { subject: 'dave' })).body;
    const member = { type: 'user', assigneeId: id, roles: ['dataconsumer'] };
    await carol.api.post(`/api/v1/spaces/${spaceId}/assignments`, member);
    const { token } = (await admin.post('/api/v1/invitations', { userId: id })).body;
    const dave = apiClient(server.url, (await redeem(server.url, token)).key);
    expect((await use(dave, ofCarol)).status).toBe(200);
  });
});
