import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import type { KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionsNamed, loadConnection } from '../../../core/access/connection-access.js';
import { newUuid } from '../../../core/crypto/random.js';
import { type ApiClient, addPerson, apiClient, type TestPerson } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';
import { type OpenedServer, openedServer } from './__fixtures__/opened-server.js';

const path = '/api/v1/data-connections';
const login = { username: 'alice', password: 'canary-of-a-prober-4471' };
const connectionProperties = { host: 'db.example.com', db: 'sales', ...login };

describe('TR10: a chosen qID tells nothing about others', () => {
  let server: TestServer;
  let alice: TestPerson;
  const ids: Record<string, string> = {};
  const otherTenants = newUuid();

  beforeAll(async () => {
    server = await startServer();
    alice = await addPerson(server.url, server.adminKey, 'alice');
    const bob = await addPerson(server.url, server.adminKey, 'bob');
    const create = (person: TestPerson) =>
      person.api.post(path, { datasourceID: 'postgres', qName: 'taken', connectionProperties });
    ids['of another user'] = (await create(bob)).body.qID;
    ids['of her own'] = (await create(alice)).body.qID;
    await server.sql(`insert into tenant values ('other', 'other', '2026-01-01T00:00:00.000Z')`);
    await server.sql(`insert into "user" (id, tenant_id, subject, name, status, roles, created_at, updated_at)
      values ('u', 'other', 'u', 'u', 'active', '[]', '', '')`);
    await server.sql(`insert into connection (id, tenant_id, name, name_key, name_fold, scope, owner_id, source_id,
      properties, separated, destination, qri, tags, version, created_at, updated_at)
      values ('${otherTenants}', 'other', 'x', 'x', 'x', 'user:u', 'u', 'postgres', '{}', 0, '', '', '[]', 1, '', '')`);
    ids['of another tenant'] = otherTenants;
  });
  afterAll(() => server.close());

  const failing: [what: string, body: object][] = [
    ['an unknown property', { connectionProperties: { ...connectionProperties, nonesuch: 1 } }],
    ['a missing secret', { connectionProperties: { host: 'db.example.com', username: 'alice' } }],
    ['an unknown source', { datasourceID: 'nonesuch' }],
    ['an unknown space', { space: 'nonesuch' }],
    ['a name that is taken', { qName: 'taken' }],
    [
      'a credential that is not hers',
      {
        connectionProperties: {
          ...{ host: 'db.example.com', db: 'sales', separateCredentials: true },
          selectedCredentials: newUuid(),
        },
      },
    ],
    [
      'an invalid code',
      {
        datasourceID: 'rest',
        connectionProperties: {
          ...{
            url: 'https://a.example',
            authSchema: 'oauth2',
            clientId: 'c',
            clientSecret: 'canary-client-9',
          },
          ...{ authorizationUrl: 'https://a.example/a', tokenUrl: 'https://a.example/t', authCode: 'none' },
        },
      },
    ],
  ];
  const create = (qID: string, more: object) =>
    alice.api.post(path, { datasourceID: 'postgres', qName: 'new', connectionProperties, qID, ...more });

  it.each(failing)('%s gets the same answer, whichever user has the id', async (_what, body) => {
    const free = await create(newUuid(), body);
    expect(free.status).toBeGreaterThanOrEqual(400);
    for (const [whose, id] of Object.entries(ids)) {
      const answer = await create(id, body);
      expect([answer.status, answer.body.errors], whose).toEqual([free.status, free.body.errors]);
    }
  });

  it('one that is right but for its id is a 409, and nothing is made', async () => {
    const taken = [ids['of another user'], ids['of her own']] as string[];
    const answers = await Promise.all(taken.map((id) => create(id, { qName: 'right' })));
    expect(answers.map(({ status }) => status)).toEqual([409, 409]);
    expect(new Set(answers.map(({ body }) => JSON.stringify(body.errors))).size).toBe(1);
    expect((await alice.api.get(`${path}/right?type=connectionname`)).status).toBe(404);
    expect((await create(newUuid(), { qName: 'right' })).status).toBe(201);
  });
});

describe('TR10: ids are of a tenant', () => {
  let server: TestServer;
  let source: LoopbackServer;
  let admin: ApiClient;
  /** Of the first tenant, without a role; and of another, which she administers. */
  let alice: TestPerson;
  let carol: TestPerson;
  let both: [name: string, person: TestPerson][];
  /** Logins that the source was given since it was last asked. */
  const given: string[] = [];
  const [embedded, separated, secretive] = [newUuid(), newUuid(), newUuid()];

  beforeAll(async () => {
    source = await listenOnLoopback(0, () => (request, response) => {
      given.push(Buffer.from((request.headers.authorization ?? '').split(' ')[1] ?? '', 'base64').toString());
      response.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1}]');
    });
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    alice = await addPerson(server.url, server.adminKey, 'alice');
    carol = await addPerson(server.url, server.adminKey, 'carol', ['TenantAdmin']);
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
  const create = ({ api }: TestPerson, qID: string, qName: string, properties: object) =>
    api.post(path, { datasourceID: 'rest', qName, qID, connectionProperties: properties });
  /** The user that the source saw. */
  const use = async ({ api }: TestPerson, id: string): Promise<string[]> => {
    given.length = 0;
    const answer = await api.post(`${path}/${id}/actions/preview`, { path: ['items'] });
    expect(answer.status, answer.text).toBe(200);
    return [...new Set(given)];
  };
  const listed = async ({ api }: TestPerson, query: string): Promise<{ qID: string; qName: string }[]> =>
    (await api.get(`${path}?${query}`)).body.data;

  it('a create is a 201 in each, and a 409 in the one that has the id', async () => {
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

  it('each sees and uses their own, and each tenant logs it', async () => {
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

  it('each changes and deletes their own, and the other stays as it is', async () => {
    const [here, there] = both.map(([, person]) => person) as [TestPerson, TestPerson];
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
    // Her connection's own secret is there: a change of where it goes asks for it.
    const elsewhere = { op: 'replace', path: '/connectionProperties/url', value: `${source.url}/elsewhere` };
    const moved = await there.api.patch(`${path}/${secretive}`, [elsewhere]);
    expect([moved.status, moved.text]).toEqual([400, expect.stringContaining('clientSecret')]);
    expect(await listed(here, 'limit=20')).toEqual([]);
    const again = await create(here, embedded, 'again', basic('alice'));
    expect(again.status, again.text).toBe(201);
    expect(await use(here, embedded)).toEqual([`alice:${passwordOf('alice')}`]);
  });
});

describe('TR24: not yours and not there are one path', () => {
  let opened: OpenedServer;
  beforeAll(async () => {
    opened = await openedServer();
  });
  afterAll(() => opened.close());

  it('the same statements with the same answers, by id and by name', async () => {
    const { url, adminKey, store, tenantId } = opened;
    const alice = await addPerson(url, adminKey, 'alice');
    const bob = await addPerson(url, adminKey, 'bob');
    const space = await bob.api.post('/api/v1/spaces', { name: 'Bobs', type: 'shared' });
    const create = async (qName: string, more: object) => {
      const body = { datasourceID: 'postgres', qName, connectionProperties, ...more };
      return (await bob.api.post(path, body)).body.qID as string;
    };
    const [personal, shared] = [
      await create('secret name', {}),
      await create('shared', { space: space.body.id }),
    ];
    const caller = {
      userId: alice.id,
      tenantId,
      name: 'alice',
      roles: [],
      keyId: 'k',
      keyKind: 'api-key' as const,
    };

    const traced = async (work: (db: typeof store.db) => Promise<unknown>): Promise<number[]> => {
      const rows: number[] = [];
      const counter: KyselyPlugin = {
        transformQuery: ({ node }) => node,
        transformResult: async ({ result }) => {
          rows.push(result.rows.length);
          return result;
        },
      };
      await work(store.db.withPlugin(counter)).catch(() => undefined);
      return rows;
    };
    const scope = `space:${space.body.id}`;
    const pairs: [(db: typeof store.db) => Promise<unknown>, (db: typeof store.db) => Promise<unknown>][] = [
      [
        (db) => loadConnection(db, caller, { id: personal }),
        (db) => loadConnection(db, caller, { id: newUuid() }),
      ],
      [
        (db) => loadConnection(db, caller, { id: shared }),
        (db) => loadConnection(db, caller, { id: newUuid() }),
      ],
      [
        (db) => loadConnection(db, caller, { scope, nameKey: 'shared' }),
        (db) => loadConnection(db, caller, { scope, nameKey: 'nonesuch' }),
      ],
      [(db) => connectionsNamed(db, caller, 'secret name'), (db) => connectionsNamed(db, caller, 'nonesuch')],
      [(db) => connectionsNamed(db, caller, 'shared'), (db) => connectionsNamed(db, caller, 'nonesuch')],
    ];
    for (const [notYours, notThere] of pairs) {
      const [mine, none] = [await traced(notYours), await traced(notThere)];
      expect(mine).toEqual(none);
      expect(mine.length).toBeGreaterThan(0);
    }
    for (const name of ['secret%20name', 'shared', 'nonesuch'])
      expect((await alice.api.get(`${path}/${name}?type=connectionname`)).status).toBe(404);
    expect((await bob.api.get(`${path}/shared?type=connectionname`)).body.qID).toBe(shared);
    expect((await opened.admin.get(`${path}/shared?type=connectionname`)).body.qID).toBe(shared);
  });
});
