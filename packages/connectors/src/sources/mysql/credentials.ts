import type { ConnectionOptions } from 'mysql2';
import type { MySqlOptions } from '../../families/mysql/wire.js';
import { type SqlEndpoint, sqlEndpointSchema, sqlLoginSchema } from '../../families/sql/properties.js';
import type { ConnectorInput } from '../../interface/connector.js';
import { ConnectorError } from '../../interface/errors.js';
import { tlsDemands } from '../../kit/tls.js';

function tlsOptions(endpoint: SqlEndpoint): Pick<ConnectionOptions, 'ssl'> {
  const demands = tlsDemands(endpoint.sslmode, endpoint.rootCertificates);
  if (!demands) return {};
  const { ca, rejectUnauthorized = true, verifyIdentity } = demands;
  return { ssl: { rejectUnauthorized, verifyIdentity, minVersion: 'TLSv1.2', ...(ca ? { ca } : {}) } };
}

/** Pure. @throws ConnectorError `invalid_config` when a property is missing or malformed. */
export function toMySqlOptions(input: ConnectorInput): MySqlOptions {
  const endpoint = sqlEndpointSchema.safeParse(input.properties);
  const login = sqlLoginSchema.safeParse(input.login.fields);
  if (!endpoint.success || !login.success) {
    throw new ConnectorError('invalid_config', 'Host, port, username and password are required.');
  }
  const database = input.properties['database'];
  return {
    host: endpoint.data.host,
    port: endpoint.data.port,
    user: login.data.username,
    password: login.data.password,
    ...(typeof database === 'string' ? { database } : {}),
    ...tlsOptions(endpoint.data),
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
  };
}
