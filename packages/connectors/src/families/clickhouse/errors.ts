import type { ErrorTable, Meaning } from '../../interface/errors.js';
import { meaningOfStatus } from '../http/failures.js';

/** An exception of the server, in the headers of an answer or in the midst of its body. */
export class ClickHouseException extends Error {
  /** Number of the exception; absent in an answer that is not one of ClickHouse. */
  readonly code: string | undefined;
  readonly status: number | undefined;

  constructor(message: string, { code, status }: { code?: string | undefined; status?: number }) {
    super(message);
    this.name = 'ClickHouseException';
    this.code = code;
    this.status = status;
  }
}

/** The server's own words about it: `Code: 47. DB::Exception: … (UNKNOWN_IDENTIFIER) (version 26.7.2.1)`. */
const words = /Code: (\d{1,5})\. DB::Exception: ([\s\S]*?)(?:\s*\(version [\w.() -]*\))?\s*$/;
/** Servers from 25.11 enclose what they say in the midst of a body in a mark, a tag and its length. */
const enclosed =
  /__exception__\r?\n(?:\w{1,64}\r?\n)?([\s\S]*?)(?:\n\d{1,9} \w{1,64})?\r?\n?(?:__exception__\r?\n?)?$/;

/** The exception that bytes of an answer tell; undefined if they tell none. */
export function exceptionIn(bytes: Buffer): ClickHouseException | undefined {
  const text = bytes.toString('utf8');
  const said = enclosed.exec(text)?.[1] ?? text;
  const found = words.exec(said);
  if (!found) return undefined;
  const [, code, message = ''] = found;
  return new ClickHouseException(message, { code });
}

const signInRefused: Meaning = {
  kind: 'auth_failed',
  message: 'The server rejected this user name and password.',
  remedy: 'Check the credential, and that the server allows this user from this host.',
};
const noRight: Meaning = {
  kind: 'permission_denied',
  message: 'This login does not have the required permission.',
};
const noTable: Meaning = {
  kind: 'not_found',
  message: 'The table does not exist, or this login cannot see it.',
  remedy: 'Browse to see what exists. Names are case-sensitive.',
};
const notSql: Meaning = {
  kind: 'invalid_query',
  message: 'The query is not valid SQL, or not one SELECT statement.',
};
const writes: Meaning = {
  kind: 'invalid_query',
  message: 'The query writes data or changes settings, but this connection is read-only.',
};
const busy: Meaning = {
  kind: 'rate_limited',
  message: 'The server runs as many queries as it allows.',
  retryable: true,
};
const tooLong: Meaning = { kind: 'timeout', message: 'The query took longer than the server allows.' };
const tooMuch: Meaning = {
  kind: 'quota_exceeded',
  message: 'The query exceeds a limit of the server.',
  remedy: 'Read fewer rows or columns, or ask for a higher limit at the server.',
};
const badParameter: Meaning = {
  kind: 'invalid_query',
  message: 'A parameter of the query is missing, or its value does not fit its type.',
};
const notRun: Meaning = { kind: 'invalid_query', message: 'The server could not run the query.' };
const noDatabase: Meaning = { kind: 'not_found', message: 'The database does not exist.' };

/** Source: ClickHouse, `src/Common/ErrorCodes.cpp`, by the function `errorCodeToName`. */
const codes: Readonly<Record<string, Meaning>> = {
  46: notSql, // UNKNOWN_FUNCTION
  47: { kind: 'invalid_query', message: 'A requested column does not exist.' }, // UNKNOWN_IDENTIFIER
  60: noTable, // UNKNOWN_TABLE
  62: notSql, // SYNTAX_ERROR
  81: noDatabase, // UNKNOWN_DATABASE
  115: {
    kind: 'unsupported',
    message: 'The server is too old: it lacks a setting that reads need.',
    remedy: 'Reads need ClickHouse 23.8 or later.',
  }, // UNKNOWN_SETTING
  158: tooMuch, // TOO_MANY_ROWS
  159: tooLong, // TIMEOUT_EXCEEDED
  160: tooLong, // TOO_SLOW
  164: writes, // READONLY
  192: signInRefused, // UNKNOWN_USER
  193: signInRefused, // WRONG_PASSWORD
  194: signInRefused, // REQUIRED_PASSWORD
  195: signInRefused, // IP_ADDRESS_NOT_ALLOWED
  201: tooMuch, // QUOTA_EXCEEDED
  202: busy, // TOO_MANY_SIMULTANEOUS_QUERIES
  210: { kind: 'unreachable', message: 'The server lost a connection.', retryable: true }, // NETWORK_ERROR
  241: tooMuch, // MEMORY_LIMIT_EXCEEDED
  291: noRight, // DATABASE_ACCESS_DENIED
  307: tooMuch, // TOO_MANY_BYTES
  394: { kind: 'cancelled', message: 'The server cancelled the query.' }, // QUERY_WAS_CANCELLED
  396: tooMuch, // TOO_MANY_ROWS_OR_BYTES
  456: badParameter, // UNKNOWN_QUERY_PARAMETER
  457: badParameter, // BAD_QUERY_PARAMETER
  497: noRight, // ACCESS_DENIED
  516: signInRefused, // AUTHENTICATION_FAILED
};

const statuses = [401, 403, 404, 408, 413, 429, 502, 503, 504];

/** The failures of ClickHouse's HTTP interface, by the number of the exception, and those of proxies before it. */
export const clickHouseErrors: ErrorTable = {
  codeAt: ['code'],
  codes,
  // Any other number: what the server found wrong while it ran the query.
  classes: Object.fromEntries(Array.from({ length: 9 }, (_, digit) => [String(digit + 1), notRun])),
  statuses: Object.fromEntries(statuses.map((status) => [status, meaningOfStatus(status)])),
  tellsAuthor: { message: 'message' },
  fallback: {
    kind: 'protocol_error',
    message: 'The server sent a response that is not one of ClickHouse’s HTTP interface.',
    remedy: 'Check that host and port point to the HTTP interface: 8443, or 8123 without TLS.',
  },
};
