export type OAuthErrorKind =
  /** The refresh token is proven dead: the user has to sign in again. */
  | 'grant_dead'
  /** The authorization code was refused. */
  | 'code_refused'
  /** The provider rejects our client or the form of our request; an operator has to act. */
  | 'client_refused'
  /** The provider requires the user: to sign in, confirm or consent. */
  | 'consent_required'
  | 'rate_limited'
  /** Down, overloaded, unreachable, too slow or cut off. It is not known whether it acted. */
  | 'unavailable'
  /** Not a valid OAuth response. */
  | 'nonsense'
  | 'egress_refused';

/** Finer than the kind, if a provider tells it. */
export type OAuthErrorReason = 'revoked' | 'expired' | 'rotated_away' | 'policy';

const reasons: Record<OAuthErrorReason, string> = {
  revoked: 'It was revoked.',
  expired: 'It has expired.',
  rotated_away: 'Its refresh token was replaced before: another program may use a copy of it.',
  policy: 'A policy of the organization requires it.',
};

const sentences: Record<OAuthErrorKind, string> = {
  grant_dead: 'The identity provider has ended this sign-in.',
  code_refused: 'The identity provider rejected the code.',
  client_refused: 'The identity provider rejected the OAuth client or its request.',
  consent_required: 'The identity provider requires the user to sign in or consent again.',
  rate_limited: 'The identity provider limits the rate of requests.',
  unavailable: 'The identity provider could not be reached, or did not answer.',
  nonsense: 'The identity provider did not send a valid OAuth response.',
  egress_refused: "The server's network policy does not allow this identity provider.",
};

export interface OAuthErrorOptions {
  /** The `error` code of the provider; a validated plain name. */
  providerCode?: string;
  /** Of `grant_dead` and `consent_required`. */
  reason?: OAuthErrorReason;
  /** Seconds the provider asked to wait. */
  retryAfterSeconds?: number;
  /** What was wrong, in our own words; never text of a provider. */
  detail?: string;
  /** Never an object that holds the response: responses hold tokens, and causes are logged. */
  cause?: unknown;
}

/** A failed exchange with an identity provider. The only provider text in the message is a validated error code. */
export class OAuthError extends Error {
  readonly kind: OAuthErrorKind;
  readonly reason: OAuthErrorReason | undefined;
  readonly providerCode: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** What was wrong, in our own words. */
  readonly detail: string | undefined;

  constructor(kind: OAuthErrorKind, options: OAuthErrorOptions = {}) {
    const why = options.reason && reasons[options.reason];
    const parts = [sentences[kind], why, options.detail, options.providerCode && `(${options.providerCode})`];
    super(parts.filter(Boolean).join(' '), options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'OAuthError';
    this.kind = kind;
    this.reason = options.reason;
    this.providerCode = options.providerCode;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.detail = options.detail;
  }
}
