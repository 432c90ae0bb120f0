import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const unknownId = '0123456789abcdef01234567';

describe('users', () => {
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

    it('counts, and pages forward and back by links in the requested order', async () => {
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
    it("accepts roles in Qlik's form", async () => {
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

    it('refuses unknown filters, page tokens and orders', async () => {
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

    it('refuses a subject that looks like a machine user', async () => {
      expect((await admin.post('/api/v1/users', { subject: 'qlikbot\\x' })).status).toBe(400);
    });
  });

  describe('401, 403 and 404', () => {
    it('lets only tenant administrators add, change and delete', async () => {
      const { api } = await addUser(server.url, server.adminKey, 'mallory', ['DataAdmin', 'AnalyticsAdmin']);
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
