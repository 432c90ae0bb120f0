import type { ClientConfig } from 'pg';
import type { Secret } from '../../interface/secret.js';
import { type ClientCertificate, certificateOptions } from '../../kit/client-certificate.js';
import { tlsDemands, tlsOptions } from '../../kit/tls.js';
import type { SqlEndpoint } from '../sql/properties.js';
import type { PostgresOptions } from './wire.js';

/** How sessions appear in `pg_stat_activity`. */
const APPLICATION_NAME = 'mooring';

function sslOf({ sslmode, rootCertificates, enableMutualSSL, ...login }: PostgresInput): ClientConfig['ssl'] {
  const demands = tlsDemands(sslmode, rootCertificates);
  if (!demands) return false;
  return { ...tlsOptions(demands), ...(enableMutualSSL ? certificateOptions(login) : {}) };
}

export interface PostgresInput extends SqlEndpoint, ClientCertificate {
  database: string;
  username: string;
  /** Absent: the certificate is all that the server asks for. */
  password?: Secret<string> | undefined;
}

/** Pure. The password is a function, because for a falsy password `pg` looks into PGPASSWORD and `~/.pgpass`. */
export function postgresOptions(input: PostgresInput): PostgresOptions {
  const { host, port, database, username, password } = input;
  const client = {
    host,
    port,
    user: username,
    database,
    password: () => password?.reveal() ?? '',
    ssl: sslOf(input),
    sslnegotiation: 'postgres' as const,
    application_name: APPLICATION_NAME,
    client_encoding: 'UTF8',
    keepAlive: true,
    // The caller's signal is the only deadline.
    connectionTimeoutMillis: 0,
  };
  return { client, startup: { user: username, database, application_name: APPLICATION_NAME } };
}
