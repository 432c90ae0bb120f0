import { sha256 } from '../../crypto/digest.js';
import { newToken } from '../../crypto/random.js';
import { type RedeemedSignIn, storedOrAbandoned } from './redeemed-sign-in.js';
import { newSignIn, type SignInDependencies, type SignInRequest } from './sign-in-request.js';
import { endSignIn } from './sign-in-store.js';

/**
 * Where a grant waits for its user's choice that came by a pasted refresh token, without a sign-in.
 * @param fresh abandoned if the grant cannot be kept
 */
export function parkingForPastedToken(
  { store, parked, signInMinutes }: Pick<SignInDependencies, 'store' | 'parked' | 'signInMinutes'>,
  request: SignInRequest,
  fresh: Pick<RedeemedSignIn, 'abandon'>,
): Pick<RedeemedSignIn, 'park' | 'signInId'> {
  const at = store.clock.now();
  const row = newSignIn(request, {
    context: 'pasted',
    // No redirect leads here: the digest of an unknown value.
    state_hash: sha256(newToken()),
    redirect_uri: '',
    created_at: new Date(at).toISOString(),
    expires_at: new Date(at + signInMinutes * 60_000).toISOString(),
  });
  return {
    signInId: row.id,
    async park(grant, account, login) {
      const { setup } = request;
      const isKept = await storedOrAbandoned(fresh, async () => {
        await store.db.insertInto('sign_in').values(row).execute();
        return parked.park(row, { grant, setup, login }, { account, intentId: row.id });
      });
      if (isKept) return true;
      await fresh.abandon('not_stored');
      await endSignIn(store.db, row, 'failed', 'not_stored');
      return false;
    },
  };
}
