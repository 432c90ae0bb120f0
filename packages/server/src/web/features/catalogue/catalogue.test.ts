import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

interface Listed {
  dataSourceId: string;
  disabled: boolean;
}

describe('data-sources', () => {
  let server: TestServer;
  let admin: ApiClient;
  let alice: TestUser;
  let connectionId: string;

  const settings = (id: string) => `/api/v1/data-sources/${id}/settings`;
  const create = (person: TestUser, qName: string, dataSourceId = 'mysql') =>
    person.api.post('/api/v1/data-connections', {
      dataSourceId,
      qName,
      connectionProperties: { host: 'localhost', username: 'u', password: 'canary-pw-17', db: undefined },
    });
  const listed = async (api: ApiClient, query = ''): Promise<Listed[]> =>
    (await api.get(`/api/v1/data-sources${query}`)).body.dataSources;

  beforeAll(async () => {
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
    alice = await addUser(server.url, server.adminKey, 'alice');
    connectionId = (await create(alice, 'before')).body.qID;
  });
  afterAll(() => server.close());

  it('200: lists connector nodes with detail, and the definition of QRIs', async () => {
    const plain = await alice.api.get('/api/v1/data-sources/');
    expect(plain.body).not.toHaveProperty('connectorNodes');
    const detailed = await alice.api.get(
      '/api/v1/data-sources?detail=true&includeui=true&dataSourceId=mysql',
    );
    expect(detailed.body.connectorNodes).toEqual([
      {
        url: server.url,
        contractType: 0,
        providerName: 'Qlik® ODBC Connector Package',
        dataSourcesUpdated: true,
        state: 'READY',
        cachedDataSources: ['mysql'],
      },
    ]);
    expect(detailed.body.dataSources[0]).toMatchObject({
      dataSourceId: 'mysql',
      disabled: false,
      uiInfo: { iconSquareUrl: expect.stringMatching(/^http/) },
      qriDefinition: {
        qriPrefix: 'qri:db:mysql://',
        connectionPart: { template: '{host}/{port}/{database}', properties: ['host', 'port', 'database'] },
        pathPart: { prefix: '#', properties: ['database', 'schema', 'table'] },
      },
    });
    const last = await alice.api.get('/api/v1/data-sources?dataSourceId=rest&dataSourceId=gbq');
    expect(last.body.dataSources.map((source: Listed) => source.dataSourceId)).toEqual(['gbq']);
  });

  it('200, 404: has no gateways for known sources, and knows no others', async () => {
    const answer = await alice.api.get('/api/v1/data-sources/postgres/gateways?forceRefresh=true');
    expect(answer.body).toEqual({ gateways: [], refreshedAt: expect.stringMatching(/Z$/) });
    const unknown = await alice.api.get('/api/v1/data-sources/DG_postgres/gateways');
    expect([unknown.status, unknown.body.errors[0].code]).toEqual([404, 'DCAAS-2001']);
  });

  it('QL11: api-specs list the allowed values, and name a text as one', async () => {
    const specsOf = async (id: string) =>
      (await alice.api.get(`/api/v1/data-sources/${id}/api-specs`)).body.connectionProperties.properties;
    expect((await specsOf('File_AmazonS3ConnectorV2')).region).toMatchObject({
      ...{ type: 'string', default: 'us-east-1' },
      enum: expect.arrayContaining(['us-east-1', 'eu-central-1']),
    });
    const { sslmode, MaxVarcharSize } = await specsOf('postgres');
    expect(sslmode.enum).toEqual(['disable', 'require', 'verify-ca', 'verify-full']);
    expect([MaxVarcharSize.type, MaxVarcharSize.anyOf]).toEqual(['string', undefined]);
    expect((await specsOf('rest')).authSchema).toMatchObject({ type: 'string', default: 'anonymous' });
    expect((await specsOf('gbq')).OAuthMechanism.enum).toEqual(['0', '1']);
  });

  describe('settings', () => {
    it('403: are for tenant administrators', async () => {
      expect((await alice.api.get(settings('mysql'))).status).toBe(403);
      expect((await alice.api.put(settings('mysql'), { disabled: true })).status).toBe(403);
      const analytics = await addUser(server.url, server.adminKey, 'ana', ['AnalyticsAdmin', 'DataAdmin']);
      expect((await analytics.api.put(settings('mysql'), { disabled: true })).status).toBe(403);
      expect((await admin.get(settings('mysql'))).body).toEqual({ disabled: false });
    });

    it('400, 404: need `disabled`, and an existing source', async () => {
      expect((await admin.put(settings('mysql'), {})).body.errors[0].detail).toBe('disabled: is required');
      expect((await admin.put(settings('mysql'), { disabled: 'maybe' })).status).toBe(400);
      expect((await admin.put(settings('nosuch'), { disabled: true })).status).toBe(404);
      expect((await admin.get(settings('nosuch'))).body.errors[0].code).toBe('DCAAS-2001');
    });

    it('hide a disabled source and its connections, refuse their use, and lose nothing', async () => {
      expect((await admin.put(settings('MySQL'), { disabled: 'true' })).body).toEqual({ disabled: true });
      expect((await listed(alice.api)).map((source) => source.dataSourceId)).not.toContain('mysql');
      const everything = await listed(alice.api, '?includeDisabled=true');
      expect(everything.find((source) => source.dataSourceId === 'mysql')?.disabled).toBe(true);
      expect((await alice.api.get('/api/v1/data-sources?dataSourceId=mysql')).status).toBe(404);
      expect((await listed(alice.api, '?dataSourceId=mysql&includeDisabled=true'))[0]?.disabled).toBe(true);

      const connections = (query: string) => alice.api.get(`/api/v1/data-connections${query}`);
      expect((await connections('')).body.data).toEqual([]);
      expect((await connections('?limit=5')).body).toMatchObject({ data: [], meta: { count: 0 } });
      const shown = await connections('?limit=5&includeDisabled=true');
      expect(shown.body).toMatchObject({ data: [{ qID: connectionId }], meta: { count: 1 } });
      expect((await connections(`/${connectionId}`)).status).toBe(200);

      const refused = [
        await create(alice, 'after'),
        await alice.api.post(`/api/v1/data-connections/${connectionId}/actions/test`),
        await alice.api.post(`/api/v1/data-connections/${connectionId}/actions/read`, { query: 'select 1' }),
        await alice.api.post('/api/v1/data-connections/actions/test', {
          datasourceID: 'mysql',
          connectionProperties: {},
        }),
        await alice.api.post('/api/v1/data-connections/actions/duplicate', { id: connectionId }),
        await alice.api.post('/api/v1/data-credentials', {
          datasourceID: 'mysql',
          qName: 'n',
          connectionProperties: {},
        }),
        await alice.api.get('/api/v1/data-sources/mysql/api-specs'),
        await alice.api.post('/api/connectivity/data-sources/endpoints/actions/filter', { connectionId }),
      ];
      expect(refused.map((answer) => [answer.status, answer.body.errors[0].code])).toEqual(
        refused.map(() => [404, 'DCAAS-2001']),
      );

      expect((await admin.get(settings('mysql'))).body).toEqual({ disabled: true });
      expect((await admin.put(settings('mysql'), { disabled: false })).body).toEqual({ disabled: false });
      expect((await connections('')).body.data).toHaveLength(1);
      const read = await connections(`/${connectionId}`);
      expect(read.body.qCredentialsID).toMatch(/^[0-9a-f-]{36}$/);
      expect((await create(alice, 'after')).status).toBe(201);
    });
  });

  it('401: need a key', async () => {
    const anonymous = apiClient(server.url, undefined);
    for (const path of ['', '/mysql/settings', '/mysql/gateways'])
      expect((await anonymous.get(`/api/v1/data-sources${path}`)).status).toBe(401);
    expect((await anonymous.put(settings('mysql'), { disabled: true })).status).toBe(401);
  });
});
