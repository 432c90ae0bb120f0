import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newUuid } from '../../../core/crypto/random.js';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const path = '/api/v1/data-connections';

describe('TR10: ids belong to a tenant', () => {
  let server: TestServer;
  let source: LoopbackServer;
  let admin: ApiClient;
  /** Alice is a user of the first tenant without a role; Carol administers another one. */
  let alice: TestUser;
  let carol: TestUser;
  let both: [name: string, person: TestUser][];
  /** Logins that the source got since the last use. */
  const given: string[] = [];
  const [embedded, separated, secretive] = [newUuid(), newUuid(), newUuid()];

  beforeAll(async () => {
    source = await listenOnLoopback(0, () => (request, response) => {
      given.push(Buffer.from((request.headers.authorization ?? '').split(' ')[1] ?? '', 'base64').toString());
      response.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1}]');
    });
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    alice = await addUser(server.url, server.adminKey, 'alice');
    carol = await addUser(server.url, server.adminKey, 'carol', ['TenantAdmin']);
    await server.sql(`insert into tenant values ('other', 'other', '2026-01-01T00:00:00.000Z')`);
    for (const [table, column] of [
      ['"user"', 'id'],
      ['api_key', 'user_id'],
      ['invitation', 'user_id'],
    ])
      await server.sql(`update ${table} set tenant_id = 'other' where ${column} = '${carol.id}'`);
    both = [
      ['alice', alice],
      ['carol', carol],
    ];
  });
  afterAll(async () => {
    await server.close();
    await source.close();
  });

  const passwordOf = (name: string) => `canary-password-of-${name}-7719`;
  const basic = (name: string) => ({
    ...{ url: `${source.url}/items`, authSchema: 'basic', username: name, password: passwordOf(name) },
  });
  const create = ({ api }: TestUser, qID: string, qName: string, properties: object) =>
    api.post(path, { datasourceID: 'rest', qName, qID, connectionProperties: properties });
  /** The logins that the source saw. */
  const use = async ({ api }: TestUser, id: string): Promise<string[]> => {
    given.length = 0;
    const answer = await api.post(`${path}/${id}/actions/preview`, { path: ['items'] });
    expect(answer.status, answer.text).toBe(200);
    return [...new Set(given)];
  };
  const listed = async ({ api }: TestUser, query: string): Promise<{ qID: string; qName: string }[]> =>
    (await api.get(`${path}?${query}`)).body.data;

  it('two tenants can use the same id; within a tenant it is a 409', async () => {
    const oauth = (name: string) => ({
      ...{ url: `${source.url}/items`, authSchema: 'oauth2', clientId: 'c', separateCredentials: true },
      ...{ clientSecret: `canary-client-secret-of-${name}-5521`, tokenUrl: `${source.url}/token` },
      authorizationUrl: `${source.url}/authorize`,
    });
    for (const [name, person] of both) {
      const own = { ...basic(name), separateCredentials: true, credentialsName: `login of ${name}` };
      for (const [id, properties] of [
        [embedded, basic(name)],
        [separated, own],
        [secretive, oauth(name)],
      ] as const) {
        const made = await create(person, id, `${name} ${id}`, properties);
        expect([made.status, made.body.qID], made.text).toEqual([201, id]);
      }
    }
    for (const id of [embedded, separated, secretive]) {
      const bob = await admin.post(path, {
        datasourceID: 'rest',
        qName: 'bob',
        qID: id,
        connectionProperties: basic('bob'),
      });
      expect([bob.status, bob.body.errors[0].code]).toEqual([409, 'CONFLICT']);
    }
  });

  it('each user sees and uses their own, and each tenant logs its own uses', async () => {
    for (const [name, person] of both) {
      for (const id of [embedded, separated]) {
        const one = (await person.api.get(`${path}/${id}`)).body;
        const qCredentialsName = id === embedded ? `${name} ${embedded}` : `login of ${name}`;
        expect(one).toMatchObject({ qID: id, qName: `${name} ${id}`, qCredentialsName });
        expect(await use(person, id)).toEqual([`${name}:${passwordOf(name)}`]);
        const { data } = (await person.api.get(`/api/v1/data-uses?connectionId=${id}`)).body;
        expect(data).toMatchObject([{ userId: person.id, connectionId: id, result: 'ok' }]);
      }
      const names = [embedded, separated, secretive].map((id) => `${name} ${id}`).toSorted();
      for (const query of ['limit=2', 'limit=20', 'limit=20&sort=-_id', 'limit=20&locale=sv', '']) {
        const found = await listed(person, query);
        if (query === 'limit=2') expect(found).toHaveLength(2);
        else expect(found.map(({ qName }) => qName).toSorted(), query).toEqual(names);
      }
      const shown = (await listed(person, 'limit=20')) as { qID: string; qCredentialsName?: string }[];
      const logins = shown.map(({ qID, qCredentialsName }) => [qID, qCredentialsName]);
      expect(logins).toContainEqual([embedded, `${name} ${embedded}`]);
      expect(logins).toContainEqual([separated, `login of ${name}`]);
    }
    for (const [person, api] of [
      [alice, admin],
      [carol, carol.api],
    ] as const) {
      expect((await api.post('/api/v1/data-credentials/actions/verify-uses')).body).toMatchObject({
        ok: true,
        records: 4,
      });
      const events = (await api.get('/api/v1/audits?limit=100')).body.data as {
        userId: string;
        data: { id?: string };
      }[];
      const about = events.filter(({ data }) => data.id === embedded);
      expect(new Set(about.map((event) => event.userId))).toEqual(new Set([person.id]));
    }
  });

  it('updates and deletes leave the other tenant’s connection unchanged', async () => {
    const [here, there] = both.map(([, person]) => person) as [TestUser, TestUser];
    const { headers } = await here.api.get(`${path}/${embedded}`);
    const change = [{ op: 'replace', path: '/qName', value: 'changed' }];
    const condition = { 'if-match': headers.get('etag') ?? '' };
    const changed = await here.api.patch(`${path}/${embedded}`, change, condition);
    expect(changed.status, changed.text).toBe(204);
    expect((await there.api.get(`${path}/${embedded}`)).body.qName).toBe(`carol ${embedded}`);
    const login = [
      { op: 'replace', path: '/qUsername', value: 'alice' },
      { op: 'replace', path: '/qPassword', value: passwordOf('alice-again') },
    ];
    const renewed = await here.api.patch(`${path}/${separated}`, login);
    expect(renewed.status, renewed.text).toBe(204);
    const entered = await here.api.patch(`${path}/${embedded}`, login);
    expect(entered.status, entered.text).toBe(204);
    expect(await use(here, embedded)).toEqual([`alice:${passwordOf('alice-again')}`]);
    expect(await use(here, separated)).toEqual([`alice:${passwordOf('alice-again')}`]);
    for (const id of [embedded, separated])
      expect(await use(there, id)).toEqual([`carol:${passwordOf('carol')}`]);
    for (const id of [embedded, separated, secretive])
      expect((await here.api.delete(`${path}/${id}`)).status).toBe(204);
    for (const id of [embedded, separated]) {
      expect((await here.api.get(`${path}/${id}`)).status).toBe(404);
      expect(await use(there, id)).toEqual([`carol:${passwordOf('carol')}`]);
    }
    // Her connection's own secret still exists: a change of its destination requires it again.
    const elsewhere = { op: 'replace', path: '/connectionProperties/url', value: `${source.url}/elsewhere` };
    const moved = await there.api.patch(`${path}/${secretive}`, [elsewhere]);
    expect([moved.status, moved.text]).toEqual([400, expect.stringContaining('clientSecret')]);
    expect(await listed(here, 'limit=20')).toEqual([]);
    const again = await create(here, embedded, 'again', basic('alice'));
    expect(again.status, again.text).toBe(201);
    expect(await use(here, embedded)).toEqual([`alice:${passwordOf('alice')}`]);
  });
});
