import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

describe('api-keys', () => {
  let server: TestServer;
  let admin: ApiClient;
  let alice: TestUser;
  let bob: TestUser;
  let tenantId: string;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
    tenantId = (await admin.get('/api/v1/tenants/me')).body.id;
  });
  afterAll(() => server.close());

  const make = async (person: TestUser, description: string) =>
    (await person.api.post('/api/v1/api-keys', { description })).body;
  const describeAs = (value: unknown) => [{ op: 'replace', path: '/description', value }];

  describe('200 and 204', () => {
    it('shows and describes a key, never its token', async () => {
      const { id, token } = await make(alice, 'before');
      expect((await alice.api.patch(`/api/v1/api-keys/${id}`, describeAs('after'))).status).toBe(204);
      const answer = await alice.api.get(`/api/v1/api-keys/${id}`);
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ id, description: 'after', sub: alice.id, status: 'active' });
      expect(answer.text).not.toContain(token);
      expect((await admin.get(`/api/v1/api-keys/${id}`)).body.description).toBe('after');
    });

    it('lists in order, and after an id', async () => {
      for (const name of ['list-c', 'list-a', 'list-b']) await make(bob, name);
      const sorted = await bob.api.get('/api/v1/api-keys?sort=%2Bdescription&limit=3');
      const names = sorted.body.data.map((key: { description: string }) => key.description);
      expect(names).toEqual(['key of bob', 'list-a', 'list-b']);
      const all = (await bob.api.get('/api/v1/api-keys')).body.data.map((key: { id: string }) => key.id);
      const after = (await bob.api.get(`/api/v1/api-keys?startingAfter=${all[1]}`)).body.data;
      expect(after.map((key: { id: string }) => key.id)).toEqual(all.slice(2));
      const before = (await bob.api.get(`/api/v1/api-keys?endingBefore=${all[2]}`)).body.data;
      expect(before.map((key: { id: string }) => key.id)).toEqual(all.slice(0, 2));
      expect((await admin.get(`/api/v1/api-keys?createdByUser=${bob.id}`)).body.data).toHaveLength(4);
    });

    it('enforces the limits that an administrator has set', async () => {
      const path = `/api/v1/api-keys/configs/${tenantId}`;
      expect((await bob.api.get(path)).body).toEqual({
        max_api_key_expiry: 'P3650D',
        max_keys_per_user: 1000,
      });
      const limits = [
        { op: 'replace', path: '/max_keys_per_user', value: 2 },
        { op: 'replace', path: '/max_api_key_expiry', value: 'P7D' },
      ];
      expect((await admin.patch(path, limits)).status).toBe(204);
      const carol = await addUser(server.url, server.adminKey, 'carol');
      const tooLong = await carol.api.post('/api/v1/api-keys', { description: 'x', expiry: 'P8D' });
      expect(tooLong.status).toBe(400);
      const week = await carol.api.post('/api/v1/api-keys', { description: 'as long as its own' });
      const own = (await carol.api.get('/api/v1/api-keys')).body.data;
      const first = own.find(({ id }: { id: string }) => id !== week.body.id);
      expect(Date.parse(first.expiry) - Date.parse(first.created)).toBe(7 * 86_400_000);
      expect(new Set(own.map((key: { expiry: string }) => key.expiry)).size).toBe(1);
      expect((await carol.api.post('/api/v1/api-keys', { description: 'third' })).status).toBe(409);
      expect((await carol.api.delete(`/api/v1/api-keys/${week.body.id}`)).status).toBe(204);
      expect((await carol.api.post('/api/v1/api-keys', { description: 'again' })).status).toBe(201);
      // Only keys that still work count: one without an end does, one that has expired does not.
      const set = (end: string) =>
        server.sql(
          `UPDATE api_key SET expires_at = ${end} WHERE user_id = '${carol.id}' AND description = 'again'`,
        );
      await set('NULL');
      expect((await carol.api.post('/api/v1/api-keys', { description: 'too many' })).status).toBe(409);
      await set(`'2020-01-01T00:00:00.000Z'`);
      expect((await carol.api.post('/api/v1/api-keys', { description: 'in its place' })).status).toBe(201);
      await admin.patch(path, [{ op: 'replace', path: '/max_keys_per_user', value: 1000 }]);
    });
  });

  describe('400', () => {
    it('changes nothing but the description', async () => {
      const { id } = await make(alice, 'fixed');
      for (const patch of [
        [{ op: 'replace', path: '/sub', value: bob.id }],
        [{ op: 'remove', path: '/description' }],
        describeAs(5),
        describeAs('x'.repeat(257)),
      ]) {
        expect((await alice.api.patch(`/api/v1/api-keys/${id}`, patch)).status).toBe(400);
      }
      expect((await alice.api.get(`/api/v1/api-keys/${id}`)).body.description).toBe('fixed');
    });

    it('refuses invalid limits', async () => {
      for (const [path, value] of [
        ['/max_keys_per_user', 0],
        ['/max_keys_per_user', 1001],
        ['/max_keys_per_user', 1.5],
        ['/max_api_key_expiry', 'a week'],
        ['/max_api_key_expiry', 'P20Y'],
        ['/scim_externalClient_expiry', 'P1D'],
      ]) {
        const patch = [{ op: 'replace', path, value }];
        expect((await admin.patch(`/api/v1/api-keys/configs/${tenantId}`, patch)).status).toBe(400);
      }
      const path = `/api/v1/api-keys/configs/${tenantId}`;
      const before = (await admin.get(path)).body;
      const one = { path: '/max_keys_per_user', value: 1 };
      expect((await admin.patch(path, [{ op: 'remove', path: one.path }])).status).toBe(400);
      expect(
        (
          await admin.patch(path, [
            { ...one, op: 'replace' },
            { ...one, op: 'add' },
          ])
        ).status,
      ).toBe(400);
      expect((await admin.get(path)).body).toEqual(before);
    });
  });

  describe('401, 403 and 404', () => {
    it("X05: answers another user's key like an unknown one", async () => {
      const { id } = await make(alice, 'hers');
      for (const path of [`/api/v1/api-keys/${id}`, '/api/v1/api-keys/unknown']) {
        const answers = [
          await bob.api.get(path),
          await bob.api.patch(path, describeAs('mine')),
          await bob.api.delete(path),
        ];
        for (const answer of answers) {
          expect(answer.status).toBe(404);
          expect(answer.body.errors[0].detail).toBe('You have no such API key.');
        }
      }
      expect((await bob.api.get(`/api/v1/api-keys?sub=${alice.id}`)).body.data).toEqual([]);
      expect((await apiClient(server.url, undefined).get(`/api/v1/api-keys/${id}`)).status).toBe(401);
    });

    it("shows limits of the caller's tenant only, and lets only administrators change them", async () => {
      expect((await bob.api.get('/api/v1/api-keys/configs/other')).status).toBe(404);
      const patch = [{ op: 'replace', path: '/max_keys_per_user', value: 1 }];
      expect((await bob.api.patch(`/api/v1/api-keys/configs/${tenantId}`, patch)).status).toBe(403);
      expect((await admin.patch('/api/v1/api-keys/configs/other', patch)).status).toBe(404);
    });
  });
});
