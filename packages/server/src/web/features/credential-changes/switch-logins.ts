import type { Caller } from '../../../core/access/caller.js';
import { record, recordCredential } from '../../../core/audit/record.js';
import { assertReaches } from '../../../core/credentials/records.js';
import { newUuid } from '../../../core/crypto/random.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { CredentialChangeTable } from '../../../core/store/tables.js';
import { UnreadableError } from '../../../core/vault/envelope.js';
import type { CredentialChangesDependencies } from './change-dependencies.js';
import { itemsOf } from './change-store.js';
import type { RehearsalResult } from './rehearsal.js';

// The change itself and its undo. Each is one transaction: all credentials, or none.

const changedSince = (name: string) =>
  new AppError(
    'CONFLICT',
    `The credential ${JSON.stringify(name)} has been changed or deleted by another request since. No credential was changed.`,
  );

/** Replaces the former logins with the rehearsed ones. @throws AppError CONFLICT */
export async function switchLogins(
  { store, logins, config }: CredentialChangesDependencies,
  caller: Caller,
  { prepared, connections }: RehearsalResult,
): Promise<{ changeId: string; undoUntil: string }> {
  const at = store.clock.now();
  const change = {
    id: newUuid(),
    tenant_id: caller.tenantId,
    user_id: caller.userId,
    status: 'switched' as const,
    report: JSON.stringify(connections),
    created_at: new Date(at).toISOString(),
    undo_until: new Date(at + config.limits.undoHours * 3_600_000).toISOString(),
  };
  const entered = { by: caller, at: change.created_at };
  await store.transaction(async (tx) => {
    await tx.insertInto('credential_change').values(change).execute();
    for (const one of prepared) {
      const { credential, versionRead } = one;
      if (!(await logins.switchLogin(tx, one, entered))) throw changedSince(credential.name);
      const item = {
        tenant_id: caller.tenantId,
        change_id: change.id,
        credential_id: credential.id,
        version_before: versionRead,
      };
      await tx.insertInto('credential_change_item').values(item).execute();
      await recordCredential(tx, 'updated', credential, caller);
    }
    await record(tx, {
      name: 'data-credential-change.created',
      by: caller,
      resourceId: change.id,
      ownerId: caller.userId,
      data: { credentialCount: prepared.length },
    });
  });
  return { changeId: change.id, undoUntil: change.undo_until };
}

async function undo(
  { store, logins }: CredentialChangesDependencies,
  caller: Caller,
  change: CredentialChangeTable,
): Promise<void> {
  const at = store.clock.iso();
  await store.transaction(async (tx) => {
    const claimed = await tx
      .updateTable('credential_change')
      .set({ status: 'undone' })
      .where('id', '=', change.id)
      .where('tenant_id', '=', caller.tenantId)
      .where('user_id', '=', caller.userId)
      .where('status', '=', 'switched')
      .where('undo_until', '>', at)
      .executeTakeFirst();
    if (claimed.numUpdatedRows !== 1n)
      throw new AppError(
        'CONFLICT',
        'This change can no longer be undone: it was undone before, or its time is over.',
      );
    for (const { credential_id: id, version_before: before } of await itemsOf(tx, change)) {
      const credential = await tx
        .selectFrom('credential')
        .selectAll()
        .where('id', '=', id)
        .where('tenant_id', '=', caller.tenantId)
        .where('owner_id', '=', caller.userId)
        .executeTakeFirst();
      if (credential) assertReaches(caller, credential);
      if (!credential || !(await logins.restore(tx, credential, before, at)))
        throw changedSince(credential?.name ?? id);
      await recordCredential(tx, 'updated', credential, caller);
    }
    await record(tx, {
      name: 'data-credential-change.undone',
      by: caller,
      resourceId: change.id,
      ownerId: caller.userId,
    });
  });
}

/** Restores the former logins. @throws AppError CONFLICT */
export async function undoChange(...asked: Parameters<typeof undo>): Promise<void> {
  try {
    await undo(...asked);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    throw new AppError(
      'CONFLICT',
      'A former secret can no longer be decrypted, so no secret was restored. Enter it again instead.',
      { cause: error },
    );
  }
}
