import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, apiClient, redeem } from '../../../testing/api-client.js';
import {
  codeOf,
  connections,
  credentials,
  expectDenied,
  keys,
  type Made,
  patch,
  reasonOf,
  recordingSource,
  startTakeover,
  stateOf,
  type TakeoverStand,
  use,
} from './__fixtures__/takeover-stand.js';

describe('a key from an invitation to an existing user', () => {
  let stand: TakeoverStand;
  let server: TakeoverStand['server'];
  let source: TakeoverStand['source'];
  let sent: TakeoverStand['sent'];
  let admin: TakeoverStand['admin'];
  let alice: TakeoverStand['alice'];
  let carol: TakeoverStand['carol'];
  let spaceId: TakeoverStand['spaceId'];
  let own: TakeoverStand['own'];
  let embedded: TakeoverStand['embedded'];
  let ofCarol: TakeoverStand['ofCarol'];
  let taken: TakeoverStand['taken'];
  let make: TakeoverStand['make'];
  let separated: TakeoverStand['separated'];

  beforeAll(async () => {
    stand = await startTakeover();
    ({ server, source, sent, admin, alice, carol, spaceId, own, embedded, ofCarol, taken, make, separated } =
      stand);
  });
  afterAll(() => stand.close());
  beforeEach(() => {
    stand.sent.length = 0;
  });

  it('TR4: says so, and shows the inviter', async () => {
    const administrator = (await admin.get('/api/v1/users/me')).body.id;
    const shown = (await alice.api.get(`${keys}/${taken.keyId}`)).body;
    expect(shown).toMatchObject({ awaitsApproval: true, invitedBy: administrator, status: 'active' });
    expect((await taken.api.get('/api/v1/users/me')).body.id).toBe(alice.id);
  });

  it("TR4: uses no earlier credential: separated, embedded, or a colleague's embedded one", async () => {
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

  it('TR4: does not redirect and confirm a credential, nor link it to its own connection', async () => {
    const aimed = await make(alice, separated());
    const credentialId = (await stateOf(alice.api, aimed)).credentialId;
    const there = await recordingSource(sent, 'stolen ');
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
  ])('TR5: %s does not divert an earlier embedded login', async (_door, change) => {
    const made = await make(alice);
    const answer = await change(made);
    expect([answer.status, codeOf(answer)], answer.text).toEqual([403, 'ACCESS-DENIED']);
    expect((await alice.api.get(made.at)).body.space ?? '').toBe('');
    expect((await use(alice.api, made)).status).toBe(200);
  });

  it('TR4: does not separate an earlier embedded login, by name or by choice', async () => {
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

  it('TR4: does not replace a part of a stored secret, one by one or in bulk', async () => {
    const made = await make(alice, separated());
    const credentialId = (await stateOf(alice.api, made)).credentialId;
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
});
