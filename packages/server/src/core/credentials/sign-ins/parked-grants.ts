import type { Caller } from '../../access/caller.js';
import { eachByItself } from '../../store/batches.js';
import type { CredentialTable, SignInTable } from '../../store/tables.js';
import type { GrantAccount } from '../grants/grant-account.js';
import { type AccountChoice, chooseAccount } from './choose-account.js';
import { discardParked, type ParkedGrantDependencies, parkGrant } from './park-grant.js';
import type { ParkedGrant } from './sealed-grants.js';

// A grant of an account that is not known to be the one a credential had. It has no owner until the user who began the
// sign-in chooses; if they do not, it is revoked at the provider when the sign-in expires.

export interface ParkedGrants {
  /**
   * @param row with the credential that the grant would have been for
   * @returns false if that was deleted, or the sign-in ended, meanwhile; nothing is kept then
   */
  park(
    row: SignInTable,
    parked: ParkedGrant,
    facts: { account: GrantAccount | undefined; intentId: string },
  ): Promise<boolean>;
  /**
   * Does with a parked grant what its user chose.
   * @returns the id of the credential that has the grant; undefined after `cancel`
   * @throws AppError NOT-FOUND for a sign-in that is not the caller's, SIGN-IN-INVALID for one without a choice
   */
  choose(
    caller: Caller,
    signInId: string,
    choice: AccountChoice,
    credentialsName: string | undefined,
  ): Promise<CredentialTable['id'] | undefined>;
  /** Revokes those whose choice was not made in time. */
  expire(): Promise<void>;
}

export function createParkedGrants(deps: ParkedGrantDependencies): ParkedGrants {
  return {
    park: (row, parked, facts) => parkGrant(deps, row, parked, facts),
    choose: (caller, signInId, choice, credentialsName) =>
      chooseAccount(deps, caller, { signInId, choice, credentialsName }),
    async expire() {
      const { store } = deps;
      const rows = await store.db
        .selectFrom('sign_in')
        .selectAll()
        .where('status', '=', 'needs_choice')
        .where('expires_at', '<=', store.clock.iso())
        .limit(100)
        .execute();
      await eachByItself(rows, (row) => discardParked(deps, row, 'expired', 'not chosen'));
    },
  };
}
