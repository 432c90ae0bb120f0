import { withDefaults } from '@mooring/connectors/kit/properties';
import { manifests } from '@mooring/connectors/registry';
import { harnesses } from '@mooring/connectors/suite/harnesses';
import { createServiceAccount } from '@mooring/lab/bigquery/service-account';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const at = '/api/v1/data-connections';
const password = 'canary-set-properties-4b1e';

let server: TestServer;
let api: ApiClient;

beforeAll(async () => {
  server = await startServer();
  api = (await addUser(server.url, server.adminKey, 'alice')).api;
});
afterAll(() => server.close());

describe('QL10: unset properties are neither in the statement nor in the properties', () => {
  const login = { username: 'reporting', password };
  const keys = { accessKey: 'AKIA-canary-of-ql10', secretKey: password };
  const key = JSON.stringify(createServiceAccount('http://127.0.0.1:9', 'project').key);
  type SetSource = [source: string, set: Record<string, unknown>, login: Record<string, unknown>];
  const few: SetSource[] = [
    ['postgres', { host: 'db.example.com', db: 'sales' }, login],
    ['mysql', { host: 'db.example.com', database: 'sales' }, login],
    ['mariadb', { host: 'db.example.com', database: 'sales' }, login],
    ['clickhouse', { host: 'db.example.com' }, login],
    ['github', {}, { token: password }],
    ['File_FileTransferConnector', { host: 'sftp.example.com' }, login],
    ['rest', { url: 'https://api.example.com/v1' }, {}],
    ['File_AmazonS3Connector', {}, keys],
    ['File_AmazonS3ConnectorV2', { bucketName: 'reports' }, keys],
    ['gbq', {}, { KeyFilePath: [{ name: 'key.json', value: key }] }],
  ];
  const place = { host: 'db.example.com', port: 1, url: 'https://api.example.com' };
  /** All others, as their harnesses fill them in. */
  const sources = [
    ...few,
    ...harnesses
      .filter(([id]) => few.every(([source]) => source !== id))
      .map(([id, harness]): SetSource => {
        const { definition, credential } = harness.destinations({
          here: place,
          there: place,
          certificate: '',
        });
        const manifest = manifests.find((one) => one.id === id);
        const defaults = manifest ? withDefaults(manifest, {}) : {};
        const set = Object.keys(manifest?.properties.shape ?? {})
          .filter((name) => name in definition && definition[name] !== defaults[name])
          .map((name) => [name, definition[name]]);
        return [id, Object.fromEntries(set), credential];
      }),
  ];
  const keysOf = (statement: string) =>
    [...statement.matchAll(/(?<=[";])(\w+)=/g)]
      .map(([, name]) => name)
      .filter((name) => !/^(?:provider|driver|sourceType)$/.test(name ?? ''));
  /** What every path answers about a connection. */
  const shown = async (qID: string) => {
    const [one, newer, dcaas] = await Promise.all(
      [`${at}/${qID}?parseConnection=true`, `/api/connectivity/data-connections/${qID}`]
        .concat(`/api/v1/dcaas/actions/data-connections/${qID}`)
        .map(async (path) => (await api.get(path)).body),
    );
    expect(dcaas.connectionProperties).toEqual(one.connectionProperties);
    const listed = (await api.get(at)).body.data.find((found: { qID: string }) => found.qID === qID);
    const endpoint = await api.post('/api/connectivity/data-sources/endpoints/actions/filter', {
      connectionId: qID,
    });
    expect(endpoint.body.connection.connectionString).toBe(one.qConnectStatement);
    const statements = [one, newer, listed].map(({ qConnectStatement }) => keysOf(qConnectStatement));
    return [one.connectionProperties, ...statements];
  };
  const only = (set: Record<string, unknown>) => [set, ...Array.from({ length: 3 }, () => Object.keys(set))];

  it('covers every data source', () => {
    expect(sources.map(([source]) => source).toSorted()).toEqual(manifests.map(({ id }) => id).toSorted());
  });

  it.each(sources)('%s: created, copied, PUT and PATCHed', async (datasourceID, set, secrets) => {
    const connectionProperties = { ...set, ...secrets };
    const made = await api.post(at, { datasourceID, qName: `set ${datasourceID}`, connectionProperties });
    expect(made.status, made.text).toBe(201);
    const { qID, qName, qType, qConnectStatement } = made.body;
    expect(await shown(qID)).toEqual(only(set));
    const copy = await api.post(`${at}/actions/duplicate`, { id: qID });
    expect(copy.body.qConnectStatement, copy.text).toBe(qConnectStatement);
    expect(await shown(copy.body.qID)).toEqual(only(set));
    const destination = async () => (await api.get(`${at}/${qID}/credential`)).body.destination;
    const before = await destination();
    const whole = { qID, qEngineObjectID: qID, qType, qConnectStatement };
    const changes = [
      await api.put(`${at}/${qID}`, { ...whole, qName: `put ${datasourceID}` }),
      await api.patch(`${at}/${qID}`, [{ op: 'replace', path: '/qName', value: qName }]),
      await api.patch(`${at}/${qID}`, [
        { op: 'replace', path: '/qConnectStatement', value: qConnectStatement },
      ]),
    ];
    expect(changes.map(({ status, text }) => `${status}${text}`)).toEqual(['204', '204', '204']);
    expect(await shown(qID)).toEqual(only(set));
    expect(await destination()).toBe(before);
    // As 0.1.0 left it: the whole definition, with a former default, and without the names.
    await server.sql(`update connection set set_names = null,
      properties = replace(properties, '"region"', '"storeSseHeader":false,"region"') where id = '${qID}'`);
    expect(await shown(qID)).toEqual(only(set));
  });

  it('Q: properties that tune other drivers are accepted as numbers and stored as text', async () => {
    const set = { host: 'db.example.com', db: 'sales', FetchTSWTZasTimestamp: true, MaxVarcharSize: 262_144 };
    const made = await api.post(at, {
      ...{ datasourceID: 'postgres', qName: 'tuned', connectionProperties: { ...set, ...login } },
    });
    expect(made.status, made.text).toBe(201);
    const texts = { ...set, FetchTSWTZasTimestamp: 'true', MaxVarcharSize: '262144' };
    expect(await shown(made.body.qID)).toEqual(only(texts));
  });

  it('shows a property that was set to its default, until it is removed', async () => {
    const set = { url: 'https://api.example.com/v1', method: 'GET', timeout: 30, queryParameters: [] };
    const made = await api.post('/api/v1/dcaas/actions/data-connections', {
      ...{ dataSourceId: 'rest', connectionName: 'set as by default', connectionProperties: set },
    });
    const { connectionId } = made.body;
    expect(await shown(connectionId)).toEqual(only(set));
    const patch = (op: string, path: string, value?: unknown) =>
      api.patch(`${at}/${connectionId}`, [{ op, path: `/connectionProperties/${path}`, value }]);
    const parameter = { name: 'a', value: 'b' };
    for (const answer of [
      await patch('remove', 'timeout'),
      await patch('remove', 'method'),
      await patch('remove', 'queryParameters'),
      await patch('add', 'queryParameters/0', parameter),
      await patch('add', 'queryHeaders/-', { name: 'X-A', value: 'b' }),
    ])
      expect(answer.status, answer.text).toBe(204);
    expect((await patch('remove', 'timeout')).status).toBe(400);
    const { url } = set;
    const left = { url, queryParameters: [parameter], queryHeaders: [{ name: 'X-A', value: 'b' }] };
    expect(await shown(connectionId)).toEqual(only(left));
    // Without a login there is no credential that could be sent again.
    expect((await patch('replace', 'url', 'https://api.example.com/v2')).status).toBe(204);
    expect((await api.get(`${at}/${connectionId}/credential`)).body.state).toBe('ready');
    const withLogin = await patch('replace', 'authSchema', 'basic');
    expect(withLogin.body.errors[0].detail).toMatch(/must be sent with this change/);
  });
});

it('QL1: a PUT without certificates keeps them, and sends no credential elsewhere', async () => {
  const rootCertificates = [{ name: 'ca.pem', value: 'of a private authority' }];
  const connectionProperties = {
    ...{ url: 'https://api.example.com/v1', serverCertificateValidation: 'Custom', rootCertificates },
    ...{ authSchema: 'basic', username: 'reporting', password },
  };
  for (const separated of [{}, { separateCredentials: true, credentialsName: 'behind certificates' }]) {
    const made = await api.post(at, {
      ...{ datasourceID: 'rest', qName: `certificates ${Object.keys(separated).length}` },
      connectionProperties: { ...connectionProperties, ...separated },
    });
    expect(made.status, made.text).toBe(201);
    const { qID, qName, qType, qCredentialsID } = made.body;
    const listed = (await api.get(at)).body.data.find((one: { qID: string }) => one.qID === qID);
    expect(listed.qConnectStatement).not.toContain('private authority');
    const put = (qConnectStatement: string, more: object = {}) =>
      api.put(`${at}/${qID}`, { qID, qEngineObjectID: qID, qName, qType, qConnectStatement, ...more });
    const state = async () => (await api.get(`${at}/${qID}/credential`)).body.state;
    const trusted = async () =>
      (await api.get(`${at}/${qID}?parseConnection=true`)).body.connectionProperties.rootCertificates;
    const timed = listed.qConnectStatement.replace('url=', 'timeout=20;url=');
    expect((await put(timed)).status).toBe(204);
    expect([await state(), await trusted()]).toEqual(['ready', rootCertificates]);
    const elsewhere = timed.replace('api.example.com', 'evil.example.com');
    // Sending back what was read is not a choice of a credential.
    const moved = await put(elsewhere, 'credentialsName' in separated ? { qCredentialsID } : {});
    expect(moved.status, moved.text).toBe('credentialsName' in separated ? 204 : 400);
    expect(await state()).toBe('credentialsName' in separated ? 'needs_confirmation' : 'ready');
    expect(await trusted()).toEqual(rootCertificates);
  }
});
