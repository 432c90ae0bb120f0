import type { ConnectionOptions } from 'mysql2';
import { tlsDemands } from '../../kit/tls.js';
import type { SqlEndpoint } from '../sql/properties.js';
import { signedNonce } from './ed25519.js';
import type { MySqlInput } from './properties.js';
import type { MySqlOptions } from './wire.js';

function tlsOptions({ sslmode, rootCertificates }: SqlEndpoint): Pick<ConnectionOptions, 'ssl'> {
  const demands = tlsDemands(sslmode, rootCertificates);
  if (!demands) return {};
  const { ca, rejectUnauthorized = true, verifyIdentity } = demands;
  return { ssl: { rejectUnauthorized, verifyIdentity, minVersion: 'TLSv1.2', ...(ca ? { ca } : {}) } };
}

/** Pure. */
export const mySqlOptions = ({ properties, login }: MySqlInput): MySqlOptions => ({
  host: properties.host,
  port: properties.port,
  user: login.fields.username,
  password: login.fields.password,
  ...(properties.database === undefined ? {} : { database: properties.database }),
  ...tlsOptions(properties),
  charset: 'UTF8MB4_GENERAL_CI',
  // Rules out local files and multiple statements, and reveals nothing about this machine.
  flags: ['-LOCAL_FILES', '-CONNECT_ATTRS'],
  multipleStatements: false,
  enableCleartextPlugin: false,
  // Asked for by MariaDB; the driver has only MySQL's own.
  authPlugins: { client_ed25519: () => (nonce) => signedNonce(nonce, login.fields.password) },
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
