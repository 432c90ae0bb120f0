import { ConnectorError, type ErrorTable, type Meaning } from '../interface/errors.js';
import { abortError } from './deadline.js';
import { isCertificateAlert, isTlsFailureCode, isUnreachableCode } from './failure-codes.js';
import { serverWords } from './server-words.js';

// The only translation of what connectors throw. A native error may hold hosts, logins, statements and secrets, so its
// message is compared and never kept; only `tellsAuthor` lets a server's own words through.

const causesMax = 5;
const defaultCodeAt = ['code', 'errno', 'name'] as const;
const statusAt = ['status', 'statusCode', '$metadata.httpStatusCode'] as const;
/** Names of JavaScript's own classes, which tell nothing. */
const classNames: ReadonlySet<string> = new Set([
  ...['AggregateError', 'Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError'],
  ...['URIError'],
]);

const unreachable: Meaning = {
  kind: 'unreachable',
  message: 'The source could not be reached, or it closed the connection.',
  retryable: true,
};
const tlsFailed: Meaning = {
  kind: 'tls_failed',
  message: 'A trusted TLS connection to the source could not be established.',
  remedy: 'Provide the certificate of its authority in rootCertificates, or correct the host name.',
};

const certificateRefused: Meaning = {
  kind: 'auth_failed',
  message: 'The source did not accept the client certificate, or asks for one.',
  remedy:
    'Provide a client certificate of an authority that the source trusts, if this connection has one (enableMutualSSL).',
};

/** The error and its causes, five at most. */
function* chainOf(error: unknown): Generator<object> {
  let current = error;
  for (let depth = 0; depth < causesMax && typeof current === 'object' && current !== null; depth += 1) {
    yield current;
    current = Reflect.get(current, 'cause');
  }
}

function memberAt(error: unknown, path: string): unknown {
  let held = error;
  for (const name of path.split('.')) {
    if (typeof held !== 'object' || held === null) return undefined;
    held = Reflect.get(held, name);
  }
  return held;
}

/** Codes are texts or positive numbers: Node's own `errno` is negative. */
function codeAt(error: unknown, path: string): string[] {
  const value = memberAt(error, path);
  if (typeof value === 'number') return Number.isSafeInteger(value) && value > 0 ? [String(value)] : [];
  return typeof value === 'string' && value !== '' ? [value] : [];
}

/** Codes come from servers, so names like `constructor` must not find anything. */
const own = (table: Readonly<Record<string, Meaning>> | undefined, key: string): Meaning | undefined =>
  table !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;

function classOf(table: ErrorTable, codes: readonly string[]): Meaning | undefined {
  for (const code of codes) {
    for (let length = Math.min(code.length, 64); length > 0; length -= 1) {
      const found = own(table.classes, code.slice(0, length));
      if (found) return found;
    }
  }
  return undefined;
}

function statusOf(error: unknown): number | undefined {
  const isStatus = (value: unknown) => Number.isInteger(value) && Number(value) >= 100 && Number(value) < 600;
  const found = statusAt.map((path) => memberAt(error, path)).find(isStatus);
  return found === undefined ? undefined : Number(found);
}

interface Found {
  meaning: Meaning;
  nativeCode?: string | undefined;
  /** The meaning is that of a code of the source, so the source itself has written the message. */
  isOfSource?: boolean;
}

/** Failures of sockets and of TLS, which a driver may have wrapped. */
function networkFailure(table: ErrorTable, error: unknown): Found | undefined {
  for (const link of chainOf(error)) {
    const code = Reflect.get(link, 'code');
    if (typeof code !== 'string') continue;
    if (isUnreachableCode(code)) return { meaning: unreachable, nativeCode: code };
    if (isCertificateAlert(code)) return { meaning: certificateRefused, nativeCode: code };
    if (!isTlsFailureCode(code)) continue;
    return {
      meaning: { ...tlsFailed, ...(table.tlsRemedy && { remedy: table.tlsRemedy }) },
      nativeCode: code,
    };
  }
  return undefined;
}

function listedFailure(table: ErrorTable, error: unknown): Found {
  const codes = (table.codeAt ?? defaultCodeAt).flatMap((path) => codeAt(error, path));
  const status = statusOf(error);
  const ownCode = codes.find((code) => !classNames.has(code));
  const nativeCode = ownCode ?? (status === undefined ? undefined : String(status));
  const ofSource =
    codes.map((code) => own(table.codes, code)).find((meaning) => meaning !== undefined) ??
    classOf(table, table.classAt === undefined ? codes : codeAt(error, table.classAt)) ??
    own(table.statuses, String(status)) ??
    own(table.statuses, String(status).slice(0, 1));
  if (ofSource) return { meaning: ofSource, nativeCode, isOfSource: true };
  const message = memberAt(error, 'message');
  const ofDriver = table.driverTexts?.find(
    ([start]) => typeof message === 'string' && message.startsWith(start),
  );
  return { meaning: ofDriver?.[1] ?? table.fallback, nativeCode };
}

/** What may be kept of a native error: code, name and status. Drivers attach logins and signed requests to theirs. */
function bare(error: unknown): Error {
  const kept = new Error('The native error is not kept.');
  const short = (value: unknown) => typeof value === 'string' && /^[\w.-]{1,64}$/.test(value);
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  const status = statusOf(error);
  if (short(name)) kept.name = String(name);
  return Object.assign(kept, short(code) ? { code } : {}, status === undefined ? {} : { status });
}

/** Two numbers cannot repeat anything of a statement. */
function placed(message: string, place: unknown): string {
  const [, line, column] = (typeof place === 'string' && /^(\d{1,7}):(\d{1,7})$/.exec(place)) || [];
  return line === undefined ? message : message.replace(/\.$/, ` at line ${line}, column ${column}.`);
}

/**
 * What a connector has thrown, as a `ConnectorError` without native text.
 * @param signal of the call; what fails after it was aborted is `cancelled`, or `timeout` if a deadline aborted it
 */
export function translate(table: ErrorTable, error: unknown, signal?: AbortSignal): ConnectorError {
  if (signal?.aborted) return abortError(signal);
  for (const link of chainOf(error)) if (link instanceof ConnectorError) return link;
  const { meaning, nativeCode, isOfSource } = networkFailure(table, error) ?? listedFailure(table, error);
  const { remedy, retryable } = meaning;
  const wait = table.waitAt === undefined ? undefined : memberAt(error, table.waitAt);
  const isTold = typeof wait === 'number' && wait >= 0;
  const kind = isTold && statusOf(error) === 503 ? 'rate_limited' : meaning.kind;
  const told = isOfSource ? table.tellsAuthor : undefined;
  const message = placed(
    meaning.message,
    told?.place === undefined ? undefined : memberAt(error, told.place),
  );
  const words = told && {
    message: memberAt(error, told.message),
    code: told.code === undefined ? nativeCode : memberAt(error, told.code),
    position: told.position && memberAt(error, told.position),
  };
  return new ConnectorError(kind, message, {
    retryable: retryable ?? false,
    ...(nativeCode !== undefined && /^\w{1,64}$/.test(nativeCode) ? { nativeCode } : {}),
    ...(remedy === undefined ? {} : { remedy }),
    ...(isTold ? { retryAfterSeconds: wait } : {}),
    ...(words ? serverWords(kind, words) : {}),
    cause: bare(error),
  });
}
