import { serverWords } from '../../kit/server-words.js';
import { isTlsFailureCode } from '../../kit/tls.js';
import { ConnectorError, type ConnectorErrorKind, type ConnectorErrorOptions } from '../../spec/errors.js';

type Translation = readonly [kind: ConnectorErrorKind, message: string, options?: ConnectorErrorOptions];

const retryable = { retryable: true };
const signInRefused: Translation = [
  'auth_failed',
  'The server refused this user name and password.',
  { remedy: 'Check the credential, and that the server lets this login in from here with this TLS mode.' },
];
const noSuchObject: Translation = [
  'not_found',
  'There is no such table or schema, or this login may not see it.',
  { remedy: 'Browse to see what there is; upper and lower case are different.' },
];
const busy: Translation = ['rate_limited', 'The server has no connection to spare.', retryable];
const stopped: Translation = ['unreachable', 'The server is shutting down or starting up.', retryable];
const conflict: Translation = [
  'protocol_error',
  'The server gave the read up for another transaction.',
  retryable,
];

/** SQLSTATE → kind. Source: PostgreSQL documentation, appendix A, "PostgreSQL Error Codes". */
const states = new Map<string, Translation>([
  ['08P01', ['invalid_query', 'The server did not accept the statement; it must not have parameters.']],
  ['25006', ['invalid_query', 'The statement writes; this connection only reads.']], // read_only_sql_transaction
  ['28000', signInRefused], // invalid_authorization_specification
  ['28P01', signInRefused], // invalid_password
  ['3D000', ['not_found', 'There is no such database.']], // invalid_catalog_name
  ['3F000', noSuchObject], // invalid_schema_name
  ['40001', conflict], // serialization_failure
  ['40P01', conflict], // deadlock_detected
  ['42501', ['permission_denied', 'This login has no right to what was asked for.']], // insufficient_privilege
  ['42601', ['invalid_query', 'The statement is not valid SQL, or is more than one statement.']], // syntax_error
  ['42703', ['invalid_query', 'A column asked for does not exist.']], // undefined_column
  ['42P01', noSuchObject], // undefined_table
  ['53300', busy], // too_many_connections
  ['54000', ['too_large', 'The statement is beyond a limit of the server.']], // program_limit_exceeded
  ['55P03', ['timeout', 'The server waited too long for a lock.', retryable]], // lock_not_available
  ['57014', ['cancelled', 'The server ended the statement before its end.']], // query_canceled
  ['57P01', stopped], // admin_shutdown
  ['57P02', stopped], // crash_shutdown
  ['57P03', stopped], // cannot_connect_now
]);

/** First two characters of SQLSTATE, for states that are not named above. */
const classes = new Map<string, Translation>([
  ['08', ['unreachable', 'The connection to the server failed.', retryable]],
  ['0A', ['unsupported', 'The server does not support this.']],
  ['22', ['invalid_query', 'A value in the statement does not fit its type.']],
  ['25', ['invalid_query', 'The statement asks for another transaction than a reading one.']],
  ['28', signInRefused],
  ['42', ['invalid_query', 'The statement does not fit the tables of the database.']],
  ['53', ['quota_exceeded', 'The server has run out of a resource.', retryable]],
]);

const connectionCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);

/** Texts of `pg` for failures to which it gives no code. */
const NO_TLS_AT_SERVER = 'The server does not support SSL connections';
const TLS_REFUSED = 'There was an error establishing an SSL connection';
const CLOSED = 'Connection terminated';

const closedEarly: Translation = ['unreachable', 'The server closed the connection.', retryable];
const notReached: Translation = ['unreachable', 'The server could not be reached.', retryable];
const tlsFailed: Translation = [
  'tls_failed',
  'No trusted TLS connection to the server could be made.',
  { remedy: 'Give the certificate of its authority as rootCertificates, or choose another sslmode.' },
];
const noTls: Translation = [
  'tls_failed',
  'The server does not offer TLS.',
  { remedy: 'Switch TLS on at the server. On a trusted network, sslmode disable does without.' },
];
const unknown: Translation = ['protocol_error', 'The server answered in a way that was not understood.'];

function textOf(error: unknown, member: 'code' | 'message' | 'position'): string {
  const value = typeof error === 'object' && error !== null ? Reflect.get(error, member) : undefined;
  return typeof value === 'string' ? value : '';
}

function translationOf(code: string, message: string): Translation {
  if (connectionCodes.has(code)) return notReached;
  if (isTlsFailureCode(code) || message === TLS_REFUSED) return tlsFailed;
  if (message === NO_TLS_AT_SERVER) return noTls;
  if (message.startsWith(CLOSED)) return closedEarly;
  return states.get(code) ?? classes.get(code.slice(0, 2)) ?? unknown;
}

/** What `pg`, the socket or the server reported, as a `ConnectorError` whose text holds nothing native. */
export function translatePostgresError(error: unknown): ConnectorError {
  if (error instanceof ConnectorError) return error;
  const code = textOf(error, 'code');
  const [kind, message, options] = translationOf(code, textOf(error, 'message'));
  const native = /^\w{1,64}$/.test(code) ? { nativeCode: code } : {};
  const said = { message: textOf(error, 'message'), code, position: textOf(error, 'position') };
  const words = /^[0-9A-Z]{5}$/.test(code) ? serverWords(kind, said) : {};
  return new ConnectorError(kind, message, { ...options, ...native, ...words, cause: error });
}
