import { newUuid } from '../crypto/random.js';
import type { Queryable, Tx } from '../store/queryable.js';
import type { InvitationTable } from '../store/tables.js';
import type { HashToken } from '../vault/token-hashes.js';
import { mayBeInvitation, newInvitationToken } from './token.js';

export interface NewInvitation {
  tenantId: string;
  userId: string;
  /** Null: issued on the machine itself. Its operator reaches everything anyway, so the key needs no approval. */
  createdBy: string | null;
  createdAt: Date;
  lifeMs: number;
}

/** Where an invitation is redeemed in a browser. A fragment is never sent to a server, nor to a proxy's log. */
export const invitationUrl = (publicUrl: string, token: string): string =>
  `${publicUrl}/console/setup#${token}`;

export async function issueInvitation(
  tx: Tx,
  hashToken: HashToken,
  invitation: NewInvitation,
): Promise<{ row: InvitationTable; token: string }> {
  const token = newInvitationToken();
  const row: InvitationTable = {
    id: newUuid(),
    tenant_id: invitation.tenantId,
    user_id: invitation.userId,
    token_hash: hashToken(token),
    created_by: invitation.createdBy,
    created_at: invitation.createdAt.toISOString(),
    expires_at: new Date(invitation.createdAt.getTime() + invitation.lifeMs).toISOString(),
    redeemed_at: null,
    api_key_id: null,
  };
  await tx.insertInto('invitation').values(row).execute();
  return { row, token };
}

/** The invitation of a token, whether or not it can still be redeemed. */
export async function findInvitation(
  db: Queryable,
  hashToken: HashToken,
  token: string,
): Promise<InvitationTable | undefined> {
  if (!mayBeInvitation(token)) return undefined;
  return db
    .selectFrom('invitation')
    .selectAll()
    .where('token_hash', '=', hashToken(token))
    .executeTakeFirst();
}

/** True for exactly one of concurrent callers. */
export async function claimInvitation(tx: Tx, row: InvitationTable, at: string): Promise<boolean> {
  const claimed = await tx
    .updateTable('invitation')
    .set({ redeemed_at: at })
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('redeemed_at', 'is', null)
    .where('expires_at', '>', at)
    .executeTakeFirst();
  return claimed.numUpdatedRows === 1n;
}

/**
 * True for a user who already had an access grant or has a credential. A new access grant, which another user could
 * hold, is then limited.
 */
export async function wasThereBefore(tx: Tx, userId: string): Promise<boolean> {
  const key = await tx
    .selectFrom('api_key')
    .select('id')
    .where('user_id', '=', userId)
    .limit(1)
    .executeTakeFirst();
  if (key) return true;
  const credential = await tx
    .selectFrom('credential')
    .select('id')
    .where('owner_id', '=', userId)
    .limit(1)
    .executeTakeFirst();
  return credential !== undefined;
}
