import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const unknownId = '0123456789abcdef01234567';

describe('spaces', () => {
  let server: TestServer;
  let admin: ApiClient;
  let alice: TestUser;
  let bob: TestUser;
  let carol: TestUser;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
    carol = await addUser(server.url, server.adminKey, 'carol');
  });
  afterAll(() => server.close());

  const make = async (name: string, type = 'shared'): Promise<string> =>
    (await alice.api.post('/api/v1/spaces', { name, type })).body.id;
  const assign = (spaceId: string, person: TestUser, ...roles: string[]) =>
    alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, { type: 'user', assigneeId: person.id, roles });
  const replace = (path: string, value: unknown) => [{ op: 'replace', path, value }];

  describe('200', () => {
    it('names the types of spaces', async () => {
      expect((await bob.api.get('/api/v1/spaces/types')).body).toEqual({
        data: ['shared', 'managed', 'data'],
      });
    });

    it('changes name and description by PUT and by PATCH, and shows the space', async () => {
      const id = await make('First');
      const put = await alice.api.put(`/api/v1/spaces/${id}`, { name: 'Second', description: 'of sales' });
      expect(put.status, put.text).toBe(200);
      expect(put.body).toMatchObject({ id, name: 'Second', description: 'of sales', ownerId: alice.id });
      const patch = await alice.api.patch(`/api/v1/spaces/${id}`, replace('/name', 'Third'));
      expect(patch.status, patch.text).toBe(200);
      expect(patch.body).toMatchObject({ name: 'Third', description: 'of sales' });
      expect((await alice.api.get(`/api/v1/spaces/${id}`)).body).toEqual(patch.body);
    });

    it('transfers a space, and the new owner needs no assignment', async () => {
      const id = await make('Given');
      expect((await assign(id, bob, 'consumer')).status).toBe(201);
      const answer = await alice.api.patch(`/api/v1/spaces/${id}`, replace('/ownerId', bob.id));
      expect(answer.body.ownerId).toBe(bob.id);
      expect((await alice.api.get(`/api/v1/spaces/${id}`)).status).toBe(404);
      const seen = await bob.api.get(`/api/v1/spaces/${id}`);
      expect(seen.body.meta.actions).toContain('change_owner');
      expect((await bob.api.get(`/api/v1/spaces/${id}/assignments`)).body).toMatchObject({
        data: [],
        meta: { count: 0 },
      });
    });

    it('gets one assignment', async () => {
      const id = await make('Assigned');
      const made = (await assign(id, carol, 'consumer', 'producer')).body;
      const answer = await carol.api.get(`/api/v1/spaces/${id}/assignments/${made.id}`);
      expect(answer.body).toEqual(made);
      expect(answer.body).toMatchObject({ type: 'user', roles: ['consumer', 'producer'] });
    });

    it('lists by role and in order, forward and back', async () => {
      for (const [name, role] of [
        ['Role B', 'producer'],
        ['Role a', 'producer'],
        ['Role C', 'consumer'],
      ] as const) {
        await assign(await make(name), bob, role);
      }
      const named = async (query: string) => {
        const answer = await bob.api.get(`/api/v1/spaces?name=role&${query}`);
        return answer.body.data.map((space: { name: string }) => space.name);
      };
      expect(await named('roles=producer&sort=name')).toEqual(['Role a', 'Role B']);
      expect(await named('roles=producer&roles=consumer&sort=-name')).toEqual(['Role C', 'Role B', 'Role a']);
      const first = (await bob.api.get('/api/v1/spaces?name=role&sort=name&limit=2')).body;
      expect(first.meta.count).toBe(3);
      const second = (await bob.api.get(first.links.next.href)).body;
      expect(second.data.map((space: { name: string }) => space.name)).toEqual(['Role C']);
      expect((await bob.api.get(second.links.prev.href)).body.data).toEqual(first.data);
    });
  });

  describe('400', () => {
    it('refuses members and values that a space does not have', async () => {
      const id = await make('Strict');
      for (const patch of [
        replace('/type', 'data'),
        [{ op: 'remove', path: '/name' }],
        replace('/name', 'a/b'),
        replace('/ownerId', 'somebody'),
      ]) {
        expect((await alice.api.patch(`/api/v1/spaces/${id}`, patch)).status).toBe(400);
      }
      expect((await alice.api.get('/api/v1/spaces?roles=emperor')).status).toBe(400);
    });
  });

  describe('403, 404 and 409', () => {
    it('X09: a facilitator changes the space but not its owner; a member changes nothing', async () => {
      const id = await make('Roles');
      await assign(id, bob, 'facilitator');
      await assign(id, carol, 'producer');
      expect((await bob.api.put(`/api/v1/spaces/${id}`, { description: 'by bob' })).status).toBe(200);
      expect((await bob.api.put(`/api/v1/spaces/${id}`, { ownerId: bob.id })).status).toBe(403);
      expect((await carol.api.put(`/api/v1/spaces/${id}`, { description: 'by carol' })).status).toBe(403);
      expect((await admin.put(`/api/v1/spaces/${id}`, { ownerId: carol.id })).body.ownerId).toBe(carol.id);
    });

    it('X05: reveals nothing to a stranger', async () => {
      const id = await make('Closed');
      const made = (await assign(id, carol, 'consumer')).body;
      for (const spaceId of [id, unknownId]) {
        expect((await bob.api.put(`/api/v1/spaces/${spaceId}`, { name: 'x' })).status).toBe(404);
        expect((await bob.api.patch(`/api/v1/spaces/${spaceId}`, replace('/name', 'x'))).status).toBe(404);
        expect((await bob.api.get(`/api/v1/spaces/${spaceId}/assignments/${made.id}`)).status).toBe(404);
      }
      expect((await carol.api.get(`/api/v1/spaces/${id}/assignments/${unknownId}`)).status).toBe(404);
      const owner = await alice.api.put(`/api/v1/spaces/${id}`, { ownerId: unknownId });
      expect(owner.status).toBe(404);
      expect((await apiClient(server.url, undefined).put(`/api/v1/spaces/${id}`, {})).status).toBe(401);
    });

    it('keeps names unique', async () => {
      const id = await make('Taken');
      await make('Other');
      expect((await alice.api.put(`/api/v1/spaces/${id}`, { name: 'OTHER' })).status).toBe(409);
    });
  });
});
