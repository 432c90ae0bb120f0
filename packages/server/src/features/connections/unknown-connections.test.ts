import type { KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionsNamed, loadConnection } from '../../access/connection-access.js';
import { addPerson, type TestPerson } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';
import { newUuid } from '../../vault/random.js';
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
    ids['of somebody else'] = (await create(bob)).body.qID;
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
      'a code that is none',
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

  it.each(failing)('%s is answered the same, whoever has the id', async (_what, body) => {
    const free = await create(newUuid(), body);
    expect(free.status).toBeGreaterThanOrEqual(400);
    for (const [whose, id] of Object.entries(ids)) {
      const answer = await create(id, body);
      expect([answer.status, answer.body.errors], whose).toEqual([free.status, free.body.errors]);
    }
  });

  it('one that is right but for its id is a 409, and nothing is made', async () => {
    const answers = await Promise.all(Object.values(ids).map((id) => create(id, { qName: 'right' })));
    expect(answers.map(({ status }) => status)).toEqual([409, 409, 409]);
    expect(new Set(answers.map(({ body }) => JSON.stringify(body.errors))).size).toBe(1);
    expect((await alice.api.get(`${path}/right?type=connectionname`)).status).toBe(404);
    expect((await create(newUuid(), { qName: 'right' })).status).toBe(201);
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
