import type { ChangeReply, Rehearsal } from '@mooring/contract/routes/credential-changes';
import type { Caller } from '../../../core/access/caller.js';
import type { Db, Queryable } from '../../../core/store/queryable.js';
import type { CredentialChangeTable } from '../../../core/store/tables.js';

/** Credential changes of the caller, latest first; the user is part of the statement. */
export async function ownChanges(
  db: Queryable,
  caller: Caller,
  where: { id?: string; limit?: number },
): Promise<CredentialChangeTable[]> {
  let statement = db
    .selectFrom('credential_change')
    .selectAll()
    .where('tenant_id', '=', caller.tenantId)
    .where('user_id', '=', caller.userId);
  if (where.id !== undefined) statement = statement.where('id', '=', where.id.toLowerCase());
  return statement
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(where.limit ?? 20)
    .execute();
}

export const itemsOf = (db: Queryable, change: CredentialChangeTable) =>
  db
    .selectFrom('credential_change_item')
    .selectAll()
    .where('change_id', '=', change.id)
    .where('tenant_id', '=', change.tenant_id)
    .orderBy('credential_id')
    .execute();

export async function presentChange(db: Db, change: CredentialChangeTable): Promise<ChangeReply> {
  return {
    id: change.id,
    status: change.status,
    createdAt: change.created_at,
    undoUntil: change.undo_until,
    credentialIds: (await itemsOf(db, change)).map(({ credential_id }) => credential_id),
    connections: JSON.parse(change.report) as Rehearsal[],
  };
}
