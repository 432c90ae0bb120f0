import type { Queryable } from '../../store/queryable.js';
import type { CredentialTable } from '../../store/tables.js';
import { accountDiffers } from '../sign-ins/open-sign-in.js';
import { credentialGone } from '../sign-ins/park-grant.js';
import type { RedeemedSignIn } from '../sign-ins/redeemed-sign-in.js';
import {
  accountOfGrant,
  compareAccounts,
  hasHadGrant,
  maskedAccount,
  rememberedAccount,
} from './grant-account.js';
import type { StoredGrant } from './grant-state.js';

/**
 * The grant of a pasted code or token replaces another only if it is of the same account. Otherwise it waits, sealed, for
 * the user's choice.
 * @throws AppError SIGN-IN-ACCOUNT-DIFFERS unless the account that signed in is the one the credential had
 */
export async function assertSameAccount(
  db: Queryable,
  replaces: CredentialTable | undefined,
  redeemed: Pick<RedeemedSignIn, 'park' | 'signInId'>,
  { login, grant }: { login: Readonly<Record<string, unknown>>; grant: StoredGrant },
): Promise<void> {
  if (!replaces || !(await hasHadGrant(db, replaces))) return;
  const remembered = await rememberedAccount(db, replaces);
  const account = accountOfGrant(grant);
  if (compareAccounts(remembered, account) === 'same') return;
  if (!(await redeemed.park(grant, account, login))) throw credentialGone();
  throw accountDiffers(redeemed.signInId, {
    ...(remembered ? { remembered: maskedAccount(remembered) } : {}),
    ...(account ? { signedIn: maskedAccount(account) } : {}),
  });
}
