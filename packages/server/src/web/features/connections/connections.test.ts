import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const secretKey = 'canary-secret-key-7f3a';
const s3Properties = {
  accessKey: 'canary-access-key-11',
  secretKey,
  region: 'eu-west-1',
  bucketName: 'reports',
};
const unknownId = '00000000-0000-4000-8000-000000000000';

describe('data-connections', () => {
  let server: TestServer;
  let admin: ApiClient;
  let alice: TestUser;
  let bob: TestUser;
  let spaceId: string;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    alice = await addUser(server.url, server.adminKey, 'alice');
    bob = await addUser(server.url, server.adminKey, 'bob');
    const space = await alice.api.post('/api/v1/spaces', { name: 'Sales', type: 'shared' });
    spaceId = space.body.id;
  });
  afterAll(() => server.close());

  const create = (person: TestUser, qName: string, properties: object = {}, more: object = {}) =>
    person.api.post('/api/v1/data-connections', {
      ...{ dataSourceId: 'File_AmazonS3Connector', qName, space: spaceId, ...more },
      connectionProperties: { ...s3Properties, ...properties },
    });

  describe('201', () => {
    it("A1: stores the keys in the caller's named credential, not in the connection", async () => {
      const choice = { separateCredentials: 'true', credentialsName: 'serviceAccount123' };
      const answer = await create(alice, 'A1', choice);
      expect(answer.status).toBe(201);
      expect(answer.body).toMatchObject({
        qName: 'A1',
        datasourceID: 'File_AmazonS3Connector',
        qType: 'QvWebStorageProviderConnectorPackage.exe',
        qSeparateCredentials: true,
        qArchitecture: 0,
        qLogOn: 1,
        version: 'V1',
        space: spaceId,
        tags: ['DcaasAPI:QvWebStorageProviderConnectorPackage.exe:1.0.0'],
        privileges: ['change_space', 'delete', 'list', 'read', 'update'],
      });
      expect(answer.body.qEngineObjectID).toBe(answer.body.qID);
      expect(answer.body.id).toBe(answer.body.qID);
      expect(answer.body.links.self.href).toBe(`${server.url}/v1/data-connections/${answer.body.qID}`);
      expect(answer.body.qConnectStatement).toMatch(
        /^CUSTOM CONNECT TO "provider=QvWebConnectorPackage.exe;sourceType=File_AmazonS3Connector;.*region=eu-west-1;.*separateCredentials=true;"$/,
      );
      expect(answer.text).not.toContain(secretKey);
      expect(answer.text).not.toContain(s3Properties.accessKey);
    });

    it('A2: finds the credential by name and answers exactly the documented members', async () => {
      const answer = await alice.api.get('/api/v1/data-credentials/serviceAccount123?byCredentialName=true');
      expect(answer.status).toBe(200);
      expect(Object.keys(answer.body).toSorted().join(' ')).toBe(
        'connectionId created datasourceID links qConnCount qID qName qSeparated qType updated',
      );
      expect(answer.body).toMatchObject({
        connectionId: '',
        datasourceID: 'File_AmazonS3Connector',
        qConnCount: 1,
        qName: 'serviceAccount123',
        qSeparated: 1,
        qType: 'QvWebStorageProviderConnectorPackage.exe',
        links: { self: { href: `${server.url}/v1/data-credentials/${answer.body.qID}` } },
      });
    });

    it('A3: reuses a credential for another bucket', async () => {
      const credential = await alice.api.get(
        '/api/v1/data-credentials/serviceAccount123?byCredentialName=true',
      );
      const answer = await create(alice, 'A3', {
        ...{ accessKey: undefined, secretKey: undefined, region: 'us-west-2', bucketName: 'other-bucket' },
        ...{ separateCredentials: 'true', selectedCredentials: credential.body.qID },
      });
      expect(answer.status).toBe(201);
      expect(answer.body.qCredentialsID).toBe(credential.body.qID);
      const again = await alice.api.get('/api/v1/data-credentials/serviceAccount123?byCredentialName=true');
      expect(again.body.qConnCount).toBe(2);
    });

    it('A4: deletes an embedded credential with its connection, but not a separated one', async () => {
      const embedded = await create(alice, 'A4 embedded');
      const credentialId = embedded.body.qCredentialsID;
      expect((await alice.api.get(`/api/v1/data-credentials/${credentialId}`)).body.connectionId).toBe(
        embedded.body.qID,
      );
      expect((await alice.api.delete(`/api/v1/data-connections/${embedded.body.qID}`)).status).toBe(204);
      expect((await alice.api.get(`/api/v1/data-credentials/${credentialId}`)).status).toBe(404);

      for (const name of ['A1', 'A3']) {
        const path = `/api/v1/data-connections/${name}?type=connectionname&spaceId=${spaceId}`;
        expect((await alice.api.delete(path)).status).toBe(204);
      }
      const orphans = await alice.api.post('/api/v1/data-credentials/actions/filter-orphan', {
        qSeparated: 1,
      });
      expect(orphans.body.count).toBe(1);
      expect(orphans.body.data[0]).toMatchObject({ qName: 'serviceAccount123', user: alice.id });
      expect((await alice.api.delete(`/api/v1/data-credentials/${orphans.body.data[0].qID}`)).status).toBe(
        204,
      );
      expect((await alice.api.post('/api/v1/data-credentials/actions/filter-orphan')).body.count).toBe(0);
    });

    it('accepts any casing of members, aliases, and numbers and booleans as text', async () => {
      const answer = await alice.api.post('/api/v1/data-connections', {
        DATASOURCEID: 'postgres',
        connectionName: 'spellings',
        SpaceId: spaceId,
        qUsername: null,
        unknownMember: { anything: true },
        ConnectionProperties: {
          HOST: 'db.example.com',
          Port: '6543',
          db: 'sales',
          username: 'u',
          password: 'p',
          SeparateCredentials: 'false',
        },
      });
      expect(answer.status).toBe(201);
      const read = await alice.api.get(
        `/api/v1/data-connections/${answer.body.qID}?parseConnection=TRUE`.replace('TRUE', 'true'),
      );
      expect(read.body.connectionProperties).toMatchObject({
        host: 'db.example.com',
        port: 6543,
        db: 'sales',
      });
      expect(read.body.connectionProperties).not.toHaveProperty('password');
      expect(read.body.connectionProperties).not.toHaveProperty('username');
    });

    it('keeps the id that the client chose', async () => {
      const qID = 'B0000000-0000-4000-8000-00000000000a';
      const answer = await create(alice, 'chosen id', {}, { qID, qEngineObjectID: qID });
      expect(answer.body.qID).toBe(qID.toLowerCase());
      expect((await create(alice, 'chosen id twice', {}, { qID })).status).toBe(409);
    });
  });

  describe('400', () => {
    it.each([
      ['an unknown property', { bucketNam: 'x' }, /connectionProperties\.bucketNam: is not a property/],
      ['a wrong type', { region: { a: 1 } }, /connectionProperties\.region/],
      ['a missing secret', { secretKey: null }, /connectionProperties\.secretKey: is required/],
    ])('D01: names %s', async (_what, properties, detail) => {
      const answer = await create(alice, 'never', properties);
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0]).toMatchObject({
        code: 'DCERROR-0010',
        title: 'Bad or invalid request',
        status: 400,
      });
      expect(answer.body.errors.map((error: { detail: string }) => error.detail).join()).toMatch(detail);
      expect(answer.body.traceId).toBeTruthy();
    });

    it('refuses two aliases with different values', async () => {
      const answer = await create(alice, 'never', {}, { spaceId: 'somewhere-else' });
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0].detail).toMatch(/space/);
    });

    it('refuses a lookup by an id that is not a UUID', async () => {
      expect((await alice.api.get('/api/v1/data-connections/not-an-id')).status).toBe(400);
    });

    it('refuses both a chosen credential and new secrets', async () => {
      const choice = { separateCredentials: true, selectedCredentials: unknownId };
      const answer = await create(alice, 'never', choice);
      expect(answer.status).toBe(400);
    });

    it('a refused create stores nothing', async () => {
      const all = await alice.api.get('/api/v1/data-connections');
      expect(all.body.data.filter((connection: { qName: string }) => connection.qName === 'never')).toEqual(
        [],
      );
    });
  });

  describe('409', () => {
    it('R05: one of 50 parallel creates of the same name succeeds', async () => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => create(alice, 'only one')));
      expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
      expect(answers.filter((answer) => answer.status === 409)).toHaveLength(49);
    });

    it('W26: treats names that are equal after normalization as equal', async () => {
      expect((await create(alice, 'Caf\u00e9')).status).toBe(201);
      expect((await create(alice, 'Cafe\u0301')).status).toBe(409);
      expect((await create(alice, ' Caf\u00e9 ')).status).toBe(400);
    });

    it('allows the same name in another space', async () => {
      const answer = await create(alice, 'only one', {}, { space: '' });
      expect(answer.status).toBe(201);
      expect(answer.body).not.toHaveProperty('space');
    });
  });

  describe('list', () => {
    it('pages forwards and backwards without gaps or repeats while rows are added and deleted', async () => {
      const person = await addUser(server.url, server.adminKey, 'pager');
      for (let index = 0; index < 25; index += 1) {
        await person.api.post('/api/v1/data-connections', {
          dataSourceId: 'File_AmazonS3Connector',
          qName: `page ${String(index).padStart(2, '0')}`,
          connectionProperties: s3Properties,
        });
      }
      const seen: string[] = [];
      let answer = await person.api.get('/api/v1/data-connections?limit=10&sort=%2BqName');
      const first = answer;
      for (;;) {
        seen.push(...answer.body.data.map((connection: { qName: string }) => connection.qName));
        if (seen.length === 10) {
          // Delete a row that was shown, and add one before the position.
          await person.api.delete('/api/v1/data-connections/page%2005?type=connectionname');
          await create(person, 'page 000', {}, { space: '' });
        }
        if (!answer.body.links.next) break;
        answer = await person.api.get(answer.body.links.next.href);
      }
      expect(seen).toEqual(
        Array.from({ length: 25 }, (_, index) => `page ${String(index).padStart(2, '0')}`),
      );
      const second = await person.api.get(first.body.links.next.href);
      const back = await person.api.get(second.body.links.prev.href);
      expect(back.body.data.at(-1).qName).toBe('page 09');
      expect((await person.api.get('/api/v1/data-connections?sort=-qName&limit=1')).body.data[0].qName).toBe(
        'page 24',
      );
      expect(
        (await person.api.get('/api/v1/data-connections?sort=%20qName&limit=1')).body.data[0].qName,
      ).toBe('page 00');
    });

    it('renames data by dataName and refuses an empty one', async () => {
      const answer = await admin.get('/api/v1/data-connections/?dataName=rows');
      expect(answer.body).toHaveProperty('rows');
      expect(answer.body).not.toHaveProperty('data');
      expect((await admin.get('/api/v1/data-connections?dataName=')).status).toBe(400);
      expect((await admin.get('/api/v1/data-connections?limit=0')).status).toBe(400);
      expect((await admin.get('/api/v1/data-connections?page=nonsense')).status).toBe(400);
    });
  });

  it('V15: no GET answers a secret, to the owner, a member or an administrator', async () => {
    const all = await admin.get('/api/v1/data-connections');
    for (const person of [admin, alice.api, bob.api]) {
      for (const connection of all.body.data) {
        for (const path of ['', '?parseConnection=true&extended=true']) {
          const answer = await person.get(`/api/v1/data-connections/${connection.qID}${path}`);
          expect(answer.text).not.toContain(secretKey);
        }
        expect(
          (await person.get(`/api/v1/dcaas/actions/data-connections/${connection.qID}`)).text,
        ).not.toContain(secretKey);
      }
      expect((await person.get('/api/v1/data-credentials')).text).not.toContain(secretKey);
    }
    expect(server.logText()).not.toContain(secretKey);
  });
});
