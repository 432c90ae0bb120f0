import {
  ConnectorError,
  type ConnectorErrorKind,
  type ConnectorErrorOptions,
} from '../../interface/errors.js';
import { isTlsFailureCode, isUnreachableCode } from '../../kit/failure-codes.js';
import { serverWords } from '../../kit/server-words.js';

type Translation = readonly [kind: ConnectorErrorKind, message: string, options?: ConnectorErrorOptions];

const retryable = { retryable: true };
const signInRefused: Translation = [
  'auth_failed',
  'The server rejected this user name and password.',
  { remedy: 'Check the credential, and that the server allows this login from this host.' },
];
const noSuchTable: Translation = [
  'not_found',
  'The table does not exist, or this login cannot see it.',
  { remedy: 'Browse to see what exists. Names may be case-sensitive.' },
];
const noRight: Translation = ['permission_denied', 'This login does not have the required permission.'];
const noDatabase: Translation = ['not_found', 'The database does not exist.'];
const busy: Translation = ['rate_limited', 'The server has no free connections.', retryable];
const conflict: Translation = [
  'protocol_error',
  'The server aborted the read because of a conflicting transaction. Try again.',
  retryable,
];
const tooLong: Translation = ['timeout', 'The query took longer than the server allows.'];
const notSql: Translation = [
  'invalid_query',
  'The query is not valid SQL, or contains more than one statement.',
];
const writes: Translation = ['invalid_query', 'The query writes data, but this connection is read-only.'];
const stopped: Translation = ['unreachable', 'The server is shutting down.', retryable];

/** Error number → kind. Source: MySQL "Server Error Message Reference" and MariaDB "Error Codes". */
const numbers = new Map<number, Translation>([
  [1040, busy], // ER_CON_COUNT_ERROR
  [1044, noRight], // ER_DBACCESS_DENIED_ERROR
  [1045, signInRefused], // ER_ACCESS_DENIED_ERROR
  [1049, noDatabase], // ER_BAD_DB_ERROR
  [1053, stopped], // ER_SERVER_SHUTDOWN
  [1054, ['invalid_query', 'A requested column does not exist.']], // ER_BAD_FIELD_ERROR
  [1064, notSql], // ER_PARSE_ERROR
  [1065, notSql], // ER_EMPTY_QUERY
  [1102, noDatabase], // ER_WRONG_DB_NAME
  [1103, ['not_found', 'The table does not exist.']], // ER_WRONG_TABLE_NAME
  [1059, ['not_found', 'The name is longer than the server allows.']], // ER_TOO_LONG_IDENT
  [1129, ['permission_denied', 'The server has blocked this host after failed connection attempts.']], // ER_HOST_IS_BLOCKED
  [1130, ['permission_denied', 'The server does not allow connections from this host.']], // ER_HOST_NOT_PRIVILEGED
  [1142, noRight], // ER_TABLEACCESS_DENIED_ERROR
  [1143, noRight], // ER_COLUMNACCESS_DENIED_ERROR
  [1146, noSuchTable], // ER_NO_SUCH_TABLE
  [1153, ['too_large', 'The query is too large for the server.']], // ER_NET_PACKET_TOO_LARGE
  [1203, busy], // ER_TOO_MANY_USER_CONNECTIONS
  [1205, ['timeout', 'The server timed out waiting for a lock.', retryable]], // ER_LOCK_WAIT_TIMEOUT
  [1213, conflict], // ER_LOCK_DEADLOCK
  [1226, ['quota_exceeded', 'This login has reached a limit of the server.', retryable]], // ER_USER_LIMIT_REACHED
  [1227, noRight], // ER_SPECIFIC_ACCESS_DENIED_ERROR
  [1290, writes], // ER_OPTION_PREVENTS_STATEMENT
  [1295, ['unsupported', 'The server cannot prepare this query; only prepared statements are run.']], // ER_UNSUPPORTED_PS
  [1317, ['cancelled', 'The server cancelled the query.']], // ER_QUERY_INTERRUPTED
  [1370, noRight], // ER_PROCACCESS_DENIED_ERROR
  [1698, signInRefused], // ER_ACCESS_DENIED_NO_PASSWORD_ERROR
  [1792, writes], // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
  [1820, signInRefused], // ER_MUST_CHANGE_PASSWORD
  [1862, signInRefused], // ER_MUST_CHANGE_PASSWORD_LOGIN
  [1927, ['cancelled', 'The server ended the session.']], // ER_CONNECTION_KILLED
  [1969, tooLong], // ER_STATEMENT_TIMEOUT (MariaDB)
  [3024, tooLong], // ER_QUERY_TIMEOUT (MySQL)
  [3118, signInRefused], // ER_ACCOUNT_HAS_BEEN_LOCKED
  [4151, signInRefused], // ER_ACCOUNT_HAS_BEEN_LOCKED (MariaDB)
]);

/** The first two characters of SQLSTATE, for numbers that are not listed above. */
const classes = new Map<string, Translation>([
  ['08', ['unreachable', 'The connection to the server failed.', retryable]],
  ['22', ['invalid_query', 'A value in the query is not valid for its type.']],
  ['28', signInRefused],
  ['42', ['invalid_query', 'The query does not match the database schema.']],
]);

const notReached: Translation = ['unreachable', 'The server could not be reached.', retryable];
const tlsFailed: Translation = [
  'tls_failed',
  'A trusted TLS connection to the server could not be established.',
  { remedy: 'Provide the certificate of its authority in rootCertificates, or choose another sslmode.' },
];
const noSignIn: Translation = [
  'unsupported',
  'The server requires an authentication method that is not supported, or the password in clear text.',
];

/** Codes of `mysql2`. */
const codes = new Map<string, Translation>([
  ['PROTOCOL_CONNECTION_LOST', ['unreachable', 'The server closed the connection.', retryable]],
  ['HANDSHAKE_SSL_ERROR', tlsFailed],
  [
    'HANDSHAKE_NO_SSL_SUPPORT',
    [
      'tls_failed',
      'The server does not support TLS.',
      { remedy: 'Enable TLS on the server. On a trusted network, set sslmode to disable.' },
    ],
  ],
  ['AUTH_SWITCH_PLUGIN_ERROR', noSignIn],
  ['MYSQL_CLEAR_PASSWORD_NOT_ENABLED', noSignIn],
]);

const unknown: Translation = ['protocol_error', 'The server sent a response that could not be interpreted.'];

function memberOf(error: unknown, name: 'code' | 'errno' | 'sqlState' | 'sqlMessage'): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
}

/** An error of `mysql2`, the socket or the server as a `ConnectorError` without native text. */
export function translateMySqlError(error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error;
  const code = String(memberOf(error, 'code') ?? '');
  const state = String(memberOf(error, 'sqlState') ?? '');
  const number = Number(memberOf(error, 'errno'));
  const [kind, message, options] =
    codes.get(code) ??
    (isUnreachableCode(code) ? notReached : undefined) ??
    (isTlsFailureCode(code) ? tlsFailed : undefined) ??
    numbers.get(number) ??
    classes.get(state.slice(0, 2)) ??
    unknown;
  const native = number > 0 ? String(number) : code;
  return new ConnectorError(kind, message, {
    ...options,
    ...(/^\w{1,64}$/.test(native) ? { nativeCode: native } : {}),
    ...serverWords(kind, { message: memberOf(error, 'sqlMessage'), code: native }),
    cause: error,
  });
}
