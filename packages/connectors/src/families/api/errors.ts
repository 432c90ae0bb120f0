import type { ErrorTable, Meaning } from '../../interface/errors.js';
import { HttpFailure, httpStatuses, meaningOfStatus, retryAfterSeconds } from '../http/failures.js';

/** What distinguishes the failed responses of an API beyond their status. Codes are those of its error table. */
export interface FailedAnswers {
  /** Where a JSON body has the vendor's code; the first path with a value counts. */
  codeAt?: readonly string[];
  /** By the code that they get here, which precedes that of the body; the first one that applies counts. */
  known?: KnownAnswers;
}

export type KnownAnswers = Readonly<Record<string, AnswerRule & (Meaning | { kind: typeof emptyList })>>;

/** All conditions must hold. */
interface AnswerRule {
  statuses: readonly number[];
  /** A header with exactly this value. */
  header?: readonly [name: string, value: string];
  /** A part of the body, lower-cased. */
  words?: string;
  /** For a rate limit whose response has no Retry-After: a header with its end in seconds since 1970, or the seconds. */
  wait?: { untilIn: string } | { seconds: number };
}

/** Code of a failed answer that only says that a list has no rows. */
export const emptyList = 'an empty list';

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

function waitOf({ headers }: Response, wait: AnswerRule['wait'], now: number): number | undefined {
  const asked = retryAfterSeconds(headers.get('retry-after'), now);
  if (asked !== undefined || wait === undefined) return asked;
  if ('seconds' in wait) return wait.seconds;
  const until = headers.get(wait.untilIn) ?? '';
  if (!/^\d{1,12}$/.test(until)) return undefined;
  return Math.min(Math.max(Number(until) - Math.floor(now / 1000), 0), waitSecondsMax);
}

/** A failed response as a native error. */
export function failureIn(
  { codeAt = [], known = {} }: FailedAnswers,
  response: Response,
  body: string,
  now = Date.now(),
): HttpFailure {
  const [code, rule] = Object.entries(known).find(([, each]) => applies(each, response, body)) ?? [];
  return new HttpFailure(response.status, {
    code: rule?.kind === emptyList ? emptyList : (code ?? codeIn(body, codeAt)),
    retryAfterSeconds: waitOf(response, rule?.wait, now),
  });
}

/** Rate limits of APIs that give the requests left, and the time of the next reset, in headers of their own. */
export const limitAnswers = (headers: { remaining: string; reset: string }): KnownAnswers => ({
  RateLimited: {
    ...{ statuses: [403, 429], header: [headers.remaining, '0'], wait: { untilIn: headers.reset } },
    kind: 'rate_limited',
    message: 'The source’s rate limit for this user was exceeded.',
    retryable: true,
  },
  // Too many at once, without a time: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
  TooFast: {
    ...{ statuses: [403, 429], words: 'secondary rate limit', wait: { seconds: 60 } },
    kind: 'rate_limited',
    message: 'The source limits the requests of this user for a while.',
    retryable: true,
  },
});

/**
 * The error table of an API.
 * @param known failed answers by their codes
 * @param remedies by status, where the source knows better what users can do
 */
export const apiErrors = (
  known: KnownAnswers = {},
  remedies: Readonly<Record<number, string>> = {},
): ErrorTable => ({
  codeAt: ['code'],
  codes: Object.fromEntries(
    Object.entries(known).flatMap(([code, answer]) => {
      if (answer.kind === emptyList) return [];
      const { statuses: _statuses, header: _header, words: _words, wait: _wait, ...meaning } = answer;
      return [[code, meaning]];
    }),
  ),
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
