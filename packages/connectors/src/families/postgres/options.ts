import type { ClientConfig } from 'pg';
import type { Secret } from '../../interface/secret.js';
import { tlsDemands, tlsOptions } from '../../kit/tls.js';
import type { SqlEndpoint } from '../sql/properties.js';
import type { PostgresOptions } from './wire.js';

/** How sessions appear in `pg_stat_activity`. */
const APPLICATION_NAME = 'mooring';

function sslOf({ sslmode, rootCertificates }: SqlEndpoint): ClientConfig['ssl'] {
  const demands = tlsDemands(sslmode, rootCertificates);
  return demands ? tlsOptions(demands) : false;
}

export interface PostgresInput extends SqlEndpoint {
  database: string;
  username: string;
  password: Secret<string>;
}

/** Pure. The password is a function, because for a falsy password `pg` looks into PGPASSWORD and `~/.pgpass`. */
export function postgresOptions({
  database,
  username,
  password,
  ...endpoint
}: PostgresInput): PostgresOptions {
  const client = {
    host: endpoint.host,
    port: endpoint.port,
    user: username,
    database,
    password: () => password.reveal(),
    ssl: sslOf(endpoint),
    sslnegotiation: 'postgres' as const,
    application_name: APPLICATION_NAME,
    client_encoding: 'UTF8',
    keepAlive: true,
    // The caller's signal is the only deadline.
    connectionTimeoutMillis: 0,
  };
  return { client, startup: { user: username, database, application_name: APPLICATION_NAME } };
}
