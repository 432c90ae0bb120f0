import type { ChangeReply, Rehearsal } from '@mooring/contract/routes/credential-changes';
import type { Caller } from '../../../core/access/caller.js';
import type { Db, Queryable } from '../../../core/store/queryable.js';
import type { CredentialChangeItemTable, CredentialChangeTable } from '../../../core/store/tables.js';

export type ChangeRow = CredentialChangeTable;

/** Credential changes of the caller, latest first; the user is part of the statement. */
export async function ownChanges(
  db: Queryable,
  caller: Caller,
  where: { id?: string; limit?: number },
): Promise<ChangeRow[]> {
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

export async function itemsOf(db: Queryable, change: ChangeRow): Promise<CredentialChangeItemTable[]> {
  return db
    .selectFrom('credential_change_item')
    .selectAll()
    .where('change_id', '=', change.id)
    .where('tenant_id', '=', change.tenant_id)
    .orderBy('credential_id')
    .execute();
}

/** Marks the change as undone. @returns false when it was undone meanwhile, or its time is over */
export async function claimUndo(db: Queryable, change: ChangeRow, now: string): Promise<boolean> {
  const result = await db
    .updateTable('credential_change')
    .set({ status: 'undone' })
    .where('id', '=', change.id)
    .where('tenant_id', '=', change.tenant_id)
    .where('user_id', '=', change.user_id)
    .where('status', '=', 'switched')
    .where('undo_until', '>', now)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

export async function presentChange(db: Db, change: ChangeRow): Promise<ChangeReply> {
  return {
    id: change.id,
    status: change.status,
    createdAt: change.created_at,
    undoUntil: change.undo_until,
    credentialIds: (await itemsOf(db, change)).map(({ credential_id }) => credential_id),
    connections: JSON.parse(change.report) as Rehearsal[],
  };
}
