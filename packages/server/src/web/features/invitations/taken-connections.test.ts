import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, redeem } from '../../../testing/api-client.js';
import {
  connections,
  credentials,
  expectDenied,
  type Made,
  patch,
  reasonOf,
  startTakeover,
  stateOf,
  type TakeoverStand,
  use,
} from './__fixtures__/takeover-stand.js';

describe('a key from an invitation that changes connections', () => {
  let stand: TakeoverStand;
  let server: TakeoverStand['server'];
  let source: TakeoverStand['source'];
  let sent: TakeoverStand['sent'];
  let admin: TakeoverStand['admin'];
  let alice: TakeoverStand['alice'];
  let carol: TakeoverStand['carol'];
  let spaceId: TakeoverStand['spaceId'];
  let separated: TakeoverStand['separated'];
  let ofCarol: TakeoverStand['ofCarol'];
  let taken: TakeoverStand['taken'];
  let make: TakeoverStand['make'];

  beforeAll(async () => {
    stand = await startTakeover();
    ({ server, source, sent, admin, alice, carol, spaceId, separated, ofCarol, taken, make } = stand);
  });
  afterAll(() => stand.close());
  beforeEach(() => {
    stand.sent.length = 0;
  });

  const client = () => ({
    ...{ authSchema: 'oauth2ClientCredentials', tokenUrl: `${source.url}/token`, clientId: 'client' },
    ...{ clientSecret: `client-secret-${stand.next()}`, username: undefined, password: undefined },
    ...separated(),
  });

  describe('that another user has moved', () => {
    let moved: Made;
    let lair: string;
    beforeEach(async () => {
      lair = (await admin.post('/api/v1/spaces', { name: `Lair ${stand.next()}`, type: 'shared' })).body.id;
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
      // Neither by a move, nor by changes that lift one if the full login is entered with them.
      expectDenied(await patch(taken.api, moved, { space: '' }));
      expectDenied(await patch(taken.api, moved, { 'connectionProperties/url': `${source.url}/items?a=1` }));
      expect((await stateOf(alice.api, moved)).suspendedAt).toBeDefined();
      expect((await use(admin, moved)).status).toBe(403);
      expect(sent).toEqual([]);
      expect((await confirm(alice.api)).status).toBe(200);
      expect((await use(admin, moved)).status).toBe(200);
    });

    it('serves only with the login that was entered again in full', async () => {
      const login = { username: 'again', password: 'entered-by-the-taker' };
      const entries = Object.entries(login).map(([name, value]) => [`connectionProperties/${name}`, value]);
      const answer = await patch(taken.api, moved, Object.fromEntries(entries));
      expect(answer.status, answer.text).toBe(204);
      expect((await use(taken.api, moved)).status).toBe(200);
      expect(sent).toEqual(['again:entered-by-the-taker']);
    });
  });

  it('TR5: does not use, move, copy or confirm an earlier client secret', async () => {
    const number = stand.next();
    const made = await make(alice, client());
    const brought = await taken.api.put(`${made.at}/credential`, {
      ...{ credentialsName: `own ${number}`, connectionProperties: { mutualPfxCertificateKey: 'own' } },
    });
    expect([brought.status, reasonOf(brought)], brought.text).toEqual([403, 'needs_approval']);
    // Its own credential does not open other logins.
    const alone = await taken.api.post(credentials, {
      ...{ datasourceID: 'rest', qName: `own ${number}` },
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

  it('TR5: takes over with the login entered again in full, not with an earlier secret', async () => {
    const leaver = await addUser(server.url, server.adminKey, `leaver ${stand.next()}`);
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
});
