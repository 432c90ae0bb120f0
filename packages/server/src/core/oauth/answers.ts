// What the response of a token endpoint means. One table for the standard's few codes and the many that providers added;
// what a code means with one provider only is in that provider's data, and takes precedence. Anything else is `nonsense`:
// an unknown response must never cost a grant.
import type { AnswerMeaning, AnswerRule } from '@mooring/connectors/interface/sign-in';
import type { OAuthErrorKind, OAuthErrorReason } from './oauth-error.js';

export type GrantStep = 'code' | 'refresh' | 'client' | 'device' | 'assertion';

export interface Answer {
  status: number;
  /** The `Retry-After` header. */
  retryAfter?: string | null;
  /** The body if it is an object; else undefined. */
  body?: Readonly<Record<string, unknown>> | undefined;
  /** Type of the body, if it helps to find the mistake. */
  type?: 'form' | 'page' | undefined;
}

export interface Verdict {
  kind: OAuthErrorKind;
  /** Why, if the provider tells it. */
  reason?: OAuthErrorReason;
  providerCode?: string;
  retryAfterSeconds?: number;
}

type Meaning = OAuthErrorKind | 'grant' | 'code' | 'refresh_token';

const others = (device: OAuthErrorKind) => ({ device, assertion: 'client_refused' as const });

/** A refused grant is what was sent; an error code that names something that was not sent proves nothing. */
const meaningAtStep: Record<'grant' | 'code' | 'refresh_token', Record<GrantStep, OAuthErrorKind>> = {
  grant: { code: 'code_refused', refresh: 'grant_dead', client: 'client_refused', ...others('code_refused') },
  code: { code: 'code_refused', refresh: 'nonsense', client: 'nonsense', ...others('nonsense') },
  refresh_token: { code: 'nonsense', refresh: 'grant_dead', client: 'nonsense', ...others('nonsense') },
};

/** By error code in lower case. The first of each group are those of RFC 6749 section 5.2 and its extensions. */
const codesOf: Readonly<Partial<Record<Meaning, readonly string[]>>> = {
  grant: ['invalid_grant'],
  code: ['bad_verification_code', 'invalid_code', 'code_already_used', 'bad_auth_code', 'expired_auth_code'],
  refresh_token: ['bad_refresh_token', 'invalid_refresh_token'],
  client_refused: [
    'invalid_client',
    'unauthorized_client',
    'invalid_request',
    'unsupported_grant_type',
    'invalid_scope',
    'invalid_target',
    'invalid_resource',
    'invalid_client_id',
    'invalid_client_credentials',
    'incorrect_client_credentials',
    'bad_client_id',
    'bad_client_secret',
    'deleted_client',
    'disabled_client',
    'application_suspended',
    'redirect_uri_mismatch',
    'bad_redirect_uri',
    'invalid_redirect_uri',
    'invalid_grant_type',
    'oauth_authorization_url_mismatch',
    'org_internal',
  ],
  consent_required: [
    'interaction_required',
    'login_required',
    'consent_required',
    'account_selection_required',
    'access_denied',
    'admin_policy_enforced',
  ],
  rate_limited: ['slow_down', 'ratelimited', 'rate_limited', 'rate_limit_exceeded', 'too_many_requests'],
  unavailable: [
    'temporarily_unavailable',
    'server_error',
    'internal_error',
    'internal_failure',
    'fatal_error',
    'service_unavailable',
    'request_timeout',
  ],
};

const meanings = new Map<string, Meaning>(
  Object.entries(codesOf).flatMap(([meaning, codes]) => codes.map((code) => [code, meaning as Meaning])),
);

/**
 * Some providers reject a concurrent refresh with the error code of a dead grant, and tell the difference in the description only.
 */
const temporaryWording =
  /already being processed|too many requests|temporar|transient|try again (later|after)/i;

/** By the class that a provider's rule names. */
const meaningOfRule: Record<AnswerMeaning, { meaning: Meaning; reason?: OAuthErrorReason }> = {
  grant_dead: { meaning: 'grant' },
  revoked: { meaning: 'grant', reason: 'revoked' },
  expired: { meaning: 'grant', reason: 'expired' },
  rotated_away: { meaning: 'grant', reason: 'rotated_away' },
  code_refused: { meaning: 'code' },
  client_refused: { meaning: 'client_refused' },
  consent_required: { meaning: 'consent_required' },
  policy: { meaning: 'consent_required', reason: 'policy' },
  rate_limited: { meaning: 'rate_limited' },
  unavailable: { meaning: 'unavailable' },
  nonsense: { meaning: 'nonsense' },
};

const printableCode = /^[\w.-]{1,64}$/;
const retryAfterSecondsMax = 86_400;

/**
 * @param now milliseconds since the epoch, for a `Retry-After` that is a date
 * @param rules of the provider
 * @returns undefined for a success, by status and error code
 */
export function judgeAnswer(
  answer: Answer,
  step: GrantStep,
  now: number,
  rules: readonly AnswerRule[] = [],
): Verdict | undefined {
  const code = errorCodeOf(answer);
  const judged = classOf(answer, code, step, rules);
  if (judged === undefined) return undefined;
  const retryAfterSeconds = readRetryAfter(answer.retryAfter ?? null, now);
  return {
    ...judged,
    ...(code !== undefined && printableCode.test(code) ? { providerCode: code } : {}),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}

function classOf(
  { status, body }: Answer,
  code: string | undefined,
  step: GrantStep,
  rules: readonly AnswerRule[],
): Pick<Verdict, 'kind' | 'reason'> | undefined {
  if (status === 429) return { kind: 'rate_limited' };
  if (status >= 500 || status === 408 || status === 425) return { kind: 'unavailable' };
  if (status >= 300 && status < 400) return { kind: 'nonsense' };
  if (code === undefined) {
    return status >= 200 && status < 300 && body !== undefined ? undefined : { kind: 'nonsense' };
  }
  const rule = rules.find((candidate) => fits(candidate, code, body));
  const { meaning, reason } =
    rule === undefined
      ? { meaning: meanings.get(code.toLowerCase()) ?? 'nonsense', reason: undefined }
      : { reason: undefined, ...meaningOfRule[rule.means] };
  const kind = kindAtStep(meaning, step, body);
  const isSaid = reason !== undefined && (kind === 'grant_dead' || kind === 'consent_required');
  return { kind, ...(isSaid ? { reason } : {}) };
}

function kindAtStep(meaning: Meaning, step: GrantStep, body: Answer['body']): OAuthErrorKind {
  if (meaning !== 'grant' && meaning !== 'code' && meaning !== 'refresh_token') return meaning;
  return isSaidToBeTemporary(body) ? 'unavailable' : meaningAtStep[meaning][step];
}

function fits(rule: AnswerRule, code: string, body: Answer['body']): boolean {
  const details = [body?.['error_subtype'], body?.['suberror'], body?.['error_codes']].flat().map(String);
  return (
    (rule.code === undefined || rule.code === code.toLowerCase()) &&
    (rule.detail === undefined || details.includes(rule.detail)) &&
    (rule.words === undefined || descriptionOf(body).toLowerCase().includes(rule.words))
  );
}

/** The error code, wherever the provider puts it: usually in `error`, also with status 200. */
function errorCodeOf({ status, body }: Answer): string | undefined {
  if (body === undefined) return undefined;
  const nested = typeof body['error'] === 'object' && body['error'] !== null ? body['error'] : {};
  const isFailure = status < 200 || status > 299 || body['ok'] === false;
  const candidates = isFailure
    ? [
        body['error'],
        ...['status', 'type'].map((name) => member(nested, name)),
        body['status'],
        body['errorCode'],
      ]
    : [body['error']];
  return candidates.find(
    (candidate): candidate is string => typeof candidate === 'string' && candidate !== '',
  );
}

const isSaidToBeTemporary = (body: Answer['body']): boolean => temporaryWording.test(descriptionOf(body));

function descriptionOf(body: Answer['body']): string {
  const description = body?.['error_description'] ?? body?.['message'];
  return typeof description === 'string' ? description : '';
}

const member = (value: object, name: string): unknown => (value as Record<string, unknown>)[name];

const insteadOfJson = {
  form: ' with a form (application/x-www-form-urlencoded), which is not JSON',
  page: ' with a web page',
  other: ' without JSON',
} as const;

/** What is wrong with an invalid response, in our own words, without its text. */
export function oddityOf({ status, type, body }: Answer): string {
  if (status >= 300 && status < 400) {
    return `It answered ${status}, a redirect, which is not followed: its URL is wrong, or there is a proxy in front of it.`;
  }
  return `It answered ${status}${body === undefined ? insteadOfJson[type ?? 'other'] : ''}.`;
}

/** Delay in seconds or HTTP-date (RFC 9110 section 10.2.3), at most a day. Anything else is ignored. */
export function readRetryAfter(header: string | null, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,10}$/.test(text)) return Math.min(Number(text), retryAfterSecondsMax);
  if (!/^[A-Za-z]{3,9}[, ].*\d{2}:\d{2}:\d{2}/.test(text)) return undefined;
  // An asctime date has no zone, and is always GMT.
  const at = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  if (Number.isNaN(at)) return undefined;
  return Math.min(Math.max(0, Math.ceil((at - now) / 1000)), retryAfterSecondsMax);
}
