import { ConnectorError, type ConnectorErrorKind, type ServerWords } from '../interface/errors.js';
import { Secret } from '../interface/secret.js';

// A database explains what is wrong with a statement best. Its message goes to the author of the statement, unless it
// contains parts of the login that ran it.

/** Failures of a statement rather than of the connection to the source. */
const ofStatements: ReadonlySet<ConnectorErrorKind> = new Set<ConnectorErrorKind>([
  'invalid_query',
  'not_found',
  'permission_denied',
  'unsupported',
  'too_large',
]);
const lengthMax = 500;

/** @param message the server's message @param position in the statement, from 1, as text or number */
export function serverWords(
  kind: ConnectorErrorKind,
  { message, code, position }: { message: unknown; code?: unknown; position?: unknown },
): { server?: ServerWords } {
  if (!ofStatements.has(kind) || typeof message !== 'string') return {};
  const line = message
    .slice(0, 4 * lengthMax)
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(0, lengthMax);
  if (line === '') return {};
  const at = /^\d{1,7}$/.test(String(position)) ? Number(position) : 0;
  return {
    server: {
      message: line,
      ...(/^\w{1,64}$/.test(String(code ?? '')) ? { code: String(code) } : {}),
      ...(at > 0 ? { position: at } : {}),
    },
  };
}

function textsIn(value: unknown): string[] {
  if (value instanceof Secret) return textsIn(value.reveal());
  if (typeof value === 'string') return value === '' ? [] : [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** The forms in which a server could write a secret. */
const formsOf = (secret: string): string[] => {
  const bytes = Buffer.from(secret);
  return [
    ...[secret, secret.trim(), encodeURIComponent(secret), encodeURI(secret)],
    ...[JSON.stringify(secret).slice(1, -1), secret.replaceAll("'", "''"), secret.replaceAll(/\s+/g, ' ')],
    ...[bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url'), bytes.toString('hex')],
  ].filter((form) => form !== '');
};

/** Whether a text of a server contains a secret of the login. */
export function repeatsSecret(text: string, login: Readonly<Record<string, unknown>>): boolean {
  const said = text.toLowerCase();
  return Object.values(login)
    .filter((value) => value instanceof Secret)
    .flatMap(textsIn)
    .flatMap(formsOf)
    .some((form) => said.includes(form.toLowerCase()));
}

/**
 * The error as the requester may see it: with the server's message only if the statement is the requester's own, and
 * only if the message contains no secret of the login.
 * @param query of the request; absent: the statement is ours
 */
export function failureForAuthor(
  error: unknown,
  query: string | undefined,
  login: Readonly<Record<string, unknown>>,
): unknown {
  if (!(error instanceof ConnectorError) || error.server === undefined) return error;
  const tells = repeatsSecret(`${error.server.message} ${error.server.code ?? ''}`, login);
  return withServer(error, query === undefined || tells ? undefined : within(error.server, query));
}

/** The same failure with another server message, or none. */
export function withServer(error: ConnectorError, server: ServerWords | undefined): ConnectorError {
  const { kind, message, nativeCode, remedy, isRetryable, retryAfterSeconds, cause } = error;
  return new ConnectorError(kind, message, {
    ...{ retryable: isRetryable, cause },
    ...(nativeCode === undefined ? {} : { nativeCode }),
    ...(remedy === undefined ? {} : { remedy }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(server === undefined ? {} : { server }),
  });
}

/** Drops a position outside the text. */
function within({ position, ...words }: ServerWords, query: string): ServerWords {
  return position !== undefined && position <= [...query].length + 1 ? { ...words, position } : words;
}
