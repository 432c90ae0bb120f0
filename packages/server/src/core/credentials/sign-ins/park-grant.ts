import { revealedJson, Secret } from '@mooring/connectors/spec/secret';
import { AppError } from '../../errors/app-error.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import type { Store } from '../../store/store.js';
import type { CredentialTable, SignInTable } from '../../store/tables.js';
import type { Vault } from '../../vault/envelope.js';
import type { GrantAccount } from '../grants/grant-account.js';
import { credentialOfSignIn } from '../grants/revocation-queue.js';
import type { Revoker } from '../grants/revoker.js';
import { type ParkedGrant, sealedGrantOf } from './sealed-grants.js';
import { changeWhile, dropIntent, endSignIn, sealField } from './sign-in-store.js';

export interface ParkedGrantDependencies {
  store: Store;
  vault: Vault;
  revoker: Pick<Revoker, 'queueRevocation' | 'kick'>;
  /** How long a choice stays open. */
  signInMinutes: number;
}

/** The credential that a sign-in was to renew has been deleted. */
export const credentialGone = () =>
  new AppError('SIGN-IN-INVALID', 'The credential of this sign-in is gone. Begin again.');

/** The credential that a sign-in is for. */
export const credentialOf = (db: Queryable, row: SignInTable): Promise<CredentialTable | undefined> =>
  db
    .selectFrom('credential')
    .selectAll()
    .where('id', '=', row.credential_id)
    .where('tenant_id', '=', row.tenant_id)
    .where('owner_id', '=', row.user_id)
    .executeTakeFirst();

/** Choosing and discarding claim the sign-in first: a grant is kept or revoked, never both. */
export const claimChoice = (
  tx: Tx,
  row: SignInTable,
  status: 'completed' | 'failed' | 'expired',
): Promise<boolean> => changeWhile(tx, row, 'needs_choice', { status });

/** See `ParkedGrants.park`. */
export const parkGrant = (
  { store, vault, signInMinutes }: ParkedGrantDependencies,
  row: SignInTable,
  parked: ParkedGrant,
  { account, intentId }: { account: GrantAccount | undefined; intentId: string },
): Promise<boolean> =>
  store.transaction(async (tx) => {
    if (!(await credentialOf(tx, row))) return false;
    const waiting = await tx
      .updateTable('sign_in')
      .set({
        status: 'needs_choice',
        credential_id: row.credential_id,
        account_issuer: account?.issuer ?? null,
        account_subject: account?.subject ?? null,
        account_email: account?.email ?? null,
        expires_at: store.clock.iso(signInMinutes * 60_000),
      })
      .where('id', '=', row.id)
      .where('tenant_id', '=', row.tenant_id)
      .where('user_id', '=', row.user_id)
      // One that has ended since keeps nothing.
      .where('status', 'in', ['pending', 'redeeming'])
      .executeTakeFirst();
    if (waiting.numUpdatedRows !== 1n) return false;
    await sealField(tx, vault, row, ['grant', new Secret(revealedJson(parked))]);
    await dropIntent(tx, row, intentId);
    return true;
  });

/**
 * Ends the sign-in and queues its grant for revocation, whether the credential it was for still exists or not.
 * @returns false if another request chose, or discarded it, meanwhile
 */
export async function discardParked(
  { store, vault, revoker }: Pick<ParkedGrantDependencies, 'store' | 'vault' | 'revoker'>,
  row: SignInTable,
  status: 'failed' | 'expired',
  why: string,
): Promise<boolean> {
  const isMine = await store.transaction(async (tx) => {
    if (!(await claimChoice(tx, row, status))) return false;
    const parked = await sealedGrantOf(tx, vault, row);
    if (parked) await revoker.queueRevocation(tx, credentialOfSignIn(row), parked);
    await endSignIn(tx, row, status, why);
    return true;
  });
  revoker.kick();
  return isMine;
}
