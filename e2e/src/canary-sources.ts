import { generateKeyPairSync } from 'node:crypto';
import { createCertificateAuthority } from '@mooring/lab/certificate-authority';
import { clientCertificateFile } from '@mooring/lab/client-certificate-file';
import { full } from '@mooring/lab/test-tier';
import { awkward, type CanaryLab, plain, sftpFile } from './canary-lab.js';

// Every source with valid secrets, and with rejected ones, some of which the source echoes.

/** Properties of one source, and what is read from it. */
export interface SourceUse {
  name: string;
  datasourceID: string;
  properties: Record<string, unknown>;
  /** Of preview and read. */
  target: { path: string[] } | { query: string };
}

const s3Ids = ['File_AmazonS3Connector', 'File_AmazonS3ConnectorV2'] as const;
const files = { path: ['public', 'orders.csv'] };
const bigQueryOrders = { path: ['sales', 'orders'] };

const bucketOf = ({ s3 }: CanaryLab) => ({ endpoint: s3.url, region: s3.region, bucketName: 'mooring-lab' });
const machineOf = ({ tokenUrl, authorizationServer }: CanaryLab) => ({
  authSchema: 'oauth2ClientCredentials',
  tokenUrl,
  ...authorizationServer.machineClient,
});

function restUse(name: string, url: string, properties: object): SourceUse {
  return { name, datasourceID: 'rest', properties: { url, ...properties }, target: { path: [] } };
}

const privateKey = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
    format: 'pem',
    type: 'pkcs8',
  }) as string;

interface DatabaseLogin {
  name: string;
  port: number;
  password: string;
}

function postgresUse({ postgres }: CanaryLab, { name, port, password }: DatabaseLogin): SourceUse {
  const properties = {
    host: '127.0.0.1',
    port,
    db: postgres.database,
    sslmode: 'disable',
    username: 'alice',
    password,
  };
  const target = { query: 'select * from sales.orders' };
  return { name: `PostgreSQL ${name}`, datasourceID: 'postgres', properties, target };
}

function mysqlUse(
  { mariadb }: CanaryLab,
  { name, port, password }: DatabaseLogin,
  datasourceID = 'mysql',
): SourceUse {
  const { database } = mariadb;
  const properties = { host: '127.0.0.1', port, database, sslmode: 'disable', username: 'alice', password };
  return {
    name: `${datasourceID} ${name}`,
    datasourceID,
    properties,
    target: { query: 'select * from orders' },
  };
}

function bigQueryUse(lab: CanaryLab, name: string, more: object = {}): SourceUse {
  const { projectId, serviceAccountKey } = lab.bigquery;
  const KeyFilePath = [{ name: 'key.json', value: JSON.stringify(serviceAccountKey) }];
  const properties = { Catalog: projectId, KeyFilePath, ...more };
  return { name: `BigQuery ${name}`, datasourceID: 'gbq', properties, target: bigQueryOrders };
}

function clickHouseUse({ clickhouse }: CanaryLab, name: string, more: object = {}): SourceUse {
  const { host, plainPort, admin } = clickhouse;
  const properties = {
    ...{ host, port: plainPort, secure: false, database: 'sales' },
    ...{ username: admin.user, password: admin.password },
    ...more,
  };
  return {
    name: `ClickHouse ${name}`,
    datasourceID: 'clickhouse',
    properties,
    target: { path: ['sales', 'all_orders'] },
  };
}

function sftpUse({ ssh }: CanaryLab, name: string, login: object): SourceUse {
  const { host, port, hostKeys, alice } = ssh;
  const properties = {
    ...{ host, sftpPort: port, publicKeyFingerprint: hostKeys.ed25519.sha256, username: alice.user },
    ...login,
  };
  return {
    name: `SFTP ${name}`,
    datasourceID: 'File_FileTransferConnector',
    properties,
    target: { path: [sftpFile] },
  };
}

function tunnelledUse(lab: CanaryLab, name: string, login: object): SourceUse {
  const { host, port, hostKeys, alice } = lab.ssh;
  const { postgres } = lab;
  const direct = postgresUse(lab, {
    ...{ name: `tunnel ${name}`, port: postgres.port, password: postgres.roles.alice.password },
  });
  const tunnel = {
    ...{ tunnelHost: host, tunnelPort: port, tunnelPublicKeyFingerprint: hostKeys.ed25519.sha256 },
    ...{ tunnelUsername: alice.user, ...login },
  };
  return { ...direct, properties: { ...direct.properties, ...tunnel } };
}

const keyFile = (value: string) => ({ privateKey: [{ name: 'id', value }] });

function githubUse({ github }: CanaryLab, name: string, given: object): SourceUse {
  const properties = { url: github.url, clientId: 'c', clientSecret: awkward('client'), ...given };
  return { name: `GitHub ${name}`, datasourceID: 'github', properties, target: { path: ['repositories'] } };
}

/** Sources that work with the secrets they are given. */
export function workingSources(lab: CanaryLab): SourceUse[] {
  const { s3, postgres, mariadb, rest } = lab;
  const at = (path: string) => `${rest.url}${path}`;
  const { header, value } = rest.apiKey;
  return [
    ...s3Ids.map((datasourceID): SourceUse => {
      const properties = { ...bucketOf(lab), ...s3.accounts.analyst };
      return { name: datasourceID, datasourceID, properties, target: files };
    }),
    postgresUse(lab, { name: 'right', port: postgres.port, password: postgres.roles.alice.password }),
    ...['mariadb', 'mysql'].map((id) =>
      mysqlUse(lab, { name: 'right', port: mariadb.port, password: mariadb.roles.alice.password }, id),
    ),
    restUse('REST basic', at('/basic/items'), { authSchema: 'basic', ...rest.basic }),
    restUse('REST bearer', at('/bearer/items'), { authSchema: 'bearer', bearerToken: rest.bearer }),
    restUse('REST key', at('/key/items'), { authSchema: 'apiKey', apiKeyHeader: header, apiKey: value }),
    restUse('REST header', at('/bearer/items'), {
      queryHeaders: [{ name: 'Authorization', value: `Bearer ${rest.bearer}`, encrypt: true }],
    }),
    restUse('REST machine', at('/oauth/items'), machineOf(lab)),
    bigQueryUse(lab, 'service account'),
    githubUse(lab, 'token', { token: lab.github.tokens.member }),
    sftpUse(lab, 'password', { password: lab.ssh.alice.password }),
    sftpUse(lab, 'key', keyFile(lab.ssh.alice.key.privateKey)),
    tunnelledUse(lab, 'password', { tunnelPassword: lab.ssh.alice.password }),
    tunnelledUse(lab, 'sealed key', {
      tunnelPrivateKey: keyFile(lab.sealedKey.privateKey).privateKey,
      tunnelPrivateKeyPassphrase: lab.sealedKey.passphrase,
    }),
    sftpUse(lab, 'sealed key', {
      ...keyFile(lab.sealedKey.privateKey),
      privateKeyPassphrase: lab.sealedKey.passphrase,
    }),
  ];
}

function failingFiles(lab: CanaryLab): SourceUse[] {
  const keys = () => ({
    accessKey: plain('access'),
    secretKey: awkward('secret'),
    sessionToken: plain('session'),
  });
  const telling = { endpoint: lab.tellingHttp.url, bucketName: 'leaks' };
  return s3Ids.flatMap((datasourceID): SourceUse[] => [
    {
      name: `${datasourceID} wrong`,
      datasourceID,
      properties: { ...bucketOf(lab), ...keys() },
      target: files,
    },
    { name: `${datasourceID} telling`, datasourceID, properties: { ...telling, ...keys() }, target: files },
  ]);
}

/** Every status with every sign-in (quick tier: alternating sign-ins), with the secret in all parts of the answer. */
function tellingRest({ tellingHttp }: CanaryLab): SourceUse[] {
  return [302, 400, 401, 403, 404, 429, 500, 503].flatMap((status, row) => {
    const url = `${tellingHttp.url}/${status === 401 ? 'html' : 'json'}/${status}`;
    const use = (signIn: string, properties: object) => restUse(`REST ${status} ${signIn}`, url, properties);
    return [
      use('basic', { authSchema: 'basic', username: 'reporter', password: awkward('basic') }),
      use('key', { authSchema: 'apiKey', apiKeyHeader: 'X-Api-Key', apiKey: plain('key') }),
      use('bearer', { authSchema: 'bearer', bearerToken: plain('bearer') }),
      use('header', { queryHeaders: [{ name: 'X-Secret', value: plain('header'), encrypt: true }] }),
    ].filter((_, column) => (row + column) % full(1, 4) === 0);
  });
}

/** Sources that reject the secrets, some of which echo them. */
export function failingSources(lab: CanaryLab): SourceUse[] {
  const { postgres, mariadb, rest, tellingHttp, repeated } = lab;
  const machine = machineOf(lab);
  const certificatePassword = awkward('pfx');
  const certificate = {
    enableMutualSSL: true,
    mutualPfxCertificateFiles: [
      {
        name: 'me.pfx',
        value: clientCertificateFile(createCertificateAuthority().issue(['me']), certificatePassword),
      },
    ],
    mutualPfxCertificateKey: certificatePassword,
  };
  const wrong = awkward('wrong');
  const items = `${rest.url}/oauth/items`;
  return [
    ...failingFiles(lab),
    postgresUse(lab, { name: 'wrong', port: postgres.port, password: awkward('wrong') }),
    postgresUse(lab, { name: 'telling', port: lab.tellingPostgres.port, password: repeated }),
    postgresUse(lab, { name: 'closed', port: 9, password: awkward('closed') }),
    mysqlUse(lab, { name: 'wrong', port: mariadb.port, password: awkward('wrong') }),
    mysqlUse(lab, { name: 'telling', port: lab.tellingMysql.port, password: repeated }),
    restUse('REST wrong', `${rest.url}/basic/items`, {
      authSchema: 'basic',
      username: 'me',
      password: wrong,
    }),
    restUse('REST certificate', `${rest.url.replace('http:', 'https:')}/anonymous/items`, certificate),
    restUse('REST machine wrong', items, { ...machine, clientSecret: awkward('wrong') }),
    restUse('REST machine key', items, {
      ...{
        authSchema: 'oauth2ClientCredentials',
        tokenUrl: `${tellingHttp.url}/json/400`,
        clientId: 'machine',
      },
      ...{ clientAuthentication: 'private_key_jwt', clientPrivateKey: privateKey() },
    }),
    restUse('REST service account', items, {
      ...{ authSchema: 'oauth2JwtBearer', tokenUrl: `${tellingHttp.url}/json/400` },
      ...{ assertionIssuer: 'robot', assertionPrivateKey: privateKey() },
    }),
    restUse('REST provider telling', items, { ...machine, tokenUrl: `${tellingHttp.url}/json/400` }),
    restUse('REST provider page', items, { ...machine, tokenUrl: `${tellingHttp.url}/html/500` }),
    ...tellingRest(lab),
    tunnelledUse(lab, 'wrong', { tunnelPassword: awkward('wrong') }),
    sftpUse(lab, 'wrong', { password: awkward('wrong') }),
    clickHouseUse(lab, 'wrong', { password: awkward('wrong') }),
    clickHouseUse(lab, 'telling', { port: lab.tellingHttp.port, password: awkward('telling') }),
    sftpUse(lab, 'closed', { sftpPort: 9, password: awkward('closed') }),
    bigQueryUse(lab, 'of another', { Email: 'someone@else.example' }),
    githubUse(lab, 'wrong', { token: plain('wrong') }),
    githubUse(lab, 'telling', { url: `${tellingHttp.url}/json/403`, token: plain('told') }),
  ];
}
