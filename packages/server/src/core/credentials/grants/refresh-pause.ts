import type { OAuthError, OAuthErrorKind } from '../../oauth/oauth-error.js';

/** The provider may have used up the refresh token, although no new one arrived. */
const mayHaveActed: readonly OAuthErrorKind[] = ['unavailable', 'nonsense'];

/** @param isSent whether a byte of the request went out */
export const isOutcomeUnknown = (error: OAuthError, isSent: boolean): boolean =>
  isSent && mayHaveActed.includes(error.kind);

const pause = { firstMs: 1_000, mostMs: 300_000, clientMs: 60_000 };

/**
 * How long to leave the provider alone: exponential back-off with 25 % jitter, so that many grants do not come back at
 * once. After a refused client a minute: an operator who corrects it should see the effect soon.
 * @returns `isBackOff`: the pause is ours, not one that the provider asked for
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
