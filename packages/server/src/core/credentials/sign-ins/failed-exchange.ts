import { OAuthError } from '../../oauth/oauth-error.js';
import type { SignInTable } from '../../store/tables.js';
import type { SignInDependencies } from './sign-in-request.js';
import { changeWhile, dropIntent, endSignIn } from './sign-in-store.js';

/**
 * Whether the same request may succeed later.
 * @param isCoarse then until the provider has decided about the sign-in: ending it earlier would tell that the
 * provider can be reached
 */
export const mayAnswerBetter = (kind: OAuthError['kind'], isCoarse = false): boolean =>
  isCoarse
    ? kind !== 'code_refused' && kind !== 'consent_required'
    : kind === 'unavailable' || kind === 'rate_limited';

/**
 * A code was not exchanged: opens the sign-in again if the exchange may succeed later, and ends it otherwise.
 * @param row as it was before it was claimed
 * @param isCoarse as in {@link mayAnswerBetter}
 * @returns whether the same code may be sent again
 */
export async function recordFailedExchange(
  { store, log }: Pick<SignInDependencies, 'store' | 'log'>,
  row: SignInTable,
  intentId: string,
  { error, isCoarse }: { error: unknown; isCoarse?: boolean | undefined },
): Promise<boolean> {
  const isKnown = error instanceof OAuthError;
  const kind = isKnown ? error.kind : 'unavailable';
  log.warn({ signInId: row.id, kind, ...(isKnown ? {} : { err: error }) }, 'code exchange failed');
  const mayRetry = mayAnswerBetter(kind, isCoarse);
  await store.transaction(async (tx) => {
    await dropIntent(tx, row, intentId);
    if (!mayRetry) return endSignIn(tx, row, 'failed', (isKnown ? error.providerCode : undefined) ?? kind);
    // If it has ended since, it stays ended: its sealed fields are gone.
    await changeWhile(tx, row, 'redeeming', { status: row.status });
  });
  return mayRetry;
}
