import type { Tx } from '../store/queryable.js';
import type { Store } from '../store/store.js';
import { UnreadableError, type Vault } from '../vault/envelope.js';
import { fromSealedColumns } from '../vault/sealed-fields.js';
import { formerShard, type Head, type Heads, lastRecord } from './chain.js';
import { nextCheckpoint, noCheckpoint } from './checkpoints.js';
import { firstKeyVersion, makeRecordKey, newestKeyVersion } from './keys.js';

/** End of the chain of version 0.1, and what is wrong with it: its head was sealed separately, and could be deleted. */
async function formerHead(tx: Tx, vault: Vault, tenantId: string) {
  const head = await lastRecord(tx, tenantId, formerShard);
  // No user: it belonged to the tenant.
  const row = await tx
    .selectFrom('secret')
    .selectAll()
    .where('record_kind', '=', 'use-head')
    .where('record_id', '=', tenantId)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst();
  if (!row) return { head, note: head ? 'chain of 0.1 closed; its sealed head was missing' : 'begun' };
  try {
    const version = Number(row.version);
    const context = { recordKind: 'use-head', recordId: tenantId, ownerId: '', version, field: 'head' };
    const last = vault.open(fromSealedColumns(row), { tenantId, ...context }).reveal() as Head;
    const isSame = last.seq === head?.seq && last.hash === head.hash;
    return { head, note: `chain of 0.1 closed${isSame ? '' : '; it did not end at its sealed head'}` };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return { head, note: 'chain of 0.1 closed; its sealed head could not be opened' };
  }
}

/**
 * Creates the key and the first checkpoint, which closes the chain of version 0.1. Of nodes that start together one
 * does it.
 */
export async function beginRecord(store: Store, vault: Vault, tenantId: string): Promise<void> {
  await store.transaction(async (tx) => {
    if ((await newestKeyVersion(tx, tenantId)) >= firstKeyVersion) return;
    const { head, note } = await formerHead(tx, vault, tenantId);
    const key = await makeRecordKey(tx, vault, tenantId, firstKeyVersion);
    const heads: Heads = head ? new Map([[formerShard, head]]) : new Map();
    const first = { at: store.clock.iso(), heads, keptFrom: 0, note };
    await tx
      .insertInto('use_checkpoint')
      .values(nextCheckpoint(tenantId, key, noCheckpoint, first).row)
      .execute();
    // No user: as above.
    await tx
      .deleteFrom('secret')
      .where('record_kind', '=', 'use-head')
      .where('record_id', '=', tenantId)
      .where('tenant_id', '=', tenantId)
      .execute();
  });
}
