// What an update of a connection means for its credentials: one table for all sources, which the tests walk and
// docs/reference/destinations.md shows. CASES rule 2.

import { createServiceAccount } from '@mooring/lab/bigquery/service-account';

/**
 * `confirm`: another destination: every user confirms, and an embedded credential is sent again in the same request.
 * `keep`: harmless. `refuse`: not a property of this data source; nothing is changed.
 */
export type Meaning = 'confirm' | 'keep' | 'refuse';

export interface Edit {
  what: string;
  path: string;
  value: unknown;
  meaning: Meaning;
  /** What an embedded credential needs at the new destination, where that is not the same again. */
  again?: Readonly<Record<string, unknown>> | 'a sign-in';
}

export interface SourceCase {
  datasourceID: string;
  definition: Readonly<Record<string, unknown>>;
  credential: Readonly<Record<string, unknown>>;
  edits: readonly Edit[];
}

const edit = (what: string, meaning: Meaning, name: string, value: unknown): Edit => ({
  what,
  path: `/connectionProperties/${name}`,
  value,
  meaning,
});
const serviceAccount = createServiceAccount('http://127.0.0.1:9', 'project-one');
const noAuthType = edit('auth type', 'refuse', 'authSchema', 'basic');
const everywhere: readonly Edit[] = [
  { what: 'rename', path: '/qName', value: 'renamed', meaning: 'keep' },
  { what: 'tags', path: '/tags', value: ['a', 'b'], meaning: 'keep' },
  edit('proxy', 'refuse', 'proxy', 'http://127.0.0.1:9'),
];

/** Addresses of two listeners: one that the credential is for, and one that it must never reach. */
export interface Places {
  here: { host: string; port: number; url: string };
  there: { host: string; port: number; url: string };
}

type Certificates = readonly { name: string; value: string }[];

const restCase = ({ here, there }: Places, certificates: Certificates): SourceCase => ({
  datasourceID: 'rest',
  definition: { url: `${here.url}/items`, authSchema: 'basic' },
  credential: { username: 'somebody', password: 'canary-matrix' },
  edits: [
    ...everywhere,
    edit('host', 'confirm', 'url', `http://localhost:${here.port}/items`),
    edit('port', 'confirm', 'url', `${there.url}/items`),
    edit('path of the URL', 'confirm', 'url', `${here.url}/other`),
    edit('query of the URL', 'keep', 'url', `${here.url}/items?page=2`),
    edit('query parameter', 'keep', 'queryParameters', [{ name: 'page', value: '2' }]),
    edit('next page where the answer says', 'confirm', 'PaginationType', 'NextUrl'),
    edit('field with the next page', 'confirm', 'NextUrlFieldPath', 'items.0.homepage'),
    edit('page size', 'keep', 'OffsetPageSize', 50),
    edit('TLS lowered', 'confirm', 'url', `${here.url.replace('http:', 'https:')}/items`),
    edit('validation changed', 'confirm', 'serverCertificateValidation', 'Custom'),
    edit('CA replaced', 'confirm', 'rootCertificates', certificates),
    edit('token URL', 'confirm', 'tokenUrl', `${there.url}/token`),
    edit('OAuth provider', 'confirm', 'oauthProvider', 'dropbox'),
    {
      ...edit('auth type', 'confirm', 'authSchema', 'bearer'),
      again: { bearerToken: 'canary-matrix' },
    },
    edit('method', 'confirm', 'method', 'POST'),
    edit('headers', 'confirm', 'queryHeaders', [{ name: 'x-one', value: '1' }]),
    edit('region', 'refuse', 'region', 'eu-west-1'),
  ],
});

const gbqCase = ({ there }: Places, certificates: Certificates): SourceCase => ({
  datasourceID: 'gbq',
  definition: { OAuthMechanism: '0', Catalog: 'project-one' },
  credential: { KeyFilePath: [{ name: 'key.json', value: JSON.stringify(serviceAccount.key) }] },
  edits: [
    ...everywhere,
    { ...edit('auth type', 'confirm', 'OAuthMechanism', '1'), again: 'a sign-in' },
    edit('project', 'keep', 'Catalog', 'project-two'),
    edit('region', 'keep', 'Location', 'EU'),
    edit('host', 'refuse', 'host', 'localhost'),
    edit('port', 'refuse', 'port', 1),
    edit('token URL', 'refuse', 'tokenUrl', there.url),
    edit('CA replaced', 'refuse', 'rootCertificates', certificates),
  ],
});

export function destinationCases(places: Places, certificate: string): SourceCase[] {
  const { here, there } = places;
  const certificates = [{ name: 'ca.pem', value: certificate }];
  const sql = (datasourceID: string, definition: object): SourceCase => ({
    datasourceID,
    definition: { host: here.host, port: here.port, sslmode: 'verify-ca', ...definition },
    credential: { username: 'somebody', password: 'canary-matrix' },
    edits: [
      ...everywhere,
      edit('host', 'confirm', 'host', 'localhost'),
      edit('port', 'confirm', 'port', there.port),
      edit('TLS lowered', 'confirm', 'sslmode', 'disable'),
      edit('CA replaced', 'confirm', 'rootCertificates', certificates),
      edit('region', 'refuse', 'region', 'eu-west-1'),
      edit('token URL', 'refuse', 'tokenUrl', there.url),
      noAuthType,
    ],
  });
  const s3 = (datasourceID: string): SourceCase => ({
    datasourceID,
    definition: { endpoint: here.url, region: 'us-east-1', bucketName: 'one', pathStyle: true },
    credential: { accessKey: 'AKIAEXAMPLE', secretKey: 'canary-matrix' },
    edits: [
      ...everywhere,
      edit('host', 'confirm', 'endpoint', `http://localhost:${here.port}`),
      edit('port', 'confirm', 'endpoint', there.url),
      edit('path of the endpoint', 'keep', 'endpoint', `${here.url}/`),
      edit('TLS lowered', 'confirm', 'endpoint', here.url.replace('http:', 'https:')),
      edit('CA replaced', 'confirm', 'rootCertificates', certificates),
      edit('region', 'keep', 'region', 'eu-central-1'),
      edit('bucket', 'keep', 'bucketName', 'two'),
      noAuthType,
      edit('token URL', 'refuse', 'tokenUrl', there.url),
    ],
  });
  const sftp: SourceCase = {
    datasourceID: 'File_FileTransferConnector',
    definition: { host: here.host, sftpPort: here.port, publicKeyFingerprint: `SHA256:${'A'.repeat(43)}` },
    credential: { username: 'somebody', password: 'canary-matrix' },
    edits: [
      ...everywhere,
      edit('host', 'confirm', 'host', 'localhost'),
      edit('port', 'confirm', 'sftpPort', there.port),
      edit('host key', 'confirm', 'publicKeyFingerprint', `SHA256:${'B'.repeat(43)}`),
      edit('type of host key', 'keep', 'publicKeyAlgorithm', 'ED25519'),
      edit('folder', 'keep', 'folder', '/srv'),
      edit('CA replaced', 'refuse', 'rootCertificates', certificates),
      edit('region', 'refuse', 'region', 'eu-west-1'),
      edit('token URL', 'refuse', 'tokenUrl', there.url),
      noAuthType,
    ],
  };
  const clickhouse: SourceCase = {
    datasourceID: 'clickhouse',
    definition: { host: here.host, port: here.port, database: 'one' },
    credential: { username: 'somebody', password: 'canary-matrix' },
    edits: [
      ...everywhere,
      edit('host', 'confirm', 'host', 'localhost'),
      edit('port', 'confirm', 'port', there.port),
      edit('TLS lowered', 'confirm', 'secure', false),
      edit('CA replaced', 'confirm', 'rootCertificates', certificates),
      edit('region', 'refuse', 'region', 'eu-west-1'),
      edit('token URL', 'refuse', 'tokenUrl', there.url),
      noAuthType,
    ],
  };
  const tunnelKey = (letter: string) => `SHA256:${letter.repeat(43)}`;
  const throughTunnel = (one: SourceCase): SourceCase => ({
    ...one,
    definition: {
      ...one.definition,
      ...{ tunnelHost: here.host, tunnelPort: here.port, tunnelPublicKeyFingerprint: tunnelKey('A') },
    },
    credential: { ...one.credential, tunnelUsername: 'somebody', tunnelPassword: 'canary-tunnel' },
    edits: [
      ...one.edits,
      edit('host of the tunnel', 'confirm', 'tunnelHost', 'localhost'),
      edit('port of the tunnel', 'confirm', 'tunnelPort', there.port),
      edit('host key of the tunnel', 'confirm', 'tunnelPublicKeyFingerprint', tunnelKey('B')),
      edit('type of host key of the tunnel', 'keep', 'tunnelPublicKeyAlgorithm', 'ED25519'),
    ],
  });
  return [
    clickhouse,
    throughTunnel(sql('postgres', { db: 'one' })),
    sql('mariadb', { database: 'one' }),
    sql('mysql', { database: 'one' }),
    s3('File_AmazonS3ConnectorV2'),
    s3('File_AmazonS3Connector'),
    sftp,
    restCase(places, certificates),
    gbqCase(places, certificates),
  ];
}
