import { ConnectorError } from '@mooring/connectors/spec/errors';
import { egressRefused } from '../egress/failure.js';
import { OAuthError, type OAuthErrorKind } from '../oauth/oauth-error.js';

// What callers are told of a renewal that brought no token, and how long the provider is left alone then.

/** The provider may have used the refresh token up, although no new one arrived. */
const mayHaveActed: readonly OAuthErrorKind[] = ['unavailable', 'nonsense'];

/** @param isSent whether a byte of the request went out */
export const isOutcomeUnknown = (error: OAuthError, isSent: boolean): boolean =>
  isSent && mayHaveActed.includes(error.kind);

/** The user has to sign in again, and only they can. */
export function signInAgain(cause: unknown): ConnectorError {
  return new ConnectorError('auth_failed', 'The sign-in to the source is no longer valid.', {
    remedy: 'Sign in again.',
    cause,
  });
}

const waitSeconds = 5;

/** The renewal goes on, and what it brings is kept. */
export function notKnownYet(): ConnectorError {
  return new ConnectorError(
    'unreachable',
    'The identity provider has not answered yet. It is not known whether it renewed the sign-in.',
    {
      remedy: `Try again in ${waitSeconds} s: its answer is kept when it comes.`,
      retryable: true,
      retryAfterSeconds: waitSeconds,
    },
  );
}

/** The use was refused with a token that is no longer the stored one. */
export function renewedMeanwhile(): ConnectorError {
  return new ConnectorError('unreachable', 'The sign-in was renewed while it was being used.', {
    remedy: 'Try again in 1 s.',
    retryable: true,
    retryAfterSeconds: 1,
  });
}

export interface Trouble {
  /** The provider may have acted all the same. */
  isUnknown?: boolean;
  waitMs?: number;
}

/** The provider failed, or is left alone after it did; the grant is as it was, as far as anybody knows. */
export function providerTrouble(error: unknown, { isUnknown = false, waitMs }: Trouble = {}): unknown {
  const failure = error instanceof OAuthError ? error : undefined;
  if (error !== undefined && !failure) return error;
  if (failure?.kind === 'egress_refused') return egressRefused();
  const seconds = failure?.retryAfterSeconds ?? (waitMs === undefined ? undefined : Math.ceil(waitMs / 1000));
  const more = { retryable: true, ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }) };
  if (failure?.kind === 'client_refused') {
    return new ConnectorError(
      'unreachable',
      "The identity provider does not accept this server's OAuth client.",
      {
        ...more,
        remedy: 'Nothing was lost. Ask your operator to look at the OAuth client of this provider.',
        cause: error,
      },
    );
  }
  const kind = failure?.kind === 'rate_limited' ? 'rate_limited' : 'unreachable';
  const message = isUnknown
    ? 'The identity provider failed. It is not known whether it renewed the sign-in.'
    : 'The identity provider did not renew the sign-in. Nothing was lost.';
  return new ConnectorError(kind, message, {
    ...more,
    remedy: seconds === undefined ? 'Try again in a moment.' : `Try again in ${seconds} s.`,
    cause: error,
  });
}

const pause = { firstMs: 1_000, mostMs: 300_000, clientMs: 60_000 };

/**
 * How long the provider is left alone. Doubles with every failure, spread by a quarter so that many grants do not come
 * back at once. An operator who mends a refused client should not have to wait long for it to show.
 */
export function pauseOf(error: OAuthError, failures: number): { pauseMs: number; isBackOff: boolean } {
  if (error.retryAfterSeconds !== undefined) {
    return { pauseMs: error.retryAfterSeconds * 1000, isBackOff: false };
  }
  const spread = 0.75 + Math.random() / 4;
  if (error.kind === 'client_refused') return { pauseMs: pause.clientMs * spread, isBackOff: false };
  const pauseMs = Math.min(pause.firstMs * 2 ** Math.min(failures, 20), pause.mostMs) * spread;
  return { pauseMs, isBackOff: true };
}
