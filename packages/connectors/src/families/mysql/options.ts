import type { ConnectionOptions } from 'mysql2';
import { ConnectorError } from '../../interface/errors.js';
import { Secret } from '../../interface/secret.js';
import { type ClientCertificate, certificateOptions } from '../../kit/client-certificate.js';
import { tlsDemands } from '../../kit/tls.js';
import type { SqlEndpoint } from '../sql/properties.js';
import { signedNonce } from './ed25519.js';
import type { MySqlInput } from './properties.js';
import type { MySqlOptions } from './wire.js';

type PemPair = { cert: string; key: string };

/** The driver takes no PKCS#12, which is refused when it is entered. */
function pemOf(login: ClientCertificate): PemPair {
  const options = certificateOptions(login);
  if ('cert' in options) return options;
  throw new ConnectorError('unsupported', 'This source takes client certificates as PEM only.');
}

function tlsOptions(
  { sslmode, rootCertificates }: SqlEndpoint,
  own: Partial<PemPair>,
): Pick<ConnectionOptions, 'ssl'> {
  const demands = tlsDemands(sslmode, rootCertificates);
  if (!demands) return {};
  const { ca, rejectUnauthorized = true, verifyIdentity } = demands;
  return {
    ssl: { rejectUnauthorized, verifyIdentity, minVersion: 'TLSv1.2', ...(ca ? { ca } : {}), ...own },
  };
}

/** Pure. */
export function mySqlOptions({ properties, login }: MySqlInput): MySqlOptions {
  const { username, password = new Secret('') } = login.fields;
  const own = login.method === 'certificate' ? pemOf(login.fields) : {};
  return {
    host: properties.host,
    port: properties.port,
    user: username,
    password,
    ...(properties.database === undefined ? {} : { database: properties.database }),
    ...tlsOptions(properties, own),
    charset: 'UTF8MB4_GENERAL_CI',
    // Rules out local files and multiple statements, and reveals nothing about this machine.
    flags: ['-LOCAL_FILES', '-CONNECT_ATTRS'],
    multipleStatements: false,
    enableCleartextPlugin: false,
    // Asked for by MariaDB; the driver has only MySQL's own.
    authPlugins: { client_ed25519: () => (nonce) => signedNonce(nonce, password) },
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
  };
}
