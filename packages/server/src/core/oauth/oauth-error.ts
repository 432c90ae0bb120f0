export type OAuthErrorKind =
  /** The refresh token is proven dead: the person has to sign in again. */
  | 'grant_dead'
  /** The authorization code was refused. */
  | 'code_refused'
  /** The provider refuses our registration or the form of our request; an operator has to look. */
  | 'client_refused'
  /** The provider wants the person: sign in, confirm, consent. */
  | 'consent_required'
  | 'rate_limited'
  /** Down, overloaded, unreachable, too slow or cut off. Whether it acted is not known. */
  | 'unavailable'
  /** An answer that is none of OAuth's. */
  | 'nonsense'
  | 'egress_refused';

/** Finer than the kind, where a provider says why. */
export type OAuthErrorReason = 'revoked' | 'expired' | 'rotated_away' | 'policy';

const reasons: Record<OAuthErrorReason, string> = {
  revoked: 'It was revoked.',
  expired: 'It has expired.',
  rotated_away: 'Its refresh token had been replaced before: another program may use a copy of it.',
  policy: 'A policy of the organisation asks for it.',
};

const sentences: Record<OAuthErrorKind, string> = {
  grant_dead: 'The identity provider says that this sign-in has ended.',
  code_refused: 'The identity provider did not accept the code.',
  client_refused: 'The identity provider did not accept the OAuth client or its request.',
  consent_required: 'The identity provider wants the person to sign in or to consent again.',
  rate_limited: 'The identity provider asks to slow down.',
  unavailable: 'The identity provider could not be reached, or failed to answer.',
  nonsense: 'The identity provider gave an answer that OAuth does not know.',
  egress_refused: "The server's network policy does not allow this identity provider.",
};

export interface OAuthErrorOptions {
  /** The `error` code of the provider, already checked to be a plain name. */
  providerCode?: string;
  /** Of `grant_dead` and `consent_required`. */
  reason?: OAuthErrorReason;
  /** Seconds the provider asked to wait. */
  retryAfterSeconds?: number;
  /** Our own words about what was wrong; never text of a provider. */
  detail?: string;
  /** Never an object that holds the answer: answers hold tokens, and causes are logged. */
  cause?: unknown;
}

/** A failed exchange with an identity provider. The message holds no provider text but a checked error code. */
export class OAuthError extends Error {
  readonly kind: OAuthErrorKind;
  readonly reason: OAuthErrorReason | undefined;
  readonly providerCode: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** Our own words about what was wrong. */
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
