import type { ErrorTable } from '../../interface/errors.js';
import { HttpFailure, httpStatuses, meaningOfStatus, retryAfterSeconds } from '../http/failures.js';

/** What distinguishes the failed responses of an API beyond their status. Codes are those of its error table. */
export interface FailedAnswers {
  /** Where a JSON body has the vendor's code; the first path with a value counts. */
  codeAt?: readonly string[];
  /** The first rule of which all conditions hold gives the code; it precedes the code of the body. */
  rules?: readonly AnswerRule[];
}

export interface AnswerRule {
  statuses: readonly number[];
  /** A header with exactly this value. */
  header?: readonly [name: string, value: string];
  /** A part of the body, lower-cased. */
  words?: string;
  code: string;
  /** For a rate limit whose response has no Retry-After: a header with its end in seconds since 1970, or the seconds. */
  wait?: { untilIn: string } | { seconds: number };
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
  { codeAt = [], rules = [] }: FailedAnswers,
  response: Response,
  body: string,
  now = Date.now(),
): HttpFailure {
  const rule = rules.find((each) => applies(each, response, body));
  return new HttpFailure(response.status, {
    code: rule?.code ?? codeIn(body, codeAt),
    retryAfterSeconds: waitOf(response, rule?.wait, now),
  });
}

/** Rate limits of APIs that give the requests left, and the time of the next reset, in headers of their own. */
export const limitRules = (headers: { remaining: string; reset: string }): readonly AnswerRule[] => [
  {
    ...{ statuses: [403, 429], header: [headers.remaining, '0'], code: 'RateLimited' },
    wait: { untilIn: headers.reset },
  },
  // Too many at once, without a time: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
  { statuses: [403, 429], words: 'secondary rate limit', code: 'TooFast', wait: { seconds: 60 } },
];

const limitCodes: ErrorTable['codes'] = {
  RateLimited: {
    kind: 'rate_limited',
    message: 'The source’s rate limit for this user was exceeded.',
    retryable: true,
  },
  TooFast: {
    kind: 'rate_limited',
    message: 'The source limits the requests of this user for a while.',
    retryable: true,
  },
};

/**
 * The error table of an API.
 * @param remedies by status, where the source knows better what users can do
 */
export const apiErrors = (
  codes: ErrorTable['codes'] = {},
  remedies: Readonly<Record<number, string>> = {},
): ErrorTable => ({
  codeAt: ['code'],
  codes: { ...limitCodes, ...codes },
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
