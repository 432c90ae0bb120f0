import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';

// X09: every standing, in every type of space, against every operation, through HTTP. The expectations are written
// out here from QLIK.md 6.3, independent of the code that decides.

interface Row {
  type: 'shared' | 'managed' | 'data';
  role: string;
  sees: boolean;
  uses: boolean;
  creates: boolean;
  updatesOwn: boolean;
  deletes: 'any' | 'own' | 'none';
}

const row = (
  type: Row['type'],
  role: string,
  ...[sees, uses, creates, updatesOwn, deletes]: [boolean, boolean, boolean, boolean, Row['deletes']]
): Row => ({
  type,
  role,
  sees,
  uses,
  creates,
  updatesOwn,
  deletes,
});

const rows: Row[] = [
  row('shared', 'facilitator', true, true, true, true, 'any'),
  row('shared', 'producer', true, true, true, true, 'own'),
  row('shared', 'codeveloper', true, true, true, true, 'own'),
  row('shared', 'dataconsumer', true, true, false, false, 'none'),
  row('shared', 'consumer', false, false, false, false, 'none'),
  row('managed', 'facilitator', true, true, true, true, 'any'),
  row('managed', 'dataconsumer', true, true, false, false, 'none'),
  row('managed', 'consumer', false, false, false, false, 'none'),
  row('managed', 'contributor', false, false, false, false, 'none'),
  row('managed', 'operator', false, false, false, false, 'none'),
  row('managed', 'publisher', false, false, false, false, 'none'),
  row('managed', 'basicconsumer', false, false, false, false, 'none'),
  row('data', 'facilitator', true, true, true, true, 'any'),
  row('data', 'producer', true, true, false, false, 'none'),
  row('data', 'dataconsumer', true, true, false, false, 'none'),
  row('data', 'consumer', false, false, false, false, 'none'),
  row('data', 'datapreview', false, false, false, false, 'none'),
  row('data', 'operator', false, false, false, false, 'none'),
  row('data', 'publisher', false, false, false, false, 'none'),
];

const connection = (qName: string, space: string) => ({
  datasourceID: 'postgres',
  qName,
  space,
  connectionProperties: { host: 'db.example.com', db: 'x', username: 'u', password: 'p' },
});
const administrator = ['change_owner', 'change_space', 'delete', 'list', 'read', 'update'];

interface Made {
  qID: string;
  qName: string;
  privileges?: string[];
}

const rename = (value: string) => [{ op: 'replace', path: '/qName', value }];

describe('permissions through HTTP', () => {
  let server: TestServer;
  let admin: ApiClient;
  let owner: TestUser;
  const spaces: Record<string, string> = {};

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    owner = await addUser(server.url, server.adminKey, 'owner');
    for (const type of ['shared', 'managed', 'data']) {
      spaces[type] = (await owner.api.post('/api/v1/spaces', { name: type, type })).body.id;
    }
  });
  afterAll(() => server.close());

  it.each(rows.map((expected) => [`${expected.type} ${expected.role}`, expected] as const))(
    'X09: %s',
    async (name, expected) => {
      const space = spaces[expected.type] ?? '';
      const member = await addUser(server.url, server.adminKey, name);
      const assignment = { type: 'user', assigneeId: member.id, roles: [expected.role] };
      expect((await owner.api.post(`/api/v1/spaces/${space}/assignments`, assignment)).status).toBe(201);
      const others = await owner.api.post(
        '/api/v1/data-connections',
        connection(`of the owner, ${name}`, space),
      );
      const path = `/api/v1/data-connections/${others.body.qID}`;
      const hidden = expected.sees ? 403 : 404;

      const listed = (await member.api.get(`/api/v1/data-connections?spaceId=${space}`)).body.data;
      expect(listed.some((item: { qID: string }) => item.qID === others.body.qID)).toBe(expected.sees);
      expect((await member.api.get(path)).status).toBe(expected.sees ? 200 : 404);
      expect((await member.api.post(`${path}/actions/resolve`)).status).toBe(expected.uses ? 200 : hidden);
      expect((await member.api.patch(path, rename('taken over'))).status).toBe(hidden);
      const created = await member.api.post('/api/v1/data-connections', connection(`of ${name}`, space));
      expect(created.status).toBe(expected.creates ? 201 : 403);

      // A connection that the member owns, whatever their role may create; a member who cannot see it does not get one.
      const given = await owner.api.post('/api/v1/data-connections', connection(`given to ${name}`, space));
      const handed = { connections: [{ id: given.body.qID, ownerId: member.id }] };
      expect((await admin.post('/api/v1/data-connections/actions/update', handed)).body.data[0].status).toBe(
        expected.sees ? 204 : 403,
      );
      if (!expected.sees) return;
      const own = `/api/v1/data-connections/${given.body.qID}`;
      expect((await member.api.patch(own, rename(`own ${name}`))).status).toBe(
        expected.updatesOwn ? 204 : hidden,
      );
      expect((await member.api.patch(own, [{ op: 'replace', path: '/user', value: owner.id }])).status).toBe(
        hidden,
      );
      expect((await member.api.delete(own)).status).toBe(expected.deletes === 'none' ? hidden : 204);
      expect((await member.api.delete(path)).status).toBe(expected.deletes === 'any' ? 204 : hidden);
    },
  );

  it.each([
    ['TenantAdmin', { shared: true, managed: true, data: true, personal: true }],
    ['AnalyticsAdmin', { shared: true, managed: true, data: false, personal: false }],
    ['DataAdmin', { shared: false, managed: false, data: true, personal: false }],
    ['AuditAdmin', { shared: false, managed: false, data: false, personal: false }],
  ] as const)('X09: %s administers what it should, and never uses data', async (role, expected) => {
    const person = await addUser(server.url, server.adminKey, role, [role]);
    for (const [type, mayAdminister] of Object.entries(expected)) {
      const made = await owner.api.post(
        '/api/v1/data-connections',
        connection(`${role} ${type}`, spaces[type] ?? ''),
      );
      const path = `/api/v1/data-connections/${made.body.qID}`;
      expect((await person.api.get(path)).status, type).toBe(mayAdminister ? 200 : 404);
      const byName = `/api/v1/data-connections/${encodeURIComponent(made.body.qName)}?type=connectionname`;
      expect((await person.api.get(byName)).status, type).toBe(mayAdminister ? 200 : 404);
      const listed = (await person.api.get('/api/v1/data-connections?limit=100')).body.data as Made[];
      const [shown, ...more] = listed.filter(({ qID }) => qID === made.body.qID);
      expect(more, 'once').toEqual([]);
      expect(shown?.privileges, type).toEqual(mayAdminister ? administrator : undefined);
      expect((await person.api.post(`${path}/actions/resolve`)).status, type).toBe(mayAdminister ? 403 : 404);
      expect((await person.api.patch(path, rename(`${role} was here, ${type}`))).status, type).toBe(
        mayAdminister ? 204 : 404,
      );
      expect((await person.api.delete(path)).status, type).toBe(mayAdminister ? 204 : 404);
    }
  });

  it('X09: of several roles in a space the highest counts, in lists as for one connection', async () => {
    for (const roles of [
      ['codeveloper', 'consumer'],
      ['consumer', 'producer'],
      ['consumer', 'dataconsumer', 'facilitator'],
    ]) {
      const member = await addUser(server.url, server.adminKey, `member ${roles}`);
      const space = (await owner.api.post('/api/v1/spaces', { name: `${roles}`, type: 'shared' })).body.id;
      await owner.api.post(`/api/v1/spaces/${space}/assignments`, {
        ...{ type: 'user', assigneeId: member.id, roles },
      });
      const made = (await member.api.post('/api/v1/data-connections', connection('own', space))).body;
      const own = ['change_space', 'delete', 'list', 'read', 'update'];
      const path = `/api/v1/data-connections/${made.qID}`;
      expect((await member.api.get(path)).body.privileges).toEqual(own);
      const listed = (await member.api.get('/api/v1/data-connections')).body.data as Made[];
      expect(listed.map(({ qID, privileges }) => [qID, privileges])).toEqual([[made.qID, own]]);
    }
  });

  it('X10: a stranger gets what a random id gets, for every operation', async () => {
    const stranger = await addUser(server.url, server.adminKey, 'stranger');
    const made = await owner.api.post(
      '/api/v1/data-connections',
      connection('unseen', spaces['shared'] ?? ''),
    );
    const random = '00000000-0000-4000-8000-000000000000';
    const operations = (id: string) => [
      stranger.api.get(`/api/v1/data-connections/${id}`),
      stranger.api.patch(`/api/v1/data-connections/${id}`, rename('x')),
      stranger.api.delete(`/api/v1/data-connections/${id}`),
      stranger.api.post(`/api/v1/data-connections/${id}/actions/test`),
      stranger.api.post(`/api/v1/data-connections/${id}/actions/resolve`),
      stranger.api.post(`/api/v1/data-connections/${id}/actions/browse`),
      stranger.api.get(`/api/v1/data-connections/${id}/credential`),
      stranger.api.post('/api/v1/data-connections/actions/duplicate', { id }),
    ];
    const [foreign, unknown] = [
      await Promise.all(operations(made.body.qID)),
      await Promise.all(operations(random)),
    ];
    for (const [index, answer] of foreign.entries()) {
      expect(answer.status).toBe(404);
      expect({ ...answer.body, traceId: '' }).toEqual({ ...unknown[index]?.body, traceId: '' });
    }
  });
});
