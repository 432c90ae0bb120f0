import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const password = 'canary-statement-pw-5d1c';
const postgres =
  'CUSTOM CONNECT TO "provider=QvOdbcConnectorPackage.exe;driver=postgres;host=db.example.com;port=6543;db=sales;"';

let server: TestServer;
let alice: TestUser;
let bob: TestUser;
let api: ApiClient;

beforeAll(async () => {
  server = await startServer();
  alice = await addUser(server.url, server.adminKey, 'alice');
  bob = await addUser(server.url, server.adminKey, 'bob');
  api = alice.api;
});
afterAll(() => server.close());

describe('POST data-connections by connect statement', () => {
  let count = 0;
  const post = (more: object = {}) => {
    count += 1;
    return api.post('/api/v1/data-connections', {
      datasourceID: 'postgres',
      qName: `by statement ${count}`,
      qType: 'QvOdbcConnectorPackage.exe',
      qConnectStatement: postgres,
      qUsername: 'reporting',
      qPassword: password,
      ...more,
    });
  };

  describe('201', () => {
    it('creates the same connection as the properties, with a credential from qUsername and qPassword', async () => {
      const answer = await post({
        qLogOn: 1,
        qArchitecture: 0,
        qID: '',
        qEngineObjectID: '',
        tags: ['mine'],
      });
      expect(answer.status).toBe(201);
      expect(answer.body).toMatchObject({
        datasourceID: 'postgres',
        qType: 'QvOdbcConnectorPackage.exe',
        qSeparateCredentials: false,
        qLogOn: 1,
        tags: ['mine'],
      });
      expect(answer.text).not.toContain(password);
      const read = await api.get(`/api/v1/data-connections/${answer.body.qID}?parseConnection=true`);
      expect(read.body.connectionProperties).toMatchObject({
        host: 'db.example.com',
        port: 6543,
        db: 'sales',
      });
      expect(read.body.qConnectStatement).toBe(answer.body.qConnectStatement);
      const credential = await api.get(`/api/v1/data-credentials/${answer.body.qCredentialsID}`);
      expect(credential.body).toMatchObject({ qSeparated: 0, connectionId: answer.body.qID });
    });

    it('parses every statement that it wrote to the same target', async () => {
      const first = await post();
      const again = await post({ qConnectStatement: first.body.qConnectStatement });
      expect(again.status).toBe(201);
      expect(again.body.qConnectStatement).toBe(first.body.qConnectStatement);
      expect(again.body.qri).toBe(first.body.qri);
    });

    it('accepts the keys of S3 as user and password, and either provider name', async () => {
      for (const provider of ['QvWebConnectorPackage.exe', 'QvWebStorageProviderConnectorPackage.exe']) {
        const answer = await post({
          datasourceID: 'File_AmazonS3ConnectorV2',
          qType: 'QvWebStorageProviderConnectorPackage.exe',
          qConnectStatement: `CUSTOM CONNECT TO 'provider=${provider}; sourceType=File_AmazonS3ConnectorV2; region=eu-west-1; bucketName=reports'`,
        });
        expect(answer.status).toBe(201);
        expect(answer.body.qConnectStatement).toContain('bucketName=reports;');
      }
    });

    it('creates a separated credential of the given name, and links one by its id', async () => {
      const first = await post({ qSeparateCredentials: true, qCredentialsName: 'named here' });
      expect(first.status).toBe(201);
      expect(first.body).toMatchObject({ qSeparateCredentials: true, qCredentialsName: 'named here' });
      const { qCredentialsID } = first.body;
      const second = await post({ qCredentialsID, qUsername: null, qPassword: null });
      expect(second.status).toBe(201);
      expect(second.body).toMatchObject({ qSeparateCredentials: true, qCredentialsID });
      const none = await post({ qSeparateCredentials: 'true', qUsername: '', qPassword: '' });
      expect(none.body).toMatchObject({ qSeparateCredentials: true });
      expect(none.body).not.toHaveProperty('qCredentialsID');
    });

    it('stores qConnectionSecret as the secret of the connection, if the data source has one', async () => {
      const statement =
        'CUSTOM CONNECT TO "provider=QvRestConnector.exe;url=https://api.example.com/v1;authSchema=oauth2ClientCredentials;tokenUrl=https://login.example.com/token;clientId=abc;"';
      const rest = { datasourceID: 'rest', qType: 'QvRestConnector.exe', qConnectStatement: statement };
      const answer = await post({ ...rest, qConnectionSecret: password, qUsername: null, qPassword: null });
      expect(answer.status).toBe(201);
      expect(answer.text).not.toContain(password);
      expect(JSON.stringify(answer.body)).not.toContain('clientSecret');
      expect(answer.headers.get('mooring-passed-over')).toBeNull();
      // A client that sends the whole connection includes the secret; absent, it stays.
      const { qID, qName, qConnectStatement } = answer.body;
      const whole = { qID, qEngineObjectID: qID, qName, qType: 'QvRestConnector.exe', qConnectStatement };
      const put = (more: object) => api.put(`/api/v1/data-connections/${qID}`, { ...whole, ...more });
      expect((await put({})).status).toBe(204);
      const renewed = await put({ qConnectionSecret: `${password}-renewed` });
      expect([renewed.status, renewed.headers.get('mooring-passed-over')]).toEqual([204, null]);
      const cleared = await put({ qConnectionSecret: '' });
      expect(cleared.body.errors[0].detail).toMatch(/^qConnectionSecret: cannot be removed alone/);
    });

    it('QL11: accepts qConnectionSecret for every data source, and names the secrets that it ignored', async () => {
      const none = await post({ qConnectionSecret: '' });
      expect([none.status, none.headers.get('mooring-passed-over')]).toEqual([201, null]);
      const answer = await post({ qConnectionSecret: password });
      expect(answer.status, answer.text).toBe(201);
      expect(answer.headers.get('mooring-passed-over')).toBe('qConnectionSecret');
      expect(answer.text).not.toContain(password);
      const { qID, qName, qType, qConnectStatement } = answer.body;
      const whole = { qID, qEngineObjectID: qID, qName, qType, qConnectStatement };
      const put = await api.put(`/api/v1/data-connections/${qID}`, {
        ...{ ...whole, qConnectionSecret: password },
      });
      expect([put.status, put.headers.get('mooring-passed-over')]).toEqual([204, 'qConnectionSecret']);
      const byProperties = await post({
        connectionProperties: { host: 'db.example.com', db: 'd', username: 'u', password },
        qConnectionSecret: password,
      });
      expect(byProperties.status, byProperties.text).toBe(201);
      expect(byProperties.headers.get('mooring-passed-over')).toBe('qUsername, qPassword, qConnectionSecret');
    });

    it('Q: accepts a statement that names its data source, without datasourceID and qType', async () => {
      const alone = { datasourceID: undefined, qType: undefined };
      expect((await post(alone)).body).toMatchObject({ datasourceID: 'postgres' });
      const s3 = await post({
        ...alone,
        qConnectStatement:
          'CUSTOM CONNECT TO "provider=QvWebConnectorPackage.exe;sourceType=File_AmazonS3ConnectorV2;region=eu-west-1;"',
      });
      expect(s3.body).toMatchObject({ datasourceID: 'File_AmazonS3ConnectorV2' });
      const rest = await post({
        ...{ ...alone, qUsername: null, qPassword: null },
        qConnectStatement: 'CUSTOM CONNECT TO "provider=qvrestconnector.EXE;url=https://api.example.com/v1;"',
      });
      expect(rest.body).toMatchObject({ datasourceID: 'rest' });
    });
  });

  describe('400', () => {
    it.each([
      ['no statement and no properties', { qConnectStatement: null }, /^connectionProperties: is required/],
      ['a qType of another source', { qType: 'QvRestConnector.exe' }, /^qType: must be QvOdbc/],
      [
        'neither datasourceID nor a source in the statement',
        { datasourceID: null, qConnectStatement: postgres.replace('driver=postgres;', '') },
        /^datasourceID: is required: the connect statement does not name its data source/,
      ],
      [
        'properties without datasourceID',
        { datasourceID: null, connectionProperties: {} },
        /^datasourceID: is required/,
      ],
      [
        'a secret in the statement',
        { qConnectStatement: postgres.replace('"', `"password=${password};`) },
        /^qConnectStatement: must not contain the secret password/,
      ],
      [
        'another source in the statement',
        { qConnectStatement: postgres.replace('=postgres', '=mysql') },
        /^qConnectStatement: names a different data source/,
      ],
      [
        'an unknown property in the statement',
        { qConnectStatement: postgres.replace('db=sales', 'db=sales;useBulkReader=true') },
        /^connectionProperties\.useBulkReader: is not a property/,
      ],
      [
        'a wrong value in the statement',
        { qConnectStatement: postgres.replace('6543', 'many') },
        /^connectionProperties\.port/,
      ],
      [
        'a statement that says otherwise about separation',
        {
          qConnectStatement: postgres.replace('db=', 'separateCredentials=true;db='),
          qSeparateCredentials: false,
        },
        /^qConnectStatement: contradicts the rest of the request about separateCredentials/,
      ],
      [
        'an embedded connection with a credential of its own',
        { qSeparateCredentials: false, qCredentialsID: '00000000-0000-4000-8000-000000000000' },
        /^qCredentialsID: needs qSeparateCredentials/,
      ],
      ['no password', { qPassword: null }, /password: is required/],
      ['an unknown kind of log-on', { qLogOn: '7' }, /^qLogOn/],
    ])('names %s, repeats no secret and creates nothing', async (_what, more, detail) => {
      const before = (await api.get('/api/v1/data-connections?limit=1')).body.meta.count;
      const answer = await post(more);
      expect(answer.status).toBe(400);
      expect(answer.body.errors.map((error: { detail: string }) => error.detail).join('\n')).toMatch(detail);
      expect(answer.text).not.toContain(password);
      expect((await api.get('/api/v1/data-connections?limit=1')).body.meta.count).toBe(before);
    });
  });

  it('401, 404: needs a key, and answers 404 for unknown credentials and data sources', async () => {
    const anonymous = apiClient(server.url, undefined);
    expect((await anonymous.post('/api/v1/data-connections', { qConnectStatement: postgres })).status).toBe(
      401,
    );
    const unknown = '00000000-0000-4000-8000-000000000000';
    expect((await post({ qCredentialsID: unknown, qUsername: null, qPassword: null })).status).toBe(404);
    expect((await post({ datasourceID: 'nosuch' })).body.errors[0].code).toBe('DCAAS-2001');
  });
});

describe('GET data-connections/{qID} with credentialId', () => {
  it('shows the connection with that credential of the caller, by id or name; 404 for other users’ credentials', async () => {
    const make = (person: TestUser, qName: string, more: object) =>
      person.api.post('/api/v1/data-connections', {
        datasourceID: 'postgres',
        qName,
        connectionProperties: { host: 'h.example.com', db: 'd', username: 'u', password, ...more },
      });
    const separated = (name: string) => ({ separateCredentials: true, credentialsName: name });
    const { qID, qCredentialsID } = (await make(alice, 'one', separated('first'))).body;
    const second = (await make(alice, 'two', separated('second'))).body.qCredentialsID;
    const foreign = (await make(bob, 'his', separated('his'))).body.qCredentialsID;
    const embedded = (await make(alice, 'embedded', {})).body;
    const get = (id: string, query: string) => alice.api.get(`/api/v1/data-connections/${id}?${query}`);

    expect((await get(qID, '')).body.qCredentialsID).toBe(qCredentialsID);
    expect((await get(qID, `credentialId=${second}`)).body.qCredentialsID).toBe(second);
    const byName = await get(qID, 'credentialId=second&byCredentialName=true');
    expect(byName.body).toMatchObject({ qCredentialsID: second, qCredentialsName: 'second' });
    const own = await get(embedded.qID, `credentialId=${embedded.qCredentialsID}`);
    expect(own.body.qCredentialsID).toBe(embedded.qCredentialsID);
    expect((await get(qID, '')).body.qCredentialsID).toBe(qCredentialsID);

    const unknown = await get(qID, 'credentialId=00000000-0000-4000-8000-000000000000');
    expect(unknown.status).toBe(404);
    for (const query of [`credentialId=${foreign}`, 'credentialId=his&byCredentialName=true']) {
      const answer = await get(qID, query);
      expect({ ...answer.body, traceId: '' }).toEqual({ ...unknown.body, traceId: '' });
    }
    expect((await get(embedded.qID, `credentialId=${second}`)).status).toBe(404);
  });
});
