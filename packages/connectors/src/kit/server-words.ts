import { ConnectorError, type ConnectorErrorKind, type ServerWords } from '../spec/errors.js';
import { Secret } from '../spec/secret.js';

// A database says what is wrong with a statement better than anybody else. Its words go to who wrote the statement, once
// they hold nothing of the login that it ran under.

/** Failures that are about a statement, not about the way to the source. */
const ofStatements: ReadonlySet<ConnectorErrorKind> = new Set<ConnectorErrorKind>([
  'invalid_query',
  'not_found',
  'permission_denied',
  'unsupported',
  'too_large',
]);
const lengthMax = 500;

/** @param message of the server; @param position of the statement, counted from one, as text or number */
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

/** A secret as a server could write it. */
const formsOf = (secret: string): string[] => {
  const bytes = Buffer.from(secret);
  return [
    ...[secret, secret.trim(), encodeURIComponent(secret), encodeURI(secret)],
    ...[JSON.stringify(secret).slice(1, -1), secret.replaceAll("'", "''"), secret.replaceAll(/\s+/g, ' ')],
    ...[bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url'), bytes.toString('hex')],
  ].filter((form) => form !== '');
};

/**
 * The error as who asked may read it: with the server's words only where the statement is theirs, and only where nothing
 * secret of the login is among them.
 * @param query of the request; absent: the statement is ours
 */
export function toldToAuthor(
  error: unknown,
  query: string | undefined,
  login: Readonly<Record<string, unknown>>,
): unknown {
  if (!(error instanceof ConnectorError) || error.server === undefined) return error;
  const secrets = Object.values(login).filter((value) => value instanceof Secret);
  const said = `${error.server.message} ${error.server.code ?? ''}`.toLowerCase();
  const tells = secrets
    .flatMap(textsIn)
    .flatMap(formsOf)
    .some((form) => said.includes(form.toLowerCase()));
  return withServer(error, query === undefined || tells ? undefined : within(error.server, query));
}

/** The same failure with other words of the server, or without. */
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

/** Without a position that the text does not have. */
function within({ position, ...words }: ServerWords, query: string): ServerWords {
  return position !== undefined && position <= [...query].length + 1 ? { ...words, position } : words;
}
