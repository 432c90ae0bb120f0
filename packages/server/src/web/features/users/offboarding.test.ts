import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const s3Properties = {
  accessKey: 'a-key',
  secretKey: 'a-secret',
  region: 'eu-west-1',
  bucketName: 'reports',
};

describe('a user who leaves', () => {
  let server: TestServer;
  let admin: ApiClient;
  let adminId: string;
  let alice: TestUser;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    adminId = (await admin.get('/api/v1/users/me')).body.id;
    alice = await addUser(server.url, server.adminKey, 'alice');
  });
  afterAll(() => server.close());

  const patch = (id: string, ...operations: object[]) => admin.patch(`/api/v1/users/${id}`, operations);

  it('disabling a user revokes their keys at once and destroys the credentials they provided', async () => {
    const carol = await addUser(server.url, server.adminKey, 'carol');
    const made = await carol.api.post('/api/v1/data-credentials', {
      datasourceID: 'File_AmazonS3Connector',
      qName: 'mine',
      connectionProperties: s3Properties,
    });
    expect(made.status, made.text).toBe(201);
    expect((await patch(carol.id, { op: 'replace', path: '/status', value: 'disabled' })).status).toBe(204);
    expect((await carol.api.get('/api/v1/users/me')).status).toBe(401);
    const keys = (await admin.get(`/api/v1/api-keys?sub=${carol.id}`)).body.data;
    expect(keys.map((key: { status: string }) => key.status)).toEqual(['revoked']);
    expect((await admin.get(`/api/v1/data-credentials?userId=${carol.id}`)).body.data).toEqual([]);
    expect((await patch(carol.id, { op: 'replace', path: '/status', value: 'active' })).status).toBe(204);
    expect((await carol.api.get('/api/v1/users/me')).status).toBe(401);
  });

  it('US7: what a disabled user created on another node is revoked before they return', async () => {
    const gone = await addUser(server.url, server.adminKey, 'gone');
    const made = (await gone.api.post('/api/v1/api-keys', { description: 'late' })).body;
    expect((await patch(gone.id, { op: 'replace', path: '/status', value: 'disabled' })).status).toBe(204);
    // As if another node had created it in the second in which it still accepted them.
    await server.sql(`update api_key set revoked_at = null where id = '${made.id}'`);
    expect((await patch(gone.id, { op: 'replace', path: '/status', value: 'active' })).status).toBe(204);
    expect((await apiClient(server.url, made.token).get('/api/v1/users/me')).status).toBe(401);
  });

  it('US7: stores no secret for a user whom another node has disabled', async () => {
    const gone = await addUser(server.url, server.adminKey, 'just gone');
    const mine = { datasourceID: 'File_AmazonS3Connector', connectionProperties: s3Properties };
    const there = await gone.api.post('/api/v1/data-credentials', { ...mine, qName: 'there' });
    expect(there.status, there.text).toBe(201);
    const team = (await admin.post('/api/v1/spaces', { name: 'Team of gone', type: 'shared' })).body.id;
    const producer = { type: 'user', assigneeId: gone.id, roles: ['producer'] };
    expect((await admin.post(`/api/v1/spaces/${team}/assignments`, producer)).status).toBe(201);
    expect((await gone.api.get('/api/v1/users/me')).status).toBe(200);
    // As another node would do it: this node still accepts the key for a second.
    await server.sql(`update "user" set status = 'disabled' where id = '${gone.id}'`);
    const late = await Promise.all([
      gone.api.post('/api/v1/data-connections', { ...mine, qName: 'late', space: team }),
      gone.api.post('/api/v1/data-credentials', { ...mine, qName: 'late' }),
    ]);
    expect(late.map(({ status }) => status)).toEqual([401, 401]);
    const plan = await admin.post(`/api/v1/users/${gone.id}/actions/leave`, { plan: true });
    expect(plan.body.ends.credentials).toBe(1);
    expect(plan.body.withoutLogin.total).toBe(0);
  });

  it('US7: one call ends everything of a leaving user, after a plan that lists it', async () => {
    const erin = await addUser(server.url, server.adminKey, 'erin "of" a\\b', ['TenantAdmin']);
    const team = (await admin.post('/api/v1/spaces', { name: 'Team of Erin', type: 'shared' })).body.id;
    const producer = { type: 'user', assigneeId: erin.id, roles: ['producer'] };
    expect((await admin.post(`/api/v1/spaces/${team}/assignments`, producer)).status).toBe(201);
    const space = (await erin.api.post('/api/v1/spaces', { name: 'Of Erin', type: 'shared' })).body.id;
    const made = await erin.api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'File_AmazonS3Connector', qName: 'embedded', space: team },
      connectionProperties: s3Properties,
    });
    expect(made.status, made.text).toBe(201);
    const separated = await erin.api.post('/api/v1/data-credentials', {
      ...{ datasourceID: 'File_AmazonS3Connector', qName: 'mine', connectionProperties: s3Properties },
    });
    expect(separated.status, separated.text).toBe(201);
    const client = await erin.api.post('/api/v1/oauth-clients', { clientName: 'nightly', appType: 'web' });
    expect(client.status, client.text).toBe(201);
    expect((await admin.post('/api/v1/invitations', { userId: erin.id })).status).toBe(201);
    const forOther = (await erin.api.post('/api/v1/invitations', { name: 'of erin' })).body;

    const leave = `/api/v1/users/${erin.id}/actions/leave`;
    expect((await alice.api.post(leave, { plan: true })).status).toBe(403);
    expect((await admin.post(leave, { paln: true })).status).toBe(400);
    const plan = await admin.post(leave, { plan: true });
    expect(plan.status, plan.text).toBe(200);
    const connection = {
      ...{ qID: made.body.qID, qName: 'embedded', datasourceID: 'File_AmazonS3Connector' },
      ...{ spaceId: team, ownerId: erin.id },
    };
    expect(plan.body).toEqual({
      ...{ userId: erin.id, subject: 'erin "of" a\\b', name: 'erin "of" a\\b', plan: true },
      ends: {
        ...{ apiKeys: 1, invitations: 2, signIns: 0, credentials: 2, grants: 0, memberships: 1, uses: 0 },
      },
      withoutLogin: { total: 1, data: [connection] },
      withoutOwner: {
        connections: { total: 1, data: [connection] },
        spaces: { total: 1, data: [{ id: space, name: 'Of Erin' }] },
        oauthClients: { total: 1, data: [{ id: client.body.clientId, name: 'nightly' }] },
      },
    });
    // Nothing has changed.
    expect((await erin.api.get(`/api/v1/data-credentials/${separated.body.qID}`)).status).toBe(200);
    expect((await admin.post(leave, { plan: true })).body).toEqual(plan.body);

    const left = await admin.post(leave);
    expect(left.status, left.text).toBe(200);
    const { revocation, ...rest } = left.body;
    expect(rest).toEqual({ ...plan.body, plan: false });
    expect(revocation).toEqual({ id: expect.any(String), status: 'done' });
    const report = await admin.get(`/api/v1/data-credentials/revocations/${revocation.id}`);
    expect(report.body).toMatchObject({ status: 'done', total: 2, ended: 2 });
    expect((await erin.api.get('/api/v1/users/me')).status).toBe(401);
    expect((await admin.get(`/api/v1/users/${erin.id}`)).body.status).toBe('disabled');
    expect((await admin.get(`/api/v1/spaces/${team}/assignments`)).body.data).toEqual([]);
    expect((await admin.get(`/api/v1/data-connections/${made.body.qID}/credential`)).body).toMatchObject({
      ...{ state: 'missing', ownerLeft: true },
    });
    const [event] = (await admin.get('/api/v1/audits?eventType=mooring.v1.user.left')).body.data;
    expect(event.data).toMatchObject({ revocationId: revocation.id, apiKeys: 1, credentials: 2 });
    // Again: nothing is left to end, and what lacks an owner is still listed.
    const again = await admin.post(leave);
    expect(Object.values(again.body.ends)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(again.body.withoutOwner).toEqual(plan.body.withoutOwner);
    // Nor when they return.
    expect((await patch(erin.id, { op: 'replace', path: '/status', value: 'active' })).status).toBe(204);
    const redeemed = await apiClient(server.url, undefined).post('/api/v1/invitations/actions/redeem', {
      token: forOther.token,
    });
    expect(redeemed.status, redeemed.text).toBe(404);
    expect((await patch(erin.id, { op: 'replace', path: '/status', value: 'disabled' })).status).toBe(204);
    // An appointed user without an API key does not count as an administrator.
    const appointed = { subject: 'appointed', name: 'appointed', roles: ['TenantAdmin'] };
    const { id: appointedId } = (await admin.post('/api/v1/users', appointed)).body;
    const last = await admin.post(`/api/v1/users/${adminId}/actions/leave`, { plan: true });
    expect(last.body.errors?.[0].detail).toContain('last tenant administrator');
    expect((await admin.delete(`/api/v1/users/${appointedId}`)).status).toBe(204);
  });

  it('X12: deleting a user deletes their keys, credentials and memberships', async () => {
    const dave = await addUser(server.url, server.adminKey, 'dave');
    const space = (await admin.post('/api/v1/spaces', { name: 'With Dave', type: 'shared' })).body;
    const assigned = { type: 'user', assigneeId: dave.id, roles: ['consumer'] };
    expect((await admin.post(`/api/v1/spaces/${space.id}/assignments`, assigned)).status).toBe(201);
    await dave.api.post('/api/v1/data-credentials', {
      datasourceID: 'File_AmazonS3Connector',
      qName: 'mine',
      connectionProperties: s3Properties,
    });
    expect((await admin.delete(`/api/v1/users/${dave.id}`)).status).toBe(204);
    expect((await dave.api.get('/api/v1/users/me')).status).toBe(401);
    expect((await admin.get(`/api/v1/users/${dave.id}`)).status).toBe(404);
    expect((await admin.get(`/api/v1/spaces/${space.id}/assignments`)).body.data).toEqual([]);
    const orphans = await admin.post('/api/v1/data-credentials/actions/filter-orphan', {});
    expect(orphans.text).not.toContain(dave.id);
  });

  it('US2: refuses to delete a user who owns connections or spaces, and says so', async () => {
    const erin = await addUser(server.url, server.adminKey, 'erin');
    const made = await erin.api.post('/api/v1/data-connections', {
      dataSourceId: 'File_AmazonS3Connector',
      qName: 'Erins',
      connectionProperties: s3Properties,
    });
    const space = await erin.api.post('/api/v1/spaces', { name: 'Erins', type: 'shared' });
    const first = await admin.delete(`/api/v1/users/${erin.id}`);
    expect(first.status).toBe(409);
    // US2: the title must not say that something exists already.
    expect(first.body.errors[0].title).toBe('Conflict with the current state');
    expect(first.body.errors[0].detail).toContain('connections');
    expect((await erin.api.delete(`/api/v1/data-connections/${made.body.qID}`)).status).toBe(204);
    expect((await admin.delete(`/api/v1/users/${erin.id}`)).body.errors[0].detail).toContain('spaces');
    expect((await erin.api.delete(`/api/v1/spaces/${space.body.id}`)).status).toBe(204);
    expect((await admin.delete(`/api/v1/users/${erin.id}`)).status).toBe(204);
  });
});
