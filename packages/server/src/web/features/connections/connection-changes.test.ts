import { createServiceAccount } from '@mooring/lab/bigquery/service-account';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addPerson, apiClient, type TestPerson } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

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

    it('SU12: a name is kept as it was given or refused, and each that was made is found by it', async () => {
      const named = (qName: string, credentialsName = qName) =>
        alice.api.post('/api/v1/data-connections', {
          ...{ datasourceID: 'postgres', qName, space: spaceId },
          connectionProperties: { ...database, ...login, separateCredentials: true, credentialsName },
        });
      for (const wrong of [' outer', 'outer ', '\u00a0outer', '.', '..']) {
        const message = /must not (be|begin)/;
        expect((await named(wrong)).body.errors?.[0].detail, JSON.stringify(wrong)).toMatch(message);
        expect((await named('right', wrong)).body.errors?.[0].detail).toMatch(message);
        for (const [door, body] of [
          ['spaces', { name: wrong, type: 'shared' }],
          ['data-credentials', { datasourceID: 'postgres', qName: wrong, connectionProperties: login }],
        ] as const) {
          const refused = await alice.api.post(`/api/v1/${door}`, body);
          expect([refused.status, refused.body.errors[0].detail]).toEqual([
            400,
            expect.stringMatching(message),
          ]);
        }
      }
      for (const right of ['...', 'a/b?c#d%2F;\\', 'in  side', '\u20ac'.repeat(256), '..a', '%2e']) {
        const made = await named(right);
        expect(made.status, made.text).toBe(201);
        const path = encodeURIComponent(right);
        const found = await alice.api.get(
          `/api/v1/data-connections/${path}?type=connectionname&spaceId=${spaceId}`,
        );
        expect(found.body?.qName, found.text).toBe(right);
        const credential = await alice.api.get(`/api/v1/data-credentials/${path}?byCredentialName=true`);
        expect(credential.body?.qName, credential.text).toBe(right);
      }
    });

    it('SU12: a copy has a name of whole characters, by which it is found', async () => {
      const qName = `a${'\u{1f600}'.repeat(127)}`;
      const made = await alice.api.post('/api/v1/data-connections', {
        ...{ datasourceID: 'postgres', qName, space: spaceId },
        connectionProperties: { ...database, ...login },
      });
      const copy = await alice.api.post('/api/v1/data-connections/actions/duplicate', { id: made.body.qID });
      expect(copy.status, copy.text).toBe(201);
      expect(copy.body.qName).toBe(`a${'\u{1f600}'.repeat(123)} (1)`);
      expect((await get(copy.body.qID)).qName).toBe(copy.body.qName);
    });

    it('QL2: one part of a login is changed alone, and the rest of the own one stays', async () => {
      const [embedded, mine] = [await create(), await separated()];
      const s3 = await alice.api.post('/api/v1/data-connections', {
        ...{ datasourceID: 'File_AmazonS3Connector', qName: `s3 ${count}`, space: spaceId },
        connectionProperties: {
          ...{ accessKey: 'AK', secretKey: 'canary-s3-1', region: 'us-east-1', bucketName: 'bucket' },
          ...{ separateCredentials: 'true', credentialsName: `s3 ${count}` },
        },
      });
      expect(s3.status, s3.text).toBe(201);
      const rotate = (path: string, value: string) => [{ op: 'replace', path, value }];
      for (const [id, path] of [
        [embedded.qID, '/connectionProperties/password'],
        [embedded.qID, '/qPassword'],
        [mine.qID, '/connectionProperties/password'],
        [s3.body.qID, '/connectionProperties/secretKey'],
        [s3.body.qID, '/qPassword'],
      ]) {
        const answer = await patch(id, rotate(path, `canary-rotated-${path.length}`));
        expect(answer.status, `${path} ${answer.text}`).toBe(204);
        expect(await state(id)).toBe('ready');
      }
      expect((await get(mine.qID)).qCredentialsID).toBe(mine.qCredentialsID);
      const { qConnectStatement } = await get(embedded.qID);
      const put = await alice.api.put(`/api/v1/data-connections/${embedded.qID}`, {
        ...{ qID: embedded.qID, qEngineObjectID: embedded.qID, qName: embedded.qName, qConnectStatement },
        ...{ qType: 'QvOdbcConnectorPackage.exe', space: spaceId, qPassword: 'canary-rotated-put' },
      });
      expect(put.status, put.text).toBe(204);
      const copy = await alice.api.post('/api/v1/data-connections/actions/duplicate', {
        ...{ id: embedded.qID, qPassword: 'canary-rotated-copy' },
      });
      expect(copy.status, copy.text).toBe(201);
      expect(await state(copy.body.qID)).toBe('ready');
    });

    it('QL2: kept parts go to no other destination, and parts of two users are never mixed', async () => {
      const [embedded, mine] = [await create(), await separated()];
      const aimed = (id: string, person: TestPerson, host = 'evil.example.com') =>
        patch(
          id,
          [
            { op: 'replace', path: '/connectionProperties/host', value: host },
            { op: 'replace', path: '/connectionProperties/username', value: 'mallory' },
          ],
          person,
        );
      for (const id of [embedded.qID, mine.qID]) {
        const refused = await aimed(id, alice);
        expect([refused.status, refused.body.errors[0].detail]).toEqual([
          400,
          'connectionProperties.password: is required for sign-in by User name and password',
        ]);
      }
      const administrator = await addPerson(server.url, server.adminKey, `administrator ${count}`, [
        'TenantAdmin',
      ]);
      for (const id of [embedded.qID, mine.qID])
        expect((await aimed(id, administrator, database.host)).status).toBe(400);
      // Aimed elsewhere meanwhile: what she has not allowed there does not come along.
      await patch(mine.qID, [
        { op: 'replace', path: '/connectionProperties/host', value: 'moved.example.com' },
      ]);
      const part = [{ op: 'replace', path: '/connectionProperties/username', value: 'alice2' }];
      expect((await patch(mine.qID, part)).status).toBe(400);
      expect(await state(mine.qID)).toBe('needs_confirmation');
    });

    it('QL3: paths lead into files that are secret, and a file is given whole', async () => {
      const one = JSON.stringify(createServiceAccount('http://127.0.0.1:9', 'project').key);
      const another = JSON.stringify(createServiceAccount('http://127.0.0.1:9', 'project').key);
      count += 1;
      const made = await alice.api.post('/api/v1/data-connections', {
        ...{ datasourceID: 'gbq', qName: `gbq ${count}`, space: spaceId },
        connectionProperties: {
          OAuthMechanism: '0',
          Catalog: 'project',
          KeyFilePath: [{ name: 'credentials.json', value: one }],
        },
      });
      expect(made.status, made.text).toBe(201);
      const at = '/connectionProperties/KeyFilePath/0';
      const changed = await patch(made.body.qID, [
        { op: 'replace', path: `${at}/name`, value: 'new.json' },
        { op: 'replace', path: `${at}/value`, value: another },
      ]);
      expect(changed.status, changed.text).toBe(204);
      expect(await state(made.body.qID)).toBe('ready');
      expect((await patch(made.body.qID, [{ op: 'replace', path: `${at}/value`, value: one }])).status).toBe(
        204,
      );
      const half = await patch(made.body.qID, [{ op: 'replace', path: `${at}/name`, value: 'x' }]);
      expect([half.status, half.body.errors[0].detail]).toEqual([
        400,
        'connectionProperties.KeyFilePath.0.value: is required',
      ]);
      const gap = await patch(made.body.qID, [
        { op: 'replace', path: '/connectionProperties/KeyFilePath/3/value', value: one },
      ]);
      expect(gap.status).toBe(400);
    });

    it('QL8: the login of an embedded connection becomes the separated one of the name that is given', async () => {
      const made = await create();
      const name = `named ${count}`;
      const answer = await patch(made.qID, [
        { op: 'add', path: '/connectionProperties/separateCredentials', value: 'True' },
        { op: 'add', path: '/connectionProperties/credentialsName', value: name },
      ]);
      expect(answer.status, answer.text).toBe(204);
      const own = await alice.api.get(
        `/api/v1/data-credentials/${encodeURIComponent(name)}?byCredentialName=1`,
      );
      expect(own.body).toMatchObject({ qID: made.qCredentialsID, qSeparated: 1 });
      expect(await state(made.qID)).toBe('ready');
      for (const nothing of [
        await patch(made.qID, [
          { op: 'add', path: '/connectionProperties/credentialsName', value: 'nothing' },
        ]),
        await alice.api.post('/api/v1/data-connections', {
          ...{ datasourceID: 'postgres', qName: 'of nothing', space: spaceId },
          connectionProperties: { ...database, separateCredentials: 1, credentialsName: 'nothing' },
        }),
      ]) {
        expect(nothing.status).toBe(400);
        expect(nothing.body.errors[0].detail).toMatch(
          /credentialsName: names a credential, and the request holds no/,
        );
      }
    });

    it('QL11: an embedded connection takes another statement only with its login, and the list of changes alone', async () => {
      const made = await create();
      const { qConnectStatement } = await get(made.qID);
      const restated = `${qConnectStatement.slice(0, -1)}connectTimeout=20;"`;
      const statement = (value: string, more: object[] = []) =>
        patch(made.qID, [{ op: 'replace', path: '/qConnectStatement', value }, ...more]);
      expect((await statement(qConnectStatement)).status).toBe(204);
      const changed = qConnectStatement.replace('db=sales;', 'db=other;');
      const alone = await statement(changed);
      expect(alone.status, restated).toBe(400);
      expect(alone.body.errors[0].detail).toMatch(/must be sent with this change/);
      const login = { op: 'add', path: '/qPassword', value: 'canary-restated' };
      const user = { op: 'add', path: '/qUsername', value: 'alice' };
      const together = await statement(changed, [user, login]);
      expect(together.status, together.text).toBe(204);
      const wrapped = await alice.api.patch(`/api/v1/data-connections/${made.qID}`, { patchData: [] });
      expect(wrapped.body.errors[0].detail).toBe(
        'body: must be the list of changes itself, not an object with a member patchData',
      );
    });

    it('X03: a credential of another sign-in method than the connection uses now does not count, even if it was confirmed', async () => {
      count += 1;
      const made = await alice.api.post('/api/v1/data-connections', {
        datasourceID: 'rest',
        qName: `connection ${count}`,
        space: spaceId,
        connectionProperties: {
          ...{ url: 'https://api.example.com/items', authSchema: 'basic', ...login },
          ...{ separateCredentials: true, credentialsName: `rest login ${count}` },
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

    it("X03: leaves each user's separated credential waiting for them when the destination changes", async () => {
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

    it("keeps every user's credentials through harmless edits", async () => {
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

    it('US1: members of an item that it does not change are a 400 of that item, unknown ones are ignored', async () => {
      const made = await create();
      const item = async (more: object) =>
        (
          await admin.post('/api/v1/data-connections/actions/update', {
            connections: [{ id: made.qID, ...more }],
          })
        ).body.data[0];
      for (const more of [{ tags: ['a'] }, { qCredentialsID: made.qID }, { connectionProperties: {} }])
        expect(await item({ name: `not so ${count}`, ...more })).toMatchObject({
          ...{
            status: 400,
            error: {
              detail: `${Object.keys(more)[0]}: cannot be changed for many connections at once: PATCH each`,
            },
          },
        });
      expect((await item({ qName: 'x' })).error.detail).toBe('qName: is called name here');
      expect(await item({ name: `so ${count}`, comment: 'x' })).toMatchObject({ status: 204 });
      expect(await get(made.qID)).toMatchObject({ qName: `so ${count}` });
    });

    it('QL5: a new owner has to see the connection where it is then, and the type is that of the space', async () => {
      const made = await create();
      const stranger = await addPerson(server.url, server.adminKey, `stranger ${count}`);
      const item = async (more: object) =>
        (
          await admin.post('/api/v1/data-connections/actions/update', {
            connections: [{ id: made.qID, ...more }],
          })
        ).body.data[0];
      const refused = await item({ ownerId: stranger.id });
      expect(refused).toMatchObject({ status: 403, error: { code: 'ACCESS-DENIED' } });
      expect(refused.error.detail).toMatch(/^ownerId: this user has no role in the space/);
      const patched = await admin.patch(`/api/v1/data-connections/${made.qID}`, [
        { op: 'replace', path: '/user', value: stranger.id },
      ]);
      expect(patched.status).toBe(403);
      expect((await get(made.qID)).user).toBe(alice.id);
      expect((await item({ spaceId, spaceType: 'managed' })).error.detail).toBe(
        'spaceType: is managed, and the space is shared',
      );
      expect(await item({ spaceId, spaceType: 'shared' })).toMatchObject({ status: 204 });
      const moved = await item({ spaceId: '', spaceType: 'personal', ownerId: stranger.id });
      expect(moved, JSON.stringify(moved)).toMatchObject({ status: 204 });
      expect((await get(made.qID, stranger)).user).toBe(stranger.id);
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
