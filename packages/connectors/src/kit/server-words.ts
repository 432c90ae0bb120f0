import {
  ConnectorError,
  type ConnectorErrorKind,
  type ConnectorErrorOptions,
  type ServerWords,
} from '../interface/errors.js';
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

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Lines of a key are as secret as the key. */
const lineLengthMin = 16;

/** A text, and what it consists of: members of JSON, lines of a key. */
function partsOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.length > 1)
    return [text, ...lines.filter((line) => line.length >= lineLengthMin && !line.startsWith('-----'))];
  return [text];
}

function textsIn(value: unknown): string[] {
  if (value instanceof Secret) return textsIn(value.reveal());
  if (typeof value === 'string') {
    const json = /^\s*[{[]/.test(value) ? parsed(value) : undefined;
    const within = json === undefined ? [] : textsIn(json).filter((text) => text.length >= lineLengthMin);
    return value === '' ? [] : [...partsOf(value), ...within];
  }
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
 * with nothing that the server has said if that contains a secret of the login. A code is the server's to choose, too.
 * @param query of the request; absent: the statement is ours
 */
export function failureForAuthor(
  error: unknown,
  query: string | undefined,
  login: Readonly<Record<string, unknown>>,
): unknown {
  if (!(error instanceof ConnectorError)) return error;
  const { nativeCode, server } = error;
  const cause = (error.cause ?? {}) as { name?: unknown; code?: unknown };
  const said = [nativeCode, server?.message, server?.code, cause.name, cause.code].filter(
    (text) => typeof text === 'string',
  );
  if (said.length === 0) return error;
  if (said.some((text) => repeatsSecret(text, login))) return withWords(error, {});
  const words = query === undefined || server === undefined ? undefined : within(server, query);
  return withWords(error, {
    cause: error.cause,
    ...(nativeCode === undefined ? {} : { nativeCode }),
    ...(words === undefined ? {} : { server: words }),
  });
}

/** The same failure with other words of the server, or none. */
function withWords(
  { kind, message, remedy, isRetryable, retryAfterSeconds }: ConnectorError,
  words: Pick<ConnectorErrorOptions, 'nativeCode' | 'server' | 'cause'>,
): ConnectorError {
  return new ConnectorError(kind, message, {
    ...{ retryable: isRetryable, ...words },
    ...(remedy === undefined ? {} : { remedy }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** Drops a position outside the text. */
function within({ position, ...words }: ServerWords, query: string): ServerWords {
  return position !== undefined && position <= [...query].length + 1 ? { ...words, position } : words;
}
