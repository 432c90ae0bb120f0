import type { ConnectionOptions } from 'mysql2';
import type { Secret } from '../../interface/secret.js';
import { tlsDemands } from '../../kit/tls.js';
import type { SqlEndpoint } from '../sql/properties.js';
import type { MySqlOptions } from './wire.js';

function tlsOptions({ sslmode, rootCertificates }: SqlEndpoint): Pick<ConnectionOptions, 'ssl'> {
  const demands = tlsDemands(sslmode, rootCertificates);
  if (!demands) return {};
  const { ca, rejectUnauthorized = true, verifyIdentity } = demands;
  return { ssl: { rejectUnauthorized, verifyIdentity, minVersion: 'TLSv1.2', ...(ca ? { ca } : {}) } };
}

export interface MySqlInput extends SqlEndpoint {
  database?: string | undefined;
  username: string;
  password: Secret<string>;
}

/** Pure. */
export const mySqlOptions = ({ database, username, password, ...endpoint }: MySqlInput): MySqlOptions => ({
  host: endpoint.host,
  port: endpoint.port,
  user: username,
  password,
  ...(database === undefined ? {} : { database }),
  ...tlsOptions(endpoint),
  charset: 'UTF8MB4_GENERAL_CI',
  // Rules out local files and multiple statements, and reveals nothing about this machine.
  flags: ['-LOCAL_FILES', '-CONNECT_ATTRS'],
  multipleStatements: false,
  enableCleartextPlugin: false,
  namedPlaceholders: false,
  compress: false,
  // The caller's signal is the only deadline.
  connectTimeout: 0,
  trace: false,
  // The raw values that data-types.ts converts.
  rowsAsArray: true,
  timezone: 'Z',
  dateStrings: true,
  supportBigNumbers: true,
  bigNumberStrings: true,
  jsonStrings: true,
});
