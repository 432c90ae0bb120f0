import { createServiceAccount } from '@mooring/lab/bigquery/service-account';
import { createCertificateAuthority } from '@mooring/lab/certificate-authority';
import { clientCertificateFile, privateKeyFile } from '@mooring/lab/client-certificate-file';
import type { DcaasConnectionCreate } from '@qlik/api/data-connections';

// Bodies as Qlik publishes them for our sources: names, value formats and defaults of its drivers. Hosts
// and secrets are made up; keys and certificates are real ones.

/** Qlik's type, with what its `unknown` holds. */
type Example = DcaasConnectionCreate & { connectionProperties: Record<string, unknown> };

const account = createServiceAccount('http://127.0.0.1:9', 'project');
const Email = account.key.client_email;
const url = 'https://api.example.com/v1/items';
const login = { username: 'u', password: 'canary-published-password' };
const s3 = {
  ...{ accessKey: 'AKIA-canary-published', secretKey: 'canary-published-secret' },
  ...{ region: 'us-east-1', bucketName: 'bucket' },
};

export const jsonKey = (name = 'credentials.json') => [{ name, value: JSON.stringify(account.key) }];

function mutualTls() {
  const authority = createCertificateAuthority();
  const pair = authority.issue(['client.example.com']);
  return {
    ...{ url, serverCertificateValidation: 'Custom' },
    rootCertificates: [{ name: 'root.pem', value: authority.ca }],
    enableMutualSSL: 'true',
    mutualPfxCertificateFiles: [
      { name: 'client.pfx', value: clientCertificateFile(pair, 'canary-pfx-pass') },
    ],
    ...{ mutualPfxCertificateKey: 'canary-pfx-pass', allowWithConnection: 'false' },
  };
}

const tuningOfBigQuery = {
  ...{ SupportOldClient: 'false', Catalog_Old: '', Min_TLS: '1.2', SQLDialect: '1' },
  ...{ RowsFetchedPerBlock: '16384', DefaultStringColumnLength: '65535', AllowLargeResults: '0' },
  ...{ EnableHTAPI: '0', HTAPI_MinResultsSize: '1000', HTAPI_MinActivationRatio: '3' },
  ...{ allowNonSelectQueries: 'false', QueryTimeout: '30', Timeout: '300', useBulkReader: 'true' },
  ...{ bulkFetchSize: '50', rowBatchSize: '1', bulkFetchColumnMode: 'true', maxStringLength: '4096' },
  logSQLStatements: 'false',
};

const bodies: Readonly<Record<string, Omit<Example, 'qName'>>> = {
  'rest-anonymous': { datasourceID: 'rest', connectionProperties: { url, authSchema: 'anonymous' } },
  // By the operator's permission: DECISIONS 9.
  'rest-basic-any-certificate': {
    datasourceID: 'rest',
    connectionProperties: { url, authSchema: 'basic', ...login, serverCertificateValidation: 'None' },
  },
  'rest-encrypted-header': {
    datasourceID: 'rest',
    connectionProperties: {
      url,
      queryParameters: [{ name: 'a', value: 'b' }],
      queryHeaders: [{ name: 'Authorization', value: 'Bearer canary-published-header', encrypt: true }],
    },
  },
  'rest-offset': {
    datasourceID: 'rest',
    connectionProperties: {
      ...{ url, PaginationType: 'Offset', OffsetStartField: 'start', IsOffsetStartFieldHeader: 'false' },
      ...{ OffsetStartFieldValue: '0', OffsetCountFieldName: 'count', IsOffsetCountFieldHeader: 'false' },
      ...{ OffsetCountValue: '100', OffsetTotalPath: 'root/Total', OffsetDataPath: 'root/data' },
    },
  },
  'rest-next-url': {
    datasourceID: 'rest',
    connectionProperties: { url, PaginationType: 'NextUrl', NextUrlFieldPath: '@odata.nextLink' },
  },
  'rest-mutual-tls': { datasourceID: 'rest', connectionProperties: mutualTls() },
  's3-v2': {
    datasourceID: 'File_AmazonS3ConnectorV2',
    connectionProperties: { ...s3, storeSseHeader: 'AES256' },
  },
  's3-v1-separated': {
    datasourceID: 'File_AmazonS3Connector',
    connectionProperties: { ...s3, separateCredentials: 'true', credentialsName: 'serviceAccount123' },
  },
  'gbq-p12': {
    datasourceID: 'gbq',
    connectionProperties: {
      ...{ OAuthMechanism: '0', Catalog: 'project', Email, P12CustomPwd: 'notasecret' },
      KeyFilePath: [
        {
          name: 'credentials.p12',
          value: privateKeyFile(account.key.private_key, 'notasecret', ['-legacy']),
        },
      ],
    },
  },
  'gbq-tuned': {
    datasourceID: 'gbq',
    connectionProperties: {
      ...{ OAuthMechanism: '0', Catalog: 'project', Email, KeyFilePath: jsonKey(), ...tuningOfBigQuery },
    },
  },
  'postgres-tuned': {
    datasourceID: 'postgres',
    connectionProperties: {
      ...{ host: 'db.example.com', port: '5432', db: 'sales', ...login },
      ...{ FetchTSWTZasTimestamp: '1', MaxVarcharSize: '262144' },
    },
  },
  mysql: {
    datasourceID: 'mysql',
    connectionProperties: { host: 'db.example.com', port: '3306', database: 'sales', ...login },
  },
};

/** @param door part of each name, where several tests share a space */
export const publishedExamples = (door: string): [name: string, body: Example][] =>
  Object.entries(bodies).map(([name, body]) => {
    const { credentialsName, ...properties } = body.connectionProperties;
    return [
      name,
      {
        ...body,
        qName: `${name} by ${door}`,
        connectionProperties: {
          ...properties,
          ...(credentialsName === undefined ? {} : { credentialsName: `${String(credentialsName)} ${door}` }),
        },
      },
    ];
  });

export const exampleNames = Object.keys(bodies);
