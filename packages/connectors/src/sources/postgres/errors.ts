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
  {
    remedy: 'Check the credential, and that the server allows this login from this host with this TLS mode.',
  },
];
const noSuchObject: Translation = [
  'not_found',
  'The table or schema does not exist, or this login cannot see it.',
  { remedy: 'Browse to see what exists. Names are case-sensitive.' },
];
const busy: Translation = ['rate_limited', 'The server has no free connections.', retryable];
const stopped: Translation = ['unreachable', 'The server is shutting down or starting up.', retryable];
const conflict: Translation = [
  'protocol_error',
  'The server aborted the read because of a conflicting transaction. Try again.',
  retryable,
];

/** SQLSTATE → kind. Source: PostgreSQL documentation, appendix A, "PostgreSQL Error Codes". */
const states = new Map<string, Translation>([
  ['08P01', ['invalid_query', 'The server rejected the query; it must not have parameters.']],
  ['25006', ['invalid_query', 'The query writes data, but this connection is read-only.']], // read_only_sql_transaction
  ['28000', signInRefused], // invalid_authorization_specification
  ['28P01', signInRefused], // invalid_password
  ['3D000', ['not_found', 'The database does not exist.']], // invalid_catalog_name
  ['3F000', noSuchObject], // invalid_schema_name
  ['40001', conflict], // serialization_failure
  ['40P01', conflict], // deadlock_detected
  ['42501', ['permission_denied', 'This login does not have the required permission.']], // insufficient_privilege
  ['42601', ['invalid_query', 'The query is not valid SQL, or contains more than one statement.']], // syntax_error
  ['42703', ['invalid_query', 'A requested column does not exist.']], // undefined_column
  ['42P01', noSuchObject], // undefined_table
  ['53300', busy], // too_many_connections
  ['54000', ['too_large', 'The query exceeds a limit of the server.']], // program_limit_exceeded
  ['55P03', ['timeout', 'The server timed out waiting for a lock.', retryable]], // lock_not_available
  ['57014', ['cancelled', 'The server cancelled the query.']], // query_canceled
  ['57P01', stopped], // admin_shutdown
  ['57P02', stopped], // crash_shutdown
  ['57P03', stopped], // cannot_connect_now
]);

/** The first two characters of SQLSTATE, for states that are not listed above. */
const classes = new Map<string, Translation>([
  ['08', ['unreachable', 'The connection to the server failed.', retryable]],
  ['0A', ['unsupported', 'The server does not support this.']],
  ['22', ['invalid_query', 'A value in the query is not valid for its type.']],
  ['25', ['invalid_query', 'The query requires a transaction that is not read-only.']],
  ['28', signInRefused],
  ['42', ['invalid_query', 'The query does not match the database schema.']],
  ['53', ['quota_exceeded', 'The server is out of resources.', retryable]],
]);

/** Messages of `pg` for failures that have no code. */
const NO_TLS_AT_SERVER = 'The server does not support SSL connections';
const TLS_REFUSED = 'There was an error establishing an SSL connection';
const CLOSED = 'Connection terminated';

const closedEarly: Translation = ['unreachable', 'The server closed the connection.', retryable];
const notReached: Translation = ['unreachable', 'The server could not be reached.', retryable];
const tlsFailed: Translation = [
  'tls_failed',
  'A trusted TLS connection to the server could not be established.',
  { remedy: 'Provide the certificate of its authority in rootCertificates, or choose another sslmode.' },
];
const noTls: Translation = [
  'tls_failed',
  'The server does not support TLS.',
  { remedy: 'Enable TLS on the server. On a trusted network, set sslmode to disable.' },
];
const unknown: Translation = ['protocol_error', 'The server sent a response that could not be interpreted.'];

function textOf(error: unknown, member: 'code' | 'message' | 'position'): string {
  const value = typeof error === 'object' && error !== null ? Reflect.get(error, member) : undefined;
  return typeof value === 'string' ? value : '';
}

function translationOf(code: string, message: string): Translation {
  if (isUnreachableCode(code)) return notReached;
  if (isTlsFailureCode(code) || message === TLS_REFUSED) return tlsFailed;
  if (message === NO_TLS_AT_SERVER) return noTls;
  if (message.startsWith(CLOSED)) return closedEarly;
  return states.get(code) ?? classes.get(code.slice(0, 2)) ?? unknown;
}

/** An error of `pg`, the socket or the server as a `ConnectorError` without native text. */
export function translatePostgresError(error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error;
  const code = textOf(error, 'code');
  const [kind, message, options] = translationOf(code, textOf(error, 'message'));
  const native = /^\w{1,64}$/.test(code) ? { nativeCode: code } : {};
  const said = { message: textOf(error, 'message'), code, position: textOf(error, 'position') };
  const words = /^[0-9A-Z]{5}$/.test(code) ? serverWords(kind, said) : {};
  return new ConnectorError(kind, message, { ...options, ...native, ...words, cause: error });
}
