import type { ErrorTable, Meaning } from '../../interface/errors.js';

const signInRefused: Meaning = {
  kind: 'auth_failed',
  message: 'The server rejected this user name with this password or client certificate.',
  remedy: 'Check the credential, and that the server allows this login from this host.',
};
const noRight: Meaning = {
  kind: 'permission_denied',
  message: 'This login does not have the required permission.',
};
const noDatabase: Meaning = { kind: 'not_found', message: 'The database does not exist.' };
const busy: Meaning = {
  kind: 'rate_limited',
  message: 'The server has no free connections.',
  retryable: true,
};
const conflict: Meaning = {
  kind: 'protocol_error',
  message: 'The server aborted the read because of a conflicting transaction. Try again.',
  retryable: true,
};
const tooLong: Meaning = { kind: 'timeout', message: 'The query took longer than the server allows.' };
const notSql: Meaning = {
  kind: 'invalid_query',
  message: 'The query is not valid SQL, or contains more than one statement.',
};
const writes: Meaning = {
  kind: 'invalid_query',
  message: 'The query writes data, but this connection is read-only.',
};
const noSignIn: Meaning = {
  kind: 'unsupported',
  message:
    'The server requires an authentication method that is not supported, or the password in clear text.',
};
const tlsRemedy = 'Provide the certificate of its authority in rootCertificates, or choose another sslmode.';

/** Source: MySQL "Server Error Message Reference" and MariaDB "Error Codes". */
const numbers: Readonly<Record<string, Meaning>> = {
  1040: busy, // ER_CON_COUNT_ERROR
  1044: noRight, // ER_DBACCESS_DENIED_ERROR
  1045: signInRefused, // ER_ACCESS_DENIED_ERROR
  1049: noDatabase, // ER_BAD_DB_ERROR
  1053: { kind: 'unreachable', message: 'The server is shutting down.', retryable: true }, // ER_SERVER_SHUTDOWN
  1054: { kind: 'invalid_query', message: 'A requested column does not exist.' }, // ER_BAD_FIELD_ERROR
  1059: { kind: 'not_found', message: 'The name is longer than the server allows.' }, // ER_TOO_LONG_IDENT
  1064: notSql, // ER_PARSE_ERROR
  1065: notSql, // ER_EMPTY_QUERY
  1102: noDatabase, // ER_WRONG_DB_NAME
  1103: { kind: 'not_found', message: 'The table does not exist.' }, // ER_WRONG_TABLE_NAME
  1129: {
    kind: 'permission_denied',
    message: 'The server has blocked this host after failed connection attempts.',
  }, // ER_HOST_IS_BLOCKED
  1130: {
    kind: 'permission_denied',
    message: 'The server does not allow connections from this host.',
  }, // ER_HOST_NOT_PRIVILEGED
  1142: noRight, // ER_TABLEACCESS_DENIED_ERROR
  1143: noRight, // ER_COLUMNACCESS_DENIED_ERROR
  1146: {
    kind: 'not_found',
    message: 'The table does not exist, or this login cannot see it.',
    remedy: 'Browse to see what exists. Names may be case-sensitive.',
  }, // ER_NO_SUCH_TABLE
  1153: { kind: 'too_large', message: 'The query is too large for the server.' }, // ER_NET_PACKET_TOO_LARGE
  1203: busy, // ER_TOO_MANY_USER_CONNECTIONS
  1205: { kind: 'timeout', message: 'The server timed out waiting for a lock.', retryable: true }, // ER_LOCK_WAIT_TIMEOUT
  1213: conflict, // ER_LOCK_DEADLOCK
  1226: {
    kind: 'quota_exceeded',
    message: 'This login has reached a limit of the server.',
    retryable: true,
  }, // ER_USER_LIMIT_REACHED
  1227: noRight, // ER_SPECIFIC_ACCESS_DENIED_ERROR
  1290: writes, // ER_OPTION_PREVENTS_STATEMENT
  1295: {
    kind: 'unsupported',
    message: 'The server cannot prepare this query; only prepared statements are run.',
  }, // ER_UNSUPPORTED_PS
  1317: { kind: 'cancelled', message: 'The server cancelled the query.' }, // ER_QUERY_INTERRUPTED
  1370: noRight, // ER_PROCACCESS_DENIED_ERROR
  1698: signInRefused, // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
  1792: writes, // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
  1820: signInRefused, // ER_MUST_CHANGE_PASSWORD
  1862: signInRefused, // ER_MUST_CHANGE_PASSWORD_LOGIN
  1927: { kind: 'cancelled', message: 'The server ended the session.' }, // ER_CONNECTION_KILLED
  1969: tooLong, // ER_STATEMENT_TIMEOUT (MariaDB)
  3024: tooLong, // ER_QUERY_TIMEOUT (MySQL)
  3118: signInRefused, // ER_ACCOUNT_HAS_BEEN_LOCKED
  4151: signInRefused, // ER_ACCOUNT_HAS_BEEN_LOCKED (MariaDB)
};

/** Codes of `mysql2`. */
const driverCodes: Readonly<Record<string, Meaning>> = {
  PROTOCOL_CONNECTION_LOST: {
    kind: 'unreachable',
    message: 'The server closed the connection.',
    retryable: true,
  },
  HANDSHAKE_SSL_ERROR: {
    kind: 'tls_failed',
    message: 'A trusted TLS connection to the server could not be established.',
    remedy: tlsRemedy,
  },
  HANDSHAKE_NO_SSL_SUPPORT: {
    kind: 'tls_failed',
    message: 'The server does not support TLS.',
    remedy: 'Enable TLS on the server. On a trusted network, set sslmode to disable.',
  },
  AUTH_SWITCH_PLUGIN_ERROR: noSignIn,
  MYSQL_CLEAR_PASSWORD_NOT_ENABLED: noSignIn,
};

/** The failures of servers that speak MySQL's protocol, by number and SQLSTATE, and those of `mysql2`. */
export const mySqlErrors: ErrorTable = {
  codeAt: ['errno', 'code'],
  codes: { ...numbers, ...driverCodes },
  classAt: 'sqlState',
  classes: {
    '08': { kind: 'unreachable', message: 'The connection to the server failed.', retryable: true },
    '22': { kind: 'invalid_query', message: 'A value in the query is not valid for its type.' },
    '28': signInRefused,
    '42': { kind: 'invalid_query', message: 'The query does not match the database schema.' },
  },
  tellsAuthor: { message: 'sqlMessage' },
  tlsRemedy,
  fallback: {
    kind: 'protocol_error',
    message: 'The server sent a response that could not be interpreted.',
  },
};
