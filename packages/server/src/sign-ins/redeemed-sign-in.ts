import { record } from '../audit/record.js';
import type { GrantAccount } from '../broker/grant-account.js';
import type { StoredGrant } from '../broker/grant-state.js';
import { revokeToken } from '../oauth/revocation.js';
import type { TokenSet } from '../oauth/types.js';
import type { Tx } from '../store/store.js';
import { OutcomeUnknownError } from '../store/store-error.js';
import type { SignInTable } from '../store/tables.js';
import type { SignInDependencies, SignInRequest } from './sign-in-request.js';
import { dropIntent, endSignIn } from './sign-in-store.js';

/** Tokens that were just issued. They belong to nobody until `complete` ran in the transaction that stores them. */
export interface RedeemedSignIn {
  tokens: TokenSet;
  complete(tx: Tx): Promise<void>;
  /**
   * Another account than before has signed in: keeps the grant for the person's choice.
   * @returns false when the credential is gone; the grant is revoked then
   */
  park(grant: StoredGrant, account: GrantAccount | undefined): Promise<boolean>;
  readonly signInId: string;
  /** The grant could not be stored: revokes it at the provider and ends the sign-in. */
  abandon(): Promise<void>;
}

export interface Redeemed {
  row: SignInTable;
  request: Pick<SignInRequest, 'setup' | 'renews'>;
  /** Written with the claim. */
  intentId: string;
  tokens: TokenSet;
}

/** Stores a fresh grant; one that cannot be stored is revoked rather than lost. */
export async function storedOrAbandoned<Result>(
  redeemed: Pick<RedeemedSignIn, 'abandon'> | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    // It may be stored, and a stored grant must not be revoked. If it is not, the sign-in's intent is still there
    // and ends it.
    if (!(error instanceof OutcomeUnknownError)) await redeemed?.abandon();
    throw error;
  }
}

export function createRedeemed(
  { store, network, log, parked }: Pick<SignInDependencies, 'store' | 'network' | 'log' | 'parked'>,
  { row, request, intentId, tokens }: Redeemed,
): RedeemedSignIn {
  const redeemed: RedeemedSignIn = {
    tokens,
    signInId: row.id,
    async park(grant, account) {
      // A sign-in that was not begun for a credential is remembered as being for the one it would replace.
      const renewed = { ...row, credential_id: request.renews?.id ?? row.credential_id };
      const { setup } = request;
      const isKept = await storedOrAbandoned(redeemed, () =>
        parked.park(renewed, { grant, setup }, { account, intentId }),
      );
      if (!isKept) await redeemed.abandon();
      return isKept;
    },
    async complete(tx) {
      await dropIntent(tx, row, intentId);
      await endSignIn(tx, row, 'completed');
      await record(tx, {
        name: 'sign-in.completed',
        by: { tenantId: row.tenant_id, userId: row.user_id },
        resourceId: row.id,
      });
    },
    async abandon() {
      const token = tokens.refreshToken ?? tokens.accessToken;
      const outcome = await revokeToken({ ...request.setup, token, network });
      log.warn({ signInId: row.id, outcome }, 'a fresh grant could not be stored and was revoked');
      await store.transaction(async (tx) => {
        await dropIntent(tx, row, intentId);
        await endSignIn(tx, row, 'failed', 'not_stored');
      });
    },
  };
  return redeemed;
}
