import type { ClientConfig } from 'pg';
import type { PostgresOptions } from '../../families/postgres/wire.js';
import { type SqlEndpoint, sqlEndpointSchema, sqlLoginSchema } from '../../families/sql/properties.js';
import type { ConnectorInput } from '../../interface/connector.js';
import { ConnectorError } from '../../interface/errors.js';
import { tlsDemands } from '../../kit/tls.js';

/** How sessions appear in `pg_stat_activity`. */
const APPLICATION_NAME = 'mooring';

function tlsOptions(endpoint: SqlEndpoint): ClientConfig['ssl'] {
  const demands = tlsDemands(endpoint.sslmode, endpoint.rootCertificates);
  if (!demands) return false;
  const { verifyIdentity, ...options } = demands;
  return verifyIdentity ? options : { ...options, checkServerIdentity: () => undefined };
}

/**
 * Pure. The password is a function, because for a falsy password `pg` looks into PGPASSWORD and `~/.pgpass`.
 * @throws ConnectorError `invalid_config` when a property is missing or malformed.
 */
export function toPostgresOptions(input: ConnectorInput): PostgresOptions {
  const endpoint = sqlEndpointSchema.safeParse(input.properties);
  const login = sqlLoginSchema.safeParse(input.login.fields);
  const database = input.properties['db'];
  if (!endpoint.success || !login.success || typeof database !== 'string' || database === '') {
    throw new ConnectorError('invalid_config', 'Host, port, db, username and password are required.');
  }
  const { username, password } = login.data;
  const client = {
    host: endpoint.data.host,
    port: endpoint.data.port,
    user: username,
    database,
    password: () => password.reveal(),
    ssl: tlsOptions(endpoint.data),
    sslnegotiation: 'postgres' as const,
    application_name: APPLICATION_NAME,
    client_encoding: 'UTF8',
    keepAlive: true,
    // The caller's signal is the only deadline.
    connectionTimeoutMillis: 0,
  };
  return { client, startup: { user: username, database, application_name: APPLICATION_NAME } };
}
