import type { ErrorTable } from '../../interface/errors.js';
import { HttpFailure, httpStatuses, meaningOfStatus, retryAfterSeconds } from '../http/failures.js';

/** What distinguishes the failed responses of an API beyond their status. Codes are those of its error table. */
export interface FailedAnswers {
  /** Where a JSON body has the vendor's code; the first path with a value counts. */
  codeAt?: readonly string[];
  /** The first rule of which all conditions hold gives the code; it precedes the code of the body. */
  rules?: readonly AnswerRule[];
  /** Header with the time at which a rate limit ends, in seconds since 1970; without effect beside Retry-After. */
  resetAt?: string;
}

export interface AnswerRule {
  statuses: readonly number[];
  /** A header with exactly this value. */
  header?: readonly [name: string, value: string];
  /** A part of the body, lower-cased. */
  words?: string;
  code: string;
}

const waitSecondsMax = 3600;

/** Names come from us; members of a prototype are not a code. */
const memberAt = (held: unknown, name: string): unknown =>
  typeof held === 'object' && held !== null && Object.hasOwn(held, name)
    ? Reflect.get(held, name)
    : undefined;

/** A body that is cut, or not JSON, has no code. */
function codeIn(body: string, paths: readonly string[]): string | undefined {
  if (paths.length === 0) return undefined;
  let document: unknown;
  try {
    document = JSON.parse(body);
  } catch {
    return undefined;
  }
  const values = paths.map((path) => path.split('.').reduce(memberAt, document));
  return values.map(String).find((value, at) => values[at] !== undefined && /^[\w.-]{1,64}$/.test(value));
}

function applies({ statuses, header, words }: AnswerRule, response: Response, body: string): boolean {
  if (!statuses.includes(response.status)) return false;
  if (header && response.headers.get(header[0]) !== header[1]) return false;
  return words === undefined || body.toLowerCase().includes(words);
}

function waitOf({ headers }: Response, resetAt: string | undefined, now: number): number | undefined {
  const asked = retryAfterSeconds(headers.get('retry-after'), now);
  const reset = resetAt === undefined ? null : headers.get(resetAt);
  if (asked !== undefined || reset === null || !/^\d{1,12}$/.test(reset)) return asked;
  return Math.min(Math.max(Number(reset) - Math.floor(now / 1000), 0), waitSecondsMax);
}

/**
 * A failed response as a native error. When a limit ends is kept only for responses that are about one: services send
 * that header with every response.
 */
export function failureIn(
  { codeAt = [], rules = [], resetAt }: FailedAnswers,
  response: Response,
  body: string,
  now = Date.now(),
): HttpFailure {
  const rule = rules.find((each) => applies(each, response, body));
  const code = rule?.code ?? codeIn(body, codeAt);
  const isLimit = rule !== undefined || response.status === 429;
  return new HttpFailure(response.status, {
    code,
    retryAfterSeconds: waitOf(response, isLimit ? resetAt : undefined, now),
  });
}

/**
 * The error table of an API.
 * @param remedies by status, where the source knows better what users can do
 */
export const apiErrors = (
  codes: ErrorTable['codes'] = {},
  remedies: Readonly<Record<number, string>> = {},
): ErrorTable => ({
  codeAt: ['code'],
  codes,
  statuses: {
    ...httpStatuses,
    ...Object.fromEntries(
      Object.entries(remedies).map(([status, remedy]) => [
        status,
        { ...meaningOfStatus(Number(status)), remedy },
      ]),
    ),
  },
  waitAt: 'retryAfterSeconds',
  fallback: { kind: 'protocol_error', message: 'The exchange with the source failed.' },
});
