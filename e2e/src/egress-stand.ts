import { metaOf } from '@mooring/connectors/kit/properties';
import { manifests } from '@mooring/connectors/registry';
import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type LabBigQuery, startBigQuery } from '@mooring/lab/bigquery';
import { type Canary, startCanary } from '@mooring/lab/canary';
import { type LabGithub, startGithub } from '@mooring/lab/github';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { type LabRestApi, startRestApi } from '@mooring/lab/rest-api';
import { type LabS3, startS3 } from '@mooring/lab/s3';
import { type Answer, type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { type MooringProcess, startMooring } from './mooring-process.js';

// Mooring that may reach only the lab's ports on loopback, next to a listener that it must never
// reach, whatever its input.

/** A data source with properties that work under this policy. */
export interface AllowedSource {
  datasourceID: string;
  properties: Readonly<Record<string, unknown>>;
  /** Body of a read. */
  path: readonly string[];
  /** Nothing listens there: only the destination matters. */
  isClosed?: true;
}

export interface EgressStand {
  mooring: MooringProcess;
  api: ApiClient;
  authorizationServer: LabAuthorizationServer;
  rest: LabRestApi;
  bigquery: LabBigQuery;
  github: LabGithub;
  s3: LabS3;
  postgres: LabPostgres;
  /** On 127.0.0.1. */
  canary: Canary;
  /** On the same port of every loopback address that this machine has. */
  connections(): number;
  sources: AllowedSource[];
  close(): Promise<void>;
}

/** `host` and `url` properties of the manifests, by source. */
export function dialledProperties(datasourceID: string): Map<string, 'host' | 'url'> {
  const manifest = manifests.find(({ id }) => id === datasourceID);
  if (!manifest) throw new Error(`Unknown source ${datasourceID}`);
  const found = new Map<string, 'host' | 'url'>();
  for (const name of Object.keys(manifest.properties.shape)) {
    const { dials } = metaOf(manifest, name);
    if (dials) found.set(name, dials);
  }
  return found;
}

async function startCanaries(): Promise<Canary[]> {
  const first = await startCanary();
  const others = ['127.0.0.2', '::1'].map((host) => startCanary({ host, port: first.port }));
  const started = await Promise.allSettled(others);
  // A machine without IPv6 has no ::1.
  return [first, ...started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))];
}

/** Environment variables that could redirect the traffic of a library. */
function misleading({ url, host, port }: Canary): Record<string, string> {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3'];
  const google = ['BIGQUERY_EMULATOR_HOST', 'STORAGE_EMULATOR_HOST', 'GCE_METADATA_HOST'];
  return {
    ...Object.fromEntries(names.flatMap((name) => [name, name.toLowerCase()]).map((name) => [name, url])),
    ...Object.fromEntries(google.map((name) => [name, `${host}:${port}`])),
    AWS_CONTAINER_CREDENTIALS_FULL_URI: url,
    NO_PROXY: '',
    PGHOST: host,
    PGPORT: String(port),
  };
}

/** Allowed, but without a listener. */
const closedPort = 9;

const portOf = (url: string) => Number(new URL(url).port);

type Lab = Pick<EgressStand, 'rest' | 'bigquery' | 'github' | 's3' | 'postgres' | 'canary'>;

function sourcesOf({ rest, bigquery, github, s3, postgres, canary }: Lab): AllowedSource[] {
  const { user, password } = postgres.roles.alice;
  const sql = { host: '127.0.0.1', port: postgres.port, username: user, password, sslmode: 'disable' };
  const bucket = { endpoint: s3.url, bucketName: 'mooring-lab', ...s3.accounts.analyst };
  const keyFile = { ...bigquery.serviceAccountKey, token_uri: canary.url, auth_uri: canary.url };
  const file = ['public', 'orders.csv'];
  const table = ['sales', 'orders'];
  const KeyFilePath = [{ name: 'key.json', value: JSON.stringify(keyFile) }];
  return [
    { datasourceID: 'File_AmazonS3Connector', properties: bucket, path: file },
    { datasourceID: 'File_AmazonS3ConnectorV2', properties: bucket, path: file },
    {
      datasourceID: 'File_FileTransferConnector',
      properties: {
        ...{ host: '127.0.0.1', sftpPort: closedPort, username: user, password },
        publicKeyFingerprint: `SHA256:${'A'.repeat(43)}`,
      },
      path: file,
      isClosed: true,
    },
    {
      datasourceID: 'clickhouse',
      properties: { host: '127.0.0.1', port: closedPort, secure: false, username: user, password },
      path: table,
      isClosed: true,
    },
    { datasourceID: 'gbq', properties: { Catalog: bigquery.projectId, KeyFilePath }, path: table },
    { datasourceID: 'mariadb', properties: { ...sql, port: closedPort }, path: table, isClosed: true },
    { datasourceID: 'mysql', properties: { ...sql, port: closedPort }, path: table, isClosed: true },
    {
      datasourceID: 'postgres',
      properties: {
        ...{ ...sql, db: postgres.database },
        // For a tunnel, if one is set.
        ...{ tunnelUsername: 'somebody', tunnelPassword: password },
      },
      path: table,
    },
    {
      datasourceID: 'github',
      properties: { url: github.url, token: github.tokens.member },
      path: ['repositories'],
    },
    {
      datasourceID: 'rest',
      properties: { url: `${rest.url}/basic/items`, authSchema: 'basic', ...rest.basic },
      path: [],
    },
  ];
}

export async function startEgressStand(): Promise<EgressStand> {
  const authorizationServer = await startAuthorizationServer();
  const { verifyAccessToken, client } = authorizationServer;
  const { issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint } = authorizationServer;
  const rest = await startRestApi({ verifyAccessToken });
  const bigquery = await startBigQuery({ verifyAccessToken, rowsInBig: 10 });
  const github = await startGithub();
  const s3 = await startS3();
  const postgres = await startPostgres({ rowsInBig: 10 });
  const canaries = await startCanaries();
  const [canary] = canaries as [Canary];
  const ports = [authorizationServer, rest, bigquery, github, s3].map(({ url }) => portOf(url));
  const open = [...ports, postgres.port, closedPort];
  const mooring = await startMooring({
    configuration: {
      egress: { loopback: 'deny', allow: open.map((port) => `127.0.0.1:${port}`) },
      limits: { testSeconds: 8, idleSeconds: 2 },
      oauth: {
        clients: { google: { ...client, issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint } },
      },
      sources: { gbq: { apiEndpoint: bigquery.url, tokenEndpoint: `${bigquery.url}/token` } },
    },
    environment: misleading(canary),
  });
  return {
    ...{ mooring, authorizationServer, rest, bigquery, github, s3, postgres, canary },
    api: apiClient(mooring.url, mooring.adminKey),
    connections: () => canaries.reduce((sum, one) => sum + one.connections(), 0),
    sources: sourcesOf({ rest, bigquery, github, s3, postgres, canary }),
    async close() {
      await mooring.stop();
      for (const part of [authorizationServer, rest, bigquery, github, s3, postgres, ...canaries])
        await part.close();
    },
  };
}

/** Mooring's answer for every destination that the policy forbids: the same for all. */
export const refusal = {
  code: 'EGRESS-REFUSED',
  title: 'Destination not allowed',
  detail:
    "The server's network policy does not allow this destination. Ask the operator of this server to allow it: MOORING_EGRESS_ALLOW, or egress.allow in the configuration.",
  status: 403,
};

export const isRefusal = ({ status, body }: Answer): boolean =>
  status === 403 && JSON.stringify(body?.errors) === JSON.stringify([refusal]);

/** The stage at which a test ended, and its code. */
export function endOfTest({ body }: Answer): string {
  const last = body?.stages?.at(-1);
  return last ? `${last.name} ${last.ok ? 'ok' : last.code}` : JSON.stringify(body?.errors);
}
