import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addPerson, apiClient, type TestPerson } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const unknownId = '0123456789abcdef01234567';
const s3Properties = {
  accessKey: 'a-key',
  secretKey: 'a-secret',
  region: 'eu-west-1',
  bucketName: 'reports',
};

describe('users', () => {
  let server: TestServer;
  let admin: ApiClient;
  let adminId: string;
  let alice: TestPerson;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    adminId = (await admin.get('/api/v1/users/me')).body.id;
    alice = await addPerson(server.url, server.adminKey, 'alice');
  });
  afterAll(() => server.close());

  const add = async (subject: string, more: object = {}): Promise<string> =>
    (await admin.post('/api/v1/users', { subject, ...more })).body.id;
  const patch = (id: string, ...operations: object[]) => admin.patch(`/api/v1/users/${id}`, operations);
  const filtered = async (filter: string): Promise<string[]> => {
    const answer = await alice.api.get(`/api/v1/users?filter=${encodeURIComponent(filter)}`);
    expect(answer.status, answer.text).toBe(200);
    return answer.body.data.map((user: { subject: string }) => user.subject).toSorted();
  };

  describe('200', () => {
    it('gets one user, and the caller by `me`', async () => {
      const answer = await alice.api.get(`/api/v1/users/${alice.id.toUpperCase()}`);
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual((await alice.api.get('/api/v1/users/me')).body);
      expect(answer.body).toMatchObject({ subject: 'alice', status: 'active', assignedRoles: [] });
    });

    it('finds by SCIM filter on id, subject, name, email and status, in the query and in the body', async () => {
      const id = await add('filter-1', { name: 'Grace "Amazing" Hopper', email: 'grace@navy.example' });
      await add('filter-2', { name: 'Grace Kelly' });
      expect(await filtered(`id eq "${id}"`)).toEqual(['filter-1']);
      expect(await filtered('subject eq "FILTER-2"')).toEqual(['filter-2']);
      expect(await filtered('name co "grace" and not (email pr)')).toEqual(['filter-2']);
      expect(await filtered('name eq "Grace \\"Amazing\\" Hopper"')).toEqual(['filter-1']);
      expect(await filtered('email ew "@navy.example" and status eq "active"')).toEqual(['filter-1']);
      expect(await filtered('subject sw "filter" and createdAt gt "2000-01-10T15:04:05Z"')).toHaveLength(2);
      const posted = await alice.api.post('/api/v1/users/actions/filter?limit=1', {
        filter: 'name co "grace"',
      });
      expect(posted.body.data).toHaveLength(1);
      expect(posted.body.links.next.href).toContain('/api/v1/users/actions/filter?');
    });

    it('counts and pages there and back by links, in the order asked for', async () => {
      for (let index = 0; index < 7; index += 1) await add(`paged-${index}`, { name: `Paged ${index % 3}` });
      const { total } = (await alice.api.get('/api/v1/users/actions/count')).body;
      const seen: string[] = [];
      const query = 'filter=subject%20sw%20%22paged-%22&sort=-name&limit=3&totalResults=true';
      let answer = await alice.api.get(`/api/v1/users?${query}`);
      expect(answer.body.totalResults).toBe(7);
      expect(answer.body.links.prev).toBeUndefined();
      const first = answer.body.data;
      for (;;) {
        seen.push(...answer.body.data.map((user: { name: string }) => user.name));
        if (!answer.body.links.next) break;
        answer = await alice.api.get(answer.body.links.next.href);
      }
      expect(seen).toEqual(['Paged 2', 'Paged 2', 'Paged 1', 'Paged 1', 'Paged 0', 'Paged 0', 'Paged 0']);
      answer = await alice.api.get(answer.body.links.prev.href);
      answer = await alice.api.get(answer.body.links.prev.href);
      expect(answer.body.data).toEqual(first);
      expect(answer.body.links.prev).toBeUndefined();
      expect((await alice.api.get('/api/v1/users?limit=100')).body.data).toHaveLength(total);
    });
  });

  describe('201 and 207', () => {
    it('takes roles as Qlik writes them', async () => {
      const answer = await admin.post('/api/v1/users', {
        subject: 'roles',
        assignedRoles: [{ name: 'DataAdmin' }, { id: 'AuditAdmin' }],
      });
      expect(answer.status).toBe(201);
      expect(answer.body.roles).toEqual(['DataAdmin', 'AuditAdmin']);
    });

    it('adds users whose e-mail address is new', async () => {
      await add('known', { email: 'Known@example.com' });
      const answer = await admin.post('/api/v1/users/actions/invite', {
        invitees: [{ email: 'known@example.com' }, { email: 'new@example.com', name: 'New' }],
      });
      expect(answer.status).toBe(207);
      expect(answer.body.data.map((item: { status: string }) => item.status)).toEqual(['exists', 'ok']);
      expect(await filtered('email eq "new@example.com"')).toEqual([answer.body.data[1].subject]);
    });
  });

  describe('204', () => {
    it('changes name, e-mail and roles', async () => {
      const id = await add('patched');
      const answer = await patch(
        id,
        { op: 'replace', path: '/name', value: 'Changed' },
        { op: 'REPLACE'.toLowerCase(), Path: '/email', Value: 'c@example.com' },
        { op: 'add', path: '/assignedRoles', value: [{ name: 'DataAdmin' }, { name: 'AuditAdmin' }] },
        { op: 'remove-value', path: '/assignedRoles', value: [{ id: 'DataAdmin' }] },
      );
      expect(answer.status, answer.text).toBe(204);
      const { body } = await admin.get(`/api/v1/users/${id}`);
      expect(body).toMatchObject({ name: 'Changed', email: 'c@example.com', roles: ['AuditAdmin'] });
    });

    it('disabling a user revokes their keys at once and destroys the credentials they provided', async () => {
      const carol = await addPerson(server.url, server.adminKey, 'carol');
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

    it('US7: what a disabled user still made on another node does not wait for their return', async () => {
      const gone = await addPerson(server.url, server.adminKey, 'gone');
      const made = (await gone.api.post('/api/v1/api-keys', { description: 'late' })).body;
      expect((await patch(gone.id, { op: 'replace', path: '/status', value: 'disabled' })).status).toBe(204);
      // As if it had been made in the second in which another node believed them.
      await server.sql(`update api_key set revoked_at = null where id = '${made.id}'`);
      expect((await patch(gone.id, { op: 'replace', path: '/status', value: 'active' })).status).toBe(204);
      expect((await apiClient(server.url, made.token).get('/api/v1/users/me')).status).toBe(401);
    });

    it('US7: nothing secret is stored for a user whom another node has disabled', async () => {
      const gone = await addPerson(server.url, server.adminKey, 'just gone');
      const mine = { datasourceID: 'File_AmazonS3Connector', connectionProperties: s3Properties };
      const there = await gone.api.post('/api/v1/data-credentials', { ...mine, qName: 'there' });
      expect(there.status, there.text).toBe(201);
      const team = (await admin.post('/api/v1/spaces', { name: 'Team of gone', type: 'shared' })).body.id;
      const producer = { type: 'user', assigneeId: gone.id, roles: ['producer'] };
      expect((await admin.post(`/api/v1/spaces/${team}/assignments`, producer)).status).toBe(201);
      expect((await gone.api.get('/api/v1/users/me')).status).toBe(200);
      // As another node does it: this one still believes the key for a second.
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

    it('US7: one call ends everything of a user who leaves, after a plan that says what that is', async () => {
      const erin = await addPerson(server.url, server.adminKey, 'erin "of" a\\b', ['TenantAdmin']);
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
      // Once more: nothing is left to end, and what wants an owner is still named.
      const again = await admin.post(leave);
      expect(Object.values(again.body.ends)).toEqual([0, 0, 0, 0, 0, 0, 0]);
      expect(again.body.withoutOwner).toEqual(plan.body.withoutOwner);
      // Not with their return either.
      expect((await patch(erin.id, { op: 'replace', path: '/status', value: 'active' })).status).toBe(204);
      const redeemed = await apiClient(server.url, undefined).post('/api/v1/invitations/actions/redeem', {
        token: forOther.token,
      });
      expect(redeemed.status, redeemed.text).toBe(404);
      expect((await patch(erin.id, { op: 'replace', path: '/status', value: 'disabled' })).status).toBe(204);
      // An appointed user without an API key yet administers nothing.
      const appointed = { subject: 'appointed', name: 'appointed', roles: ['TenantAdmin'] };
      const { id: appointedId } = (await admin.post('/api/v1/users', appointed)).body;
      const last = await admin.post(`/api/v1/users/${adminId}/actions/leave`, { plan: true });
      expect(last.body.errors?.[0].detail).toContain('last tenant administrator');
      expect((await admin.delete(`/api/v1/users/${appointedId}`)).status).toBe(204);
    });

    it('X12: deleting a user deletes their keys, credentials and memberships', async () => {
      const dave = await addPerson(server.url, server.adminKey, 'dave');
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
  });

  describe('400', () => {
    it.each([
      ['an unknown path', { op: 'replace', path: '/subject', value: 'x' }, '/subject'],
      [
        'an unknown role',
        { op: 'replace', path: '/assignedRoles', value: [{ name: 'Emperor' }] },
        'Emperor|0',
      ],
      ['an unknown status', { op: 'replace', path: '/status', value: 'invited' }, '/status'],
      ['adding a name', { op: 'add', path: '/name', value: 'x' }, '/name'],
      ['a name that is not text', { op: 'replace', path: '/name', value: 5 }, '/name'],
      ['roles that are not a list', { op: 'replace', path: '/roles', value: 'TenantAdmin' }, '/roles'],
    ])('refuses to patch %s, naming it', async (_what, operation, named) => {
      const answer = await patch(alice.id, operation);
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0].detail).toMatch(new RegExp(named));
    });

    it('refuses filters, cursors and orders it does not know', async () => {
      for (const query of [
        'filter=roles%20pr',
        'filter=%28',
        'next=abc',
        'sort=roles',
        'prev=e30',
        'next=W10&prev=W10',
      ]) {
        expect((await alice.api.get(`/api/v1/users?${query}`)).status, query).toBe(400);
      }
    });

    it('refuses a subject that would pass for a machine', async () => {
      expect((await admin.post('/api/v1/users', { subject: 'qlikbot\\x' })).status).toBe(400);
    });
  });

  describe('401, 403 and 404', () => {
    it('lets only tenant administrators add, change and delete', async () => {
      const { api } = await addPerson(server.url, server.adminKey, 'mallory', [
        'DataAdmin',
        'AnalyticsAdmin',
      ]);
      const rename = [{ op: 'replace', path: '/name', value: 'x' }];
      expect((await api.patch(`/api/v1/users/${alice.id}`, rename)).status).toBe(403);
      expect((await api.delete(`/api/v1/users/${alice.id}`)).status).toBe(403);
      expect((await api.post('/api/v1/users', { subject: 'x' })).status).toBe(403);
      expect((await api.post('/api/v1/users/actions/invite', { invitees: [] })).status).toBe(403);
    });

    it('answers 404 for an unknown user', async () => {
      expect((await alice.api.get(`/api/v1/users/${unknownId}`)).status).toBe(404);
      expect((await admin.delete(`/api/v1/users/${unknownId}`)).status).toBe(404);
      expect((await patch(unknownId)).status).toBe(404);
      expect((await apiClient(server.url, undefined).get(`/api/v1/users/${alice.id}`)).status).toBe(401);
    });
  });

  describe('409', () => {
    it('US2: refuses to delete a user who owns connections or spaces, and says so', async () => {
      const erin = await addPerson(server.url, server.adminKey, 'erin');
      const made = await erin.api.post('/api/v1/data-connections', {
        dataSourceId: 'File_AmazonS3Connector',
        qName: 'Erins',
        connectionProperties: s3Properties,
      });
      const space = await erin.api.post('/api/v1/spaces', { name: 'Erins', type: 'shared' });
      const first = await admin.delete(`/api/v1/users/${erin.id}`);
      expect(first.status).toBe(409);
      // US2: nothing "exists already" here.
      expect(first.body.errors[0].title).toBe('Conflict with the current state');
      expect(first.body.errors[0].detail).toContain('connections');
      expect((await erin.api.delete(`/api/v1/data-connections/${made.body.qID}`)).status).toBe(204);
      expect((await admin.delete(`/api/v1/users/${erin.id}`)).body.errors[0].detail).toContain('spaces');
      expect((await erin.api.delete(`/api/v1/spaces/${space.body.id}`)).status).toBe(204);
      expect((await admin.delete(`/api/v1/users/${erin.id}`)).status).toBe(204);
    });

    it('keeps the last tenant administrator', async () => {
      expect((await admin.delete(`/api/v1/users/${adminId}`)).status).toBe(409);
      for (const operation of [
        { op: 'replace', path: '/status', value: 'disabled' },
        { op: 'replace', path: '/assignedRoles', value: [] },
      ]) {
        expect((await patch(adminId, operation)).status).toBe(409);
      }
      expect((await admin.get('/api/v1/users/me')).body.roles).toEqual(['TenantAdmin']);
    });
  });
});
