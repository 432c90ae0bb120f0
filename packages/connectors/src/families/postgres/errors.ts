import type { ErrorTable, Meaning } from '../../interface/errors.js';

const signInRefused: Meaning = {
  kind: 'auth_failed',
  message: 'The server rejected this user name with this password or client certificate.',
  remedy: 'Check the credential, and that the server allows this login from this host with this TLS mode.',
};
const noSuchObject: Meaning = {
  kind: 'not_found',
  message: 'The table or schema does not exist, or this login cannot see it.',
  remedy: 'Browse to see what exists. Names are case-sensitive.',
};
const stopped: Meaning = {
  kind: 'unreachable',
  message: 'The server is shutting down or starting up.',
  retryable: true,
};
const conflict: Meaning = {
  kind: 'protocol_error',
  message: 'The server aborted the read because of a conflicting transaction. Try again.',
  retryable: true,
};
const tlsRemedy = 'Provide the certificate of its authority in rootCertificates, or choose another sslmode.';

const invalidQuery = (message: string): Meaning => ({ kind: 'invalid_query', message });

/** Source: PostgreSQL documentation, appendix A, "PostgreSQL Error Codes". */
const states: Readonly<Record<string, Meaning>> = {
  '08P01': invalidQuery('The parameters do not match the placeholders of the query.'),
  '25006': invalidQuery('The query writes data, but this connection is read-only.'), // read_only_sql_transaction
  '28000': signInRefused, // invalid_authorization_specification
  '28P01': signInRefused, // invalid_password
  '3D000': { kind: 'not_found', message: 'The database does not exist.' }, // invalid_catalog_name
  '3F000': noSuchObject, // invalid_schema_name
  '40001': conflict, // serialization_failure
  '40P01': conflict, // deadlock_detected
  '42501': { kind: 'permission_denied', message: 'This login does not have the required permission.' }, // insufficient_privilege
  '42601': invalidQuery('The query is not valid SQL, or contains more than one statement.'), // syntax_error
  '42703': invalidQuery('A requested column does not exist.'), // undefined_column
  '42P01': noSuchObject, // undefined_table
  '53300': { kind: 'rate_limited', message: 'The server has no free connections.', retryable: true }, // too_many_connections
  '54000': { kind: 'too_large', message: 'The query exceeds a limit of the server.' }, // program_limit_exceeded
  '55P03': { kind: 'timeout', message: 'The server timed out waiting for a lock.', retryable: true }, // lock_not_available
  '57014': { kind: 'cancelled', message: 'The server cancelled the query.' }, // query_canceled
  '57P01': stopped, // admin_shutdown
  '57P02': stopped, // crash_shutdown
  '57P03': stopped, // cannot_connect_now
};

const classes: Readonly<Record<string, Meaning>> = {
  '08': { kind: 'unreachable', message: 'The connection to the server failed.', retryable: true },
  '0A': { kind: 'unsupported', message: 'The server does not support this.' },
  '22': invalidQuery('A value in the query is not valid for its type.'),
  '25': invalidQuery('The query requires a transaction that is not read-only.'),
  '28': signInRefused,
  '42': invalidQuery('The query does not match the database schema.'),
  '53': { kind: 'quota_exceeded', message: 'The server is out of resources.', retryable: true },
};

/** The failures of servers that speak PostgreSQL's protocol, by SQLSTATE, and those of `pg` that have no code. */
export const postgresErrors: ErrorTable = {
  codeAt: ['code'],
  codes: states,
  classes,
  driverTexts: [
    [
      'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string',
      {
        kind: 'auth_failed',
        message: 'The server asks for a password, and the credential has none.',
        remedy: 'Provide a credential with a password.',
      },
    ],
    [
      'There was an error establishing an SSL connection',
      {
        kind: 'tls_failed',
        message: 'A trusted TLS connection to the server could not be established.',
        remedy: tlsRemedy,
      },
    ],
    [
      'The server does not support SSL connections',
      {
        kind: 'tls_failed',
        message: 'The server does not support TLS.',
        remedy: 'Enable TLS on the server. On a trusted network, set sslmode to disable.',
      },
    ],
    [
      'Connection terminated',
      { kind: 'unreachable', message: 'The server closed the connection.', retryable: true },
    ],
  ],
  tellsAuthor: { message: 'message', position: 'position' },
  tlsRemedy,
  fallback: {
    kind: 'protocol_error',
    message: 'The server sent a response that could not be interpreted.',
  },
};
