import { record } from '../audit/record.js';
import type { GrantAccount } from '../broker/grant-account.js';
import type { StoredGrant } from '../broker/grant-state.js';
import { revokeToken } from '../oauth/revocation.js';
import type { TokenSet } from '../oauth/types.js';
import type { Tx } from '../store/store.js';
import type { SignInTable } from '../store/tables.js';
import type { SignInDependencies, SignInRequest } from './sign-in-request.js';
import { endSignIn } from './sign-in-store.js';

/** Tokens that were just issued. They belong to nobody until `complete` ran in the transaction that stores them. */
export interface RedeemedSignIn {
  tokens: TokenSet;
  complete(tx: Tx): Promise<void>;
  /** Another account than before has signed in: keeps the grant for the person's choice. */
  park(grant: StoredGrant, account: GrantAccount | undefined): Promise<void>;
  readonly signInId: string;
  /** The grant could not be stored: revokes it at the provider and ends the sign-in. */
  abandon(): Promise<void>;
}

export interface Redeemed {
  row: SignInTable;
  request: SignInRequest;
  /** Written with the claim. */
  intentId: string;
  tokens: TokenSet;
}

export function createRedeemed(
  { store, network, log, parked }: SignInDependencies,
  { row, request, intentId, tokens }: Redeemed,
): RedeemedSignIn {
  return {
    tokens,
    signInId: row.id,
    async park(grant, account) {
      // A sign-in that was not begun for a credential is remembered as being for the one it would replace.
      const renewed = { ...row, credential_id: request.renews?.id ?? row.credential_id };
      await store.db
        .updateTable('sign_in')
        .set({ credential_id: renewed.credential_id })
        .where('id', '=', row.id)
        .execute();
      await parked.park(renewed, grant, { account, intentId });
    },
    async complete(tx) {
      await tx.deleteFrom('intent').where('id', '=', intentId).execute();
      await endSignIn(tx, row, 'completed');
      await record(tx, { name: 'sign-in.completed', by: request.caller, resourceId: row.id });
    },
    async abandon() {
      const token = tokens.refreshToken ?? tokens.accessToken;
      const outcome = await revokeToken({ ...request.setup, token, network });
      log.warn({ signInId: row.id, outcome }, 'a fresh grant could not be stored and was revoked');
      await store.transaction(async (tx) => {
        await tx.deleteFrom('intent').where('id', '=', intentId).execute();
        await endSignIn(tx, row, 'failed', 'not_stored');
      });
    },
  };
}
