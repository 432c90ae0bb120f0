import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addPerson, apiClient, type TestPerson } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';

const database = { host: 'db.example.com', db: 'sales' };
const login = { username: 'alice', password: 'canary-password-3321' };

describe('changing a connection', () => {
  let server: TestServer;
  let admin: ApiClient;
  let alice: TestPerson;
  let bob: TestPerson;
  let spaceId: string;
  let otherSpaceId: string;
  let count = 0;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    alice = await addPerson(server.url, server.adminKey, 'alice');
    bob = await addPerson(server.url, server.adminKey, 'bob');
    spaceId = (await alice.api.post('/api/v1/spaces', { name: 'Sales', type: 'shared' })).body.id;
    otherSpaceId = (await alice.api.post('/api/v1/spaces', { name: 'Finance', type: 'shared' })).body.id;
    await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, {
      type: 'user',
      assigneeId: bob.id,
      roles: ['producer'],
    });
  });
  afterAll(() => server.close());

  const create = async (properties: object = {}, person = alice) => {
    count += 1;
    const answer = await person.api.post('/api/v1/data-connections', {
      datasourceID: 'postgres',
      qName: `connection ${count}`,
      space: spaceId,
      connectionProperties: { ...database, ...login, ...properties },
    });
    expect(answer.status, answer.text).toBe(201);
    return answer.body;
  };
  const separated = (credentialsName = `login ${count}`) =>
    create({ separateCredentials: true, credentialsName });
  const get = async (id: string, person = alice) =>
    (await person.api.get(`/api/v1/data-connections/${id}?parseConnection=true`)).body;
  const patch = (id: string, operations: unknown[], person = alice) =>
    person.api.patch(`/api/v1/data-connections/${id}`, operations);
  const state = async (id: string, person = alice) =>
    (await person.api.get(`/api/v1/data-connections/${id}/credential`)).body.state;

  describe('PATCH', () => {
    it('changes name and tags, keeps the credential, and takes any casing of members', async () => {
      const made = await create();
      const answer = await patch(made.qID, [
        { OP: 'replace', Path: '/qName', Value: 'renamed' },
        { op: 'add', path: '/tags', value: ['one', 'two'] },
      ]);
      expect(answer.status, answer.text).toBe(204);
      const now = await get(made.qID);
      expect(now).toMatchObject({
        qName: 'renamed',
        tags: ['one', 'two'],
        qCredentialsID: made.qCredentialsID,
      });
      expect(now.updated >= made.updated).toBe(true);
    });

    it('X01: refuses to aim an embedded credential elsewhere without sending it', async () => {
      const made = await create();
      for (const name of ['host', 'port', 'sslmode']) {
        const value = { host: 'evil.example.com', port: 9999, sslmode: 'disable' }[name];
        const answer = await patch(made.qID, [
          { op: 'replace', path: `/connectionProperties/${name}`, value },
        ]);
        expect(answer.status, name).toBe(400);
        expect(answer.body.errors[0].detail).toMatch(/must be sent with this change/);
      }
      expect((await get(made.qID)).connectionProperties).toMatchObject(database);
      const together = await patch(made.qID, [
        { op: 'replace', path: '/connectionProperties/host', value: 'new.example.com' },
        { op: 'replace', path: '/connectionProperties/username', value: 'alice' },
        { op: 'replace', path: '/connectionProperties/password', value: 'another' },
      ]);
      expect(together.status, together.text).toBe(204);
      expect(await state(made.qID)).toBe('ready');
      expect((await get(made.qID)).connectionProperties.host).toBe('new.example.com');
    });

    it('X03: a credential of another sign-in than the connection asks for by now is none, also when it was confirmed', async () => {
      count += 1;
      const made = await alice.api.post('/api/v1/data-connections', {
        datasourceID: 'rest',
        qName: `connection ${count}`,
        space: spaceId,
        connectionProperties: {
          ...{ url: 'https://api.example.com/items', authSchema: 'basic', ...login },
          ...{ separateCredentials: true, credentialsName: `login ${count}` },
        },
      });
      expect(made.status, made.text).toBe(201);
      const id = made.body.qID;
      const changes = [
        { op: 'replace', path: '/connectionProperties/authSchema', value: 'apiKey' },
        { op: 'add', path: '/connectionProperties/apiKeyHeader', value: 'X-Key' },
      ];
      const changed = await patch(id, changes);
      expect(changed.status, changed.text).toBe(204);
      const at = `/api/v1/data-connections/${id}`;
      const { destination, ...before } = (await alice.api.get(`${at}/credential`)).body;
      expect(before.state).toBe('needs_confirmation');
      const confirmed = await alice.api.post(`${at}/credential/actions/confirm`, { destination });
      expect(confirmed.body.state, confirmed.text).toBe('missing');
      expect(confirmed.body).not.toHaveProperty('credentialId');
      expect((await alice.api.post(`${at}/actions/resolve`)).body).toMatchObject({
        usable: false,
        state: 'missing',
      });
      expect((await alice.api.post(`${at}/actions/test`)).body.errors[0]).toMatchObject({
        code: 'CREDENTIALS-REQUIRED',
        meta: { reason: 'missing' },
      });
      const back = await patch(id, [
        { op: 'replace', path: '/connectionProperties/authSchema', value: 'basic' },
        { op: 'remove', path: '/connectionProperties/apiKeyHeader' },
      ]);
      expect(back.status, back.text).toBe(204);
      expect(await state(id)).toBe('ready');
    });

    it("X03: leaves each person's separated credential waiting for them when the destination changes", async () => {
      const made = await separated();
      await bob.api.put(`/api/v1/data-connections/${made.qID}/credential`, {
        credentialsName: `bobs ${count}`,
        connectionProperties: { username: 'bob', password: 'bobs-password' },
      });
      const moved = await patch(made.qID, [
        { op: 'replace', path: '/connectionProperties/host', value: 'moved.example.com' },
      ]);
      expect(moved.status, moved.text).toBe(204);
      for (const person of [alice, bob]) {
        expect(await state(made.qID, person)).toBe('needs_confirmation');
        expect(await get(made.qID, person)).not.toHaveProperty('qCredentialsID');
        const use = await person.api.post(`/api/v1/data-connections/${made.qID}/actions/preview`, {
          path: ['a', 'b'],
        });
        expect(use.body.errors[0]).toMatchObject({
          code: 'CREDENTIALS-REQUIRED',
          meta: { reason: 'needs_confirmation' },
        });
      }
      const back = await patch(made.qID, [
        { op: 'replace', path: '/connectionProperties/host', value: database.host },
      ]);
      expect(back.status).toBe(204);
      expect(await state(made.qID, bob)).toBe('ready');
    });

    it("keeps everybody's credentials through harmless edits", async () => {
      const made = await separated();
      const harmless = [
        { op: 'replace', path: '/connectionProperties/db', value: 'other' },
        { op: 'replace', path: '/qName', value: 'harmless' },
        { op: 'replace', path: '/space', value: otherSpaceId },
      ];
      for (const operation of harmless) expect((await patch(made.qID, [operation])).status).toBe(204);
      expect(await state(made.qID)).toBe('ready');
      expect((await get(made.qID)).space).toBe(otherSpaceId);
    });

    it('switches an embedded connection to separated with the secrets given', async () => {
      const made = await create();
      const answer = await patch(made.qID, [
        { op: 'replace', path: '/connectionProperties/separateCredentials', value: 'true' },
        { op: 'add', path: '/connectionProperties/credentialsName', value: `switched ${count}` },
        { op: 'add', path: '/connectionProperties/username', value: 'alice' },
        { op: 'add', path: '/connectionProperties/password', value: 'p' },
      ]);
      expect(answer.status, answer.text).toBe(204);
      expect(await get(made.qID)).toMatchObject({ qSeparateCredentials: true });
      expect(
        (await alice.api.get(`/api/v1/data-credentials/switched%20${count}?byCredentialName=true`)).body
          .qConnCount,
      ).toBe(1);
      expect((await get(made.qID)).qCredentialsID).toBe(made.qCredentialsID);
    });

    it.each([
      [
        'the statement together with properties',
        [
          { op: 'replace', path: '/qConnectStatement', value: 'x' },
          { op: 'replace', path: '/connectionProperties/db', value: 'y' },
        ],
      ],
      [
        'a password given twice',
        [
          { op: 'replace', path: '/qPassword', value: 'x' },
          { op: 'replace', path: '/connectionProperties/password', value: 'y' },
        ],
      ],
      ['an unknown path', [{ op: 'replace', path: '/nonesuch', value: 'x' }]],
      ['an unknown property', [{ op: 'replace', path: '/connectionProperties/nonesuch', value: 'x' }]],
      ['an immutable member', [{ op: 'replace', path: '/qID', value: 'x' }]],
      ['a missing value', [{ op: 'replace', path: '/qName' }]],
      ['a wrong operation', [{ op: 'move', path: '/qName', value: 'x' }]],
      ['33 tags', [{ op: 'replace', path: '/tags', value: Array.from({ length: 33 }, String) }]],
      ['a prototype', [{ op: 'add', path: '/connectionProperties/__proto__', value: 'x' }]],
    ])('refuses %s with a 400', async (_what, operations) => {
      const made = await create();
      const answer = await patch(made.qID, operations);
      expect(answer.status, answer.text).toBe(400);
      expect((await get(made.qID)).qName).toBe(made.qName);
    });

    it('refuses a name that is taken', async () => {
      const [first, second] = [await create(), await create()];
      expect((await patch(second.qID, [{ op: 'replace', path: '/qName', value: first.qName }])).status).toBe(
        409,
      );
    });

    it('X09: lets a member link their own credential, and change nothing else', async () => {
      const made = await separated();
      const own = await bob.api.post('/api/v1/data-credentials', {
        datasourceID: 'postgres',
        qName: `own ${count}`,
        connectionProperties: { ...database, username: 'bob', password: 'p' },
      });
      expect(
        (await patch(made.qID, [{ op: 'replace', path: '/qName', value: 'taken over' }], bob)).status,
      ).toBe(403);
      expect(
        (await patch(made.qID, [{ op: 'add', path: '/qCredentialsID', value: own.body.qID }], bob)).status,
      ).toBe(204);
      expect(await state(made.qID, bob)).toBe('ready');
      const foreign = await patch(made.qID, [{ op: 'add', path: '/qCredentialsID', value: own.body.qID }]);
      expect(foreign.status).toBe(404);
      expect((await patch(made.qID, [{ op: 'remove', path: '/qCredentialsID' }], bob)).status).toBe(204);
      expect(await state(made.qID, bob)).toBe('missing');
      expect((await patch(made.qID, [{ op: 'replace', path: '/user', value: bob.id }])).status).toBe(403);
    });
  });

  describe('PUT', () => {
    const put = (body: { qID: string }, person = alice) =>
      person.api.put(`/api/v1/data-connections/${body.qID}`, body);

    it('V16: changes nothing when it sends back exactly what GET returned', async () => {
      const made = await create();
      const before = await get(made.qID);
      expect((await put(before)).status).toBe(204);
      const after = await get(made.qID);
      const { updated, updatedAt, ...rest } = after;
      expect(before).toMatchObject(rest);
      expect(await state(made.qID)).toBe('ready');
    });

    it('changes name and space, and a statement with its credential', async () => {
      const made = await create();
      const before = await get(made.qID);
      expect((await put({ ...before, qName: `put ${count}`, space: otherSpaceId })).status).toBe(204);
      const moved = await get(made.qID);
      expect(moved).toMatchObject({ qName: `put ${count}`, space: otherSpaceId });
      const qConnectStatement = moved.qConnectStatement.replace('db.example.com', 'put.example.com');
      expect((await put({ ...moved, qConnectStatement })).status).toBe(400);
      const whole = await put({
        ...moved,
        qConnectStatement,
        qUsername: 'alice',
        qPassword: 'fresh',
      } as never);
      expect(whole.status, whole.text).toBe(204);
      expect((await get(made.qID)).connectionProperties.host).toBe('put.example.com');
    });

    it('refuses another id or source', async () => {
      const made = await create();
      const before = await get(made.qID);
      const url = `/api/v1/data-connections/${made.qID}`;
      expect(
        (await alice.api.put(url, { ...before, qID: '00000000-0000-4000-8000-000000000000' })).status,
      ).toBe(400);
      expect((await alice.api.put(url, { ...before, datasourceID: 'mysql' })).status).toBe(400);
      expect((await alice.api.put(url, { qName: 'x' })).status).toBe(400);
    });
  });

  describe('bulk', () => {
    it('answers 207 with a result for each, for administrators only', async () => {
      const [first, second] = [await create(), await create()];
      const unknown = '00000000-0000-4000-8000-000000000000';
      const body = {
        connections: [
          { id: first.qID, name: 'bulk name', ownerId: bob.id },
          { id: unknown },
          { id: second.qID, spaceId: '', ownerId: bob.id },
        ],
      };
      expect((await alice.api.post('/api/v1/data-connections/actions/update', body)).status).toBe(403);
      const answer = await admin.post('/api/v1/data-connections/actions/update', body);
      expect(answer.status).toBe(207);
      expect(answer.body.data.map((item: { status: number }) => item.status)).toEqual([204, 404, 204]);
      expect(answer.body.data[1].error.code).toBe('NOT-FOUND');
      expect(await get(first.qID, bob)).toMatchObject({ qName: 'bulk name', user: bob.id });
      expect(await get(second.qID, bob)).not.toHaveProperty('space');
    });

    it('never hands a credential to a new owner', async () => {
      const made = await create();
      await admin.post('/api/v1/data-connections/actions/update', {
        connections: [{ id: made.qID, ownerId: bob.id }],
      });
      expect(await get(made.qID, bob)).not.toHaveProperty('qCredentialsID');
      expect(await state(made.qID, bob)).toBe('needs_confirmation');
      const use = await bob.api.post(`/api/v1/data-connections/${made.qID}/actions/preview`, {
        path: ['a', 'b'],
      });
      expect(use.body.errors[0]).toMatchObject({
        code: 'CREDENTIALS-REQUIRED',
        meta: { reason: 'needs_confirmation' },
      });
    });

    it('deletes many', async () => {
      const [first, second] = [await create(), await create()];
      const connections = [{ id: first.qID }, { id: second.qID }, { id: first.qID }];
      const answer = await admin.post('/api/v1/data-connections/actions/delete', { connections });
      expect(answer.body.data.map((item: { status: number }) => item.status)).toEqual([204, 204, 404]);
      expect((await alice.api.get(`/api/v1/data-connections/${first.qID}`)).status).toBe(404);
    });
  });

  describe('duplicate', () => {
    const duplicate = (body: object, person = alice) =>
      person.api.post('/api/v1/data-connections/actions/duplicate', body);

    it('names the copies and copies an embedded credential for its owner only', async () => {
      const made = await create();
      const copy = await duplicate({ id: made.qID });
      expect(copy.status, copy.text).toBe(201);
      expect(copy.body).toMatchObject({ qName: `${made.qName} (1)`, space: spaceId });
      expect(copy.body.qCredentialsID).not.toBe(made.qCredentialsID);
      expect((await duplicate({ id: made.qID })).body.qName).toBe(`${made.qName} (2)`);
      expect(await state(copy.body.qID)).toBe('ready');
      const ofBob = await duplicate({ id: made.qID, spaceId: '' }, bob);
      expect(ofBob.status).toBe(201);
      expect(ofBob.body).not.toHaveProperty('qCredentialsID');
      expect(ofBob.body).not.toHaveProperty('space');
      const withLogin = await duplicate(
        { id: made.qID, name: `with login ${count}`, spaceId: '', qUsername: 'bob', qPassword: 'p' },
        bob,
      );
      expect(await state(withLogin.body.qID, bob)).toBe('ready');
    });

    it("copies the caller's own link of a separated connection", async () => {
      const made = await separated();
      expect((await duplicate({ id: made.qID })).body.qCredentialsID).toBe(made.qCredentialsID);
      expect((await duplicate({ id: made.qID }, bob)).body).not.toHaveProperty('qCredentialsID');
      expect((await duplicate({ id: '00000000-0000-4000-8000-000000000000' })).status).toBe(404);
      expect((await duplicate({ id: made.qID, name: made.qName })).status).toBe(409);
    });
  });

  it('V15: never shows the secret', () => {
    expect(server.logText()).not.toContain(login.password);
  });
});
