import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addUser, apiClient, redeem } from '../../../testing/api-client.js';
import {
  credentials,
  keys,
  reasonOf,
  startTakeover,
  stateOf,
  type TakeoverStand,
  use,
} from './__fixtures__/takeover-stand.js';

describe('a key from an invitation, and the keys made with it', () => {
  let stand: TakeoverStand;
  let server: TakeoverStand['server'];
  let sent: TakeoverStand['sent'];
  let admin: TakeoverStand['admin'];
  let alice: TakeoverStand['alice'];
  let carol: TakeoverStand['carol'];
  let spaceId: TakeoverStand['spaceId'];
  let own: TakeoverStand['own'];
  let embedded: TakeoverStand['embedded'];
  let ofCarol: TakeoverStand['ofCarol'];
  let taken: TakeoverStand['taken'];
  let invited: TakeoverStand['invited'];
  let make: TakeoverStand['make'];
  let separated: TakeoverStand['separated'];

  beforeAll(async () => {
    stand = await startTakeover();
    ({ server, sent, admin, alice, carol, spaceId, own, embedded, ofCarol, taken, invited, make, separated } =
      stand);
  });
  afterAll(() => stand.close());
  beforeEach(() => {
    stand.sent.length = 0;
  });

  it('works with credentials that it entered, and with a secret entered again', async () => {
    const fresh = await make(taken, separated());
    expect((await use(taken.api, fresh)).status).toBe(200);
    const login = { username: 'again', password: 'entered-again-by-hand' };
    const brought = await taken.api.put(`${own.at}/credential`, { connectionProperties: login });
    expect(brought.status, brought.text).toBe(200);
    expect((await use(taken.api, own)).status).toBe(200);
    expect(sent.at(-1)).toBe('again:entered-again-by-hand');
    const { data } = (
      await alice.api.get(`${credentials}/${(await stateOf(alice.api, own)).credentialId}/uses`)
    ).body;
    const administrator = (await admin.get('/api/v1/users/me')).body.id;
    expect(data[0]).toMatchObject({ keyId: taken.keyId, invitedBy: administrator });
    expect(
      (await admin.get(`/api/v1/audits?eventType=mooring.v1.data-credential.updated`)).body.data[0],
    ).toMatchObject({
      userId: alice.id,
      data: { invitedBy: administrator },
    });
  });

  it('does not reach what the user later provides with an earlier key', async () => {
    const later = await make(alice, separated());
    expect(reasonOf(await use(taken.api, later))).toBe('needs_approval');
    const login = { username: 'later', password: 'entered-by-the-user' };
    expect((await alice.api.put(`${own.at}/credential`, { connectionProperties: login })).status).toBe(200);
    expect(reasonOf(await use(taken.api, own))).toBe('needs_approval');
    const newer = await make(carol, {}, spaceId);
    expect((await use(taken.api, newer)).status).toBe(200);
  });

  it('passes its limit on to every key made with it, and approves no key', async () => {
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
    // Neither the administrator nor a colleague may approve for the user.
    for (const api of [admin, carol.api])
      expect((await api.post(`${keys}/${taken.keyId}/actions/approve`)).status).toBe(404);
  });

  it('reaches everything once an earlier key of the user has approved it, as do keys made with it', async () => {
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

  it('ends with everything that was made with it when the user revokes it', async () => {
    const other = await invited();
    const child = (await other.api.post(keys, { description: 'child' })).body;
    expect((await alice.api.delete(`${keys}/${other.keyId}`)).status).toBe(204);
    for (const key of [other.key, child.token])
      expect((await apiClient(server.url, key).get('/api/v1/users/me')).status).toBe(401);
    expect((await alice.api.get('/api/v1/users/me')).status).toBe(200);
  });

  it('has no limit for a user who never had access', async () => {
    const { id } = (await admin.post('/api/v1/users', { subject: 'dave' })).body;
    const member = { type: 'user', assigneeId: id, roles: ['dataconsumer'] };
    await carol.api.post(`/api/v1/spaces/${spaceId}/assignments`, member);
    const { token } = (await admin.post('/api/v1/invitations', { userId: id })).body;
    const dave = apiClient(server.url, (await redeem(server.url, token)).key);
    expect((await use(dave, ofCarol)).status).toBe(200);
  });

  it('is limited for a user without any key who has a credential', async () => {
    const erin = await addUser(server.url, server.adminKey, 'erin');
    await make(erin);
    await server.sql(`DELETE FROM api_key WHERE user_id = '${erin.id}'`);
    const { token } = (await admin.post('/api/v1/invitations', { userId: erin.id })).body;
    const redeemed = await admin.post('/api/v1/invitations/actions/redeem', { token });
    expect(redeemed.body.apiKey, redeemed.text).toMatchObject({ awaitsApproval: true });
  });
});
