import type { CallInput } from '@mooring/contract/client';
import { createConnection } from '@mooring/contract/routes/data-connections';
import { createSpace } from '@mooring/contract/routes/spaces';
import type { LabPostgres } from '@mooring/lab/postgres';
import type { LabS3 } from '@mooring/lab/s3';
import type { MooringProcess } from './mooring-process.js';

type ConnectionBody = NonNullable<CallInput<typeof createConnection>['body']>;

/** Body that creates a PostgreSQL connection with a separated login; without TLS, as on the bare side. */
export function postgresConnection(
  name: string,
  login: { user: string; password: string },
  server: { host: string; port: number; database: string },
): ConnectionBody {
  return {
    datasourceID: 'postgres',
    qName: name,
    connectionProperties: {
      host: server.host,
      port: server.port,
      db: server.database,
      sslmode: 'disable',
      separateCredentials: true,
      credentialsName: name,
      username: login.user,
      password: login.password,
    },
  };
}

/** Body that creates a connection to a JSON API behind HTTP Basic, with a separated login. */
export function restConnection(
  name: string,
  login: { username: string; password: string },
  url: string,
): ConnectionBody {
  return {
    datasourceID: 'rest',
    qName: name,
    connectionProperties: {
      ...{ url, authSchema: 'basic', separateCredentials: true, credentialsName: name },
      ...login,
    },
  };
}

async function create(mooring: MooringProcess, body: ConnectionBody): Promise<string> {
  const created = await mooring.api.call(createConnection, { body });
  if (!('qID' in created)) throw new Error('a sign-in was begun instead of a connection');
  return created.qID;
}

/** @returns id of a connection to the lab's PostgreSQL. */
export function connectPostgres(
  mooring: MooringProcess,
  postgres: LabPostgres,
  name = 'Lab database',
): Promise<string> {
  return create(mooring, postgresConnection(name, postgres.roles.reader, postgres));
}

/** @returns id of a connection to the lab's S3. */
export function connectS3(mooring: MooringProcess, s3: LabS3): Promise<string> {
  return create(mooring, {
    datasourceID: 'File_AmazonS3ConnectorV2',
    qName: 'Lab files',
    connectionProperties: {
      endpoint: s3.url,
      region: s3.region,
      bucketName: 'mooring-lab',
      ...s3.accounts.analyst,
    },
  });
}

/** @returns id of a connection in a shared space whose source is never contacted. */
export async function connectInSpace(mooring: MooringProcess): Promise<string> {
  const space = await mooring.api.call(createSpace, { body: { name: 'Bench', type: 'shared' } });
  const login = { user: 'reader', password: 'not a real password' };
  const server = { host: '127.0.0.1', port: 5432, database: 'lab' };
  const body = postgresConnection('In a space', login, server);
  return create(mooring, { ...body, space: space.id });
}
