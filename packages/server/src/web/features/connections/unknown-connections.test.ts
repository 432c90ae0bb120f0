import type { KyselyPlugin } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectionsNamed, loadConnection } from '../../../core/access/connection-access.js';
import { newUuid } from '../../../core/crypto/random.js';
import { addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';
import { type OpenedServer, openedServer } from './__fixtures__/opened-server.js';

const path = '/api/v1/data-connections';
const login = { username: 'alice', password: 'canary-of-a-prober-4471' };
const connectionProperties = { host: 'db.example.com', db: 'sales', ...login };

const unknownId = '00000000-0000-4000-8000-000000000000';

let server: TestServer;
let alice: TestUser;
let bob: TestUser;

beforeAll(async () => {
  server = await startServer();
  alice = await addUser(server.url, server.adminKey, 'alice');
  bob = await addUser(server.url, server.adminKey, 'bob');
});
afterAll(() => server.close());

describe('TR10: a chosen qID reveals nothing about the connections of others', () => {
  const ids: Record<string, string> = {};
  const otherTenants = newUuid();

  beforeAll(async () => {
    const create = (person: TestUser) =>
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
          ...{ url: 'https://a.example', authSchema: 'oauth2' },
          ...{ clientId: 'c', clientSecret: 'canary-client-9' },
          ...{ authorizationUrl: 'https://a.example/a', tokenUrl: 'https://a.example/t', authCode: 'none' },
        },
      },
    ],
  ];
  const create = (qID: string, more: object) =>
    alice.api.post(path, { datasourceID: 'postgres', qName: 'new', connectionProperties, qID, ...more });

  it.each(failing)('%s gets the same answer, whether or not the id is taken', async (_what, body) => {
    const free = await create(newUuid(), body);
    expect(free.status).toBeGreaterThanOrEqual(400);
    for (const [whose, id] of Object.entries(ids)) {
      const answer = await create(id, body);
      expect([answer.status, answer.body.errors], whose).toEqual([free.status, free.body.errors]);
    }
  });

  it('a valid create with a taken id is a 409, and creates nothing', async () => {
    const taken = [ids['of another user'], ids['of her own']] as string[];
    const answers = await Promise.all(taken.map((id) => create(id, { qName: 'right' })));
    expect(answers.map(({ status }) => status)).toEqual([409, 409]);
    expect(new Set(answers.map(({ body }) => JSON.stringify(body.errors))).size).toBe(1);
    expect((await alice.api.get(`${path}/right?type=connectionname`)).status).toBe(404);
    expect((await create(newUuid(), { qName: 'right' })).status).toBe(201);
  });
});

describe('without a valid key', () => {
  it.each([
    ['a request without a key', undefined],
    ['a key that was never issued', 'mrg_00000000000000000000000000000000_000000'],
    ['a key of another form', 'x'.repeat(40)],
  ])('refuses %s', async (_what, key) => {
    const answer = await apiClient(server.url, key).get('/api/v1/data-connections');
    expect(answer.status).toBe(401);
    expect(answer.body.errors[0].code).toBe('AUTHENTICATION-REQUIRED');
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('W16: accepts no key in the query', async () => {
    const answer = await apiClient(server.url, undefined).get(
      `/api/v1/data-connections?access_token=${alice.key}&api_key=${alice.key}`,
    );
    expect(answer.status).toBe(401);
    expect(server.logText()).not.toContain(alice.key);
  });

  it('W11: refuses a key as soon as it is revoked', async () => {
    const made = await bob.api.post('/api/v1/api-keys', { description: 'short-lived' });
    const client = apiClient(server.url, made.body.token);
    expect((await client.get('/api/v1/users/me')).status).toBe(200);
    expect((await bob.api.delete(`/api/v1/api-keys/${made.body.id}`)).status).toBe(204);
    expect((await client.get('/api/v1/users/me')).status).toBe(401);
  });
});

describe('what another user owns', () => {
  let spaceId: string;
  beforeAll(async () => {
    spaceId = (await alice.api.post('/api/v1/spaces', { name: 'Sales', type: 'shared' })).body.id;
  });

  const s3Properties = {
    ...{ accessKey: 'canary-access-key-11', secretKey: 'canary-secret-key-7f3a' },
    ...{ region: 'eu-west-1', bucketName: 'reports' },
  };
  const create = (person: TestUser, qName: string, properties: object = s3Properties) =>
    person.api.post(path, {
      ...{ dataSourceId: 'File_AmazonS3Connector', qName, space: spaceId },
      connectionProperties: properties,
    });

  it('X05, X10: a connection that the caller may not see gets the same answer as an unknown id', async () => {
    const mine = await create(alice, 'private to the space');
    const foreign = await bob.api.get(`/api/v1/data-connections/${mine.body.qID}`);
    const random = await bob.api.get(`/api/v1/data-connections/${unknownId}`);
    expect(foreign.status).toBe(404);
    expect({ ...foreign.body, traceId: '' }).toEqual({ ...random.body, traceId: '' });
    expect((await bob.api.delete(`/api/v1/data-connections/${mine.body.qID}`)).status).toBe(404);
  });

  it('an id that is not a UUID is a 400 that names it, wherever it is sent', async () => {
    for (const [field, answer] of [
      ['qID', await bob.api.get(`${path}/nonesuch`)],
      ['qID', await bob.api.get(`${path}/nonesuch/credential`)],
      ['qID', await bob.api.post(`${path}/nonesuch/actions/resolve`)],
      ['id', await bob.api.post(`${path}/actions/duplicate`, { id: 'nonesuch' })],
    ] as const) {
      expect(answer.status, answer.text).toBe(400);
      expect(answer.body.errors[0]).toMatchObject({
        code: 'DCERROR-0010',
        detail: expect.stringContaining(`${field}: `),
      });
    }
  });

  it("X05: another user's credential gets the same answer as an unknown id, also as selectedCredentials", async () => {
    await create(alice, 'X05', { ...s3Properties, separateCredentials: true, credentialsName: 'x05' });
    const credential = await alice.api.get('/api/v1/data-credentials/x05?byCredentialName=true');
    const personal = (selectedCredentials: string) =>
      bob.api.post('/api/v1/data-connections', {
        dataSourceId: 'File_AmazonS3Connector',
        qName: 'stolen',
        connectionProperties: {
          region: 'us-east-1',
          bucketName: 'bucket',
          separateCredentials: true,
          selectedCredentials,
        },
      });
    const foreign = await personal(credential.body.qID);
    const random = await personal(unknownId);
    expect(foreign.status).toBe(404);
    expect({ ...foreign.body, traceId: '' }).toEqual({ ...random.body, traceId: '' });
    const got = await bob.api.get(`/api/v1/data-credentials/${credential.body.qID}`);
    expect({ ...got.body, traceId: '' }).toEqual({
      ...(await bob.api.get(`/api/v1/data-credentials/${unknownId}`)).body,
      traceId: '',
    });
  });

  it('A3: a credential of another data source gets the same answer as an unknown id', async () => {
    const credential = await alice.api.get('/api/v1/data-credentials/x05?byCredentialName=true');
    const answer = await alice.api.post('/api/v1/data-connections', {
      dataSourceId: 'File_AmazonS3ConnectorV2',
      qName: 'other source',
      connectionProperties: { separateCredentials: true, selectedCredentials: credential.body.qID },
    });
    expect(answer.status).toBe(404);
  });

  it('X06: two users can have credentials of the same name', async () => {
    await bob.api.post('/api/v1/data-credentials', {
      datasourceID: 'File_AmazonS3Connector',
      qName: 'x05',
      connectionProperties: { accessKey: 'bobs-access-key', secretKey: 'bobs-secret-key' },
    });
    const ofBob = await bob.api.get('/api/v1/data-credentials/x05?byCredentialName=true');
    const ofAlice = await alice.api.get('/api/v1/data-credentials/x05?byCredentialName=true');
    expect(ofBob.status).toBe(200);
    expect(ofBob.body.qID).not.toBe(ofAlice.body.qID);
  });

  it('refuses to create a connection in a space that the caller may only read', async () => {
    const member = await addUser(server.url, server.adminKey, 'carol');
    await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, {
      type: 'user',
      assigneeId: member.id,
      roles: ['dataconsumer'],
    });
    expect((await create(member, 'not allowed')).status).toBe(403);
    expect((await create(bob, 'not a member')).status).toBe(404);
  });

  it('answers DCAAS-2001 for an unknown data source', async () => {
    const answer = await alice.api.post('/api/v1/data-connections', {
      dataSourceId: 'nonesuch',
      qName: 'x',
      connectionProperties: {},
    });
    expect(answer.status).toBe(404);
    expect(answer.body.errors[0].code).toBe('DCAAS-2001');
  });
});

describe('TR24: a connection of another user and an unknown one take the same path', () => {
  let opened: OpenedServer;
  beforeAll(async () => {
    opened = await openedServer();
  });
  afterAll(() => opened.close());

  it('the same statements with the same answers, by id and by name', async () => {
    const { url, adminKey, store, tenantId } = opened;
    const alice = await addUser(url, adminKey, 'alice');
    const bob = await addUser(url, adminKey, 'bob');
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
      await work(Object.assign(store.db.withPlugin(counter), { clock: store.clock })).catch(() => undefined);
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
