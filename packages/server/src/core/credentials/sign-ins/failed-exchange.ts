import { OAuthError } from '../../oauth/oauth-error.js';
import type { SignInTable } from '../../store/tables.js';
import type { SignInDependencies } from './sign-in-request.js';
import { changeWhile, dropIntent, endSignIn } from './sign-in-store.js';

/**
 * Whether the provider may answer better to the same.
 * @param isToldCoarsely until it has decided about the sign-in: an end before that would tell that it is there
 */
export const mayAnswerBetter = (kind: OAuthError['kind'], isToldCoarsely = false): boolean =>
  isToldCoarsely
    ? kind !== 'code_refused' && kind !== 'consent_required'
    : kind === 'unavailable' || kind === 'rate_limited';

/**
 * A code was not exchanged: the sign-in is open again where the provider may answer better, and has failed otherwise.
 * @param row as it was before it was claimed
 * @param isToldCoarsely as in {@link mayAnswerBetter}
 */
export async function recordFailedExchange(
  { store, log }: Pick<SignInDependencies, 'store' | 'log'>,
  row: SignInTable,
  intentId: string,
  { error, isToldCoarsely }: { error: unknown; isToldCoarsely?: boolean | undefined },
): Promise<{ kind: OAuthError['kind']; mayRetry: boolean }> {
  const isKnown = error instanceof OAuthError;
  const kind = isKnown ? error.kind : 'unavailable';
  log.warn({ signInId: row.id, kind, ...(isKnown ? {} : { err: error }) }, 'code exchange failed');
  const mayRetry = mayAnswerBetter(kind, isToldCoarsely);
  await store.transaction(async (tx) => {
    await dropIntent(tx, row, intentId);
    if (!mayRetry) return endSignIn(tx, row, 'failed', (isKnown ? error.providerCode : undefined) ?? kind);
    // One that was ended meanwhile stays so: what was sealed with it is gone.
    await changeWhile(tx, row, 'redeeming', { status: row.status });
  });
  return { kind, mayRetry };
}
