import { record } from '../../audit/record.js';
import { AppError } from '../../errors/app-error.js';
import type { TokenSet } from '../../oauth/types.js';
import type { Tx } from '../../store/queryable.js';
import { OutcomeUnknownError } from '../../store/store-error.js';
import type { SignInTable } from '../../store/tables.js';
import type { GrantAccount } from '../grants/grant-account.js';
import type { StoredGrant } from '../grants/grant-state.js';
import { credentialOfSignIn } from '../grants/revocation-queue.js';
import { beginAgain } from './open-sign-in.js';
import type { SignInDependencies, SignInRequest } from './sign-in-request.js';
import { dropIntent, endSignIn, findSignIn, leaveRedeeming } from './sign-in-store.js';

/** Fresh tokens. They have no owner until `complete` ran in the transaction that stores them. */
export interface RedeemedSignIn {
  tokens: TokenSet;
  complete(tx: Tx): Promise<void>;
  /**
   * A different account signed in: keeps the grant for the user's choice.
   * @returns false if the credential is gone; the grant is revoked then
   */
  park(
    grant: StoredGrant,
    account: GrantAccount | undefined,
    login: Readonly<Record<string, unknown>>,
  ): Promise<boolean>;
  readonly signInId: string;
  /**
   * Gives the grant up: ends the sign-in, and queues the tokens for revocation in the same transaction.
   * @param why recorded with the sign-in. `unknown`: the grant may be stored, and is not revoked if it is
   */
  abandon(why: 'not_stored' | 'unknown' | 'another_account' | 'account_unknown'): Promise<void>;
}

export interface Redeemed {
  row: SignInTable;
  request: Pick<SignInRequest, 'setup' | 'renews'>;
  /** Of the intent that was written with the claim. */
  intentId: string;
  tokens: TokenSet;
}

/**
 * Stores a fresh grant; one that cannot be stored is abandoned rather than lost. If the outcome of the transaction is
 * unknown, `abandon` looks: a stored grant is never revoked.
 */
export async function storedOrAbandoned<Result>(
  redeemed: Pick<RedeemedSignIn, 'abandon'> | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    await redeemed?.abandon(error instanceof OutcomeUnknownError ? 'unknown' : 'not_stored');
    throw error;
  }
}

export function createRedeemed(
  { log, parked, revoker }: Pick<SignInDependencies, 'log' | 'parked' | 'revoker'>,
  { row, request, intentId, tokens }: Redeemed,
): RedeemedSignIn {
  const redeemed: RedeemedSignIn = {
    tokens,
    signInId: row.id,
    async park(grant, account, login) {
      // A sign-in that was not begun for a credential is stored as being for the one it would replace.
      const renewed = { ...row, credential_id: request.renews?.id ?? row.credential_id };
      const { setup } = request;
      const isKept = await storedOrAbandoned(redeemed, () =>
        parked.park(renewed, { grant, setup, login }, { account, intentId }),
      );
      if (!isKept) await redeemed.abandon('not_stored');
      return isKept;
    },
    async complete(tx) {
      if (!(await leaveRedeeming(tx, row, 'completed'))) {
        throw new AppError('SIGN-IN-INVALID', `This sign-in has ended. ${beginAgain}`);
      }
      await dropIntent(tx, row, intentId);
      await endSignIn(tx, row, 'completed');
      await record(tx, {
        name: 'sign-in.completed',
        by: { tenantId: row.tenant_id, userId: row.user_id },
        resourceId: row.id,
      });
    },
    async abandon(why) {
      log.warn({ signInId: row.id, why }, 'fresh grant abandoned');
      await revoker.untilStored(async (tx) => {
        await dropIntent(tx, row, intentId);
        if (await leaveRedeeming(tx, row, 'failed')) {
          await endSignIn(tx, row, 'failed', why === 'unknown' ? 'not_stored' : why);
        } else if (await isKeptWith(tx, row)) return;
        await revoker.queueRevocation(tx, credentialOfSignIn(row), { setup: request.setup, tokens });
      });
    },
  };
  return redeemed;
}

/** The grant of a sign-in is stored, or still sealed with it. A sign-in that was ended or deleted keeps nothing. */
export async function isKeptWith(tx: Tx, row: SignInTable): Promise<boolean> {
  const now = await findSignIn(tx, row);
  return now !== undefined && now.status !== 'failed' && now.status !== 'expired';
}
