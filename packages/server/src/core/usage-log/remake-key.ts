import { record as recordEvent } from '../audit/record.js';
import type { Store } from '../store/store.js';
import type { Vault } from '../vault/envelope.js';
import { shardHeads } from './chain.js';
import { lastCheckpointRow, nextCheckpoint, noCheckpoint } from './checkpoints.js';
import { findRecordKey, firstKeyVersion, makeRecordKey, newestKeyVersion } from './keys.js';

/**
 * Creates a new key for a usage log whose key was lost with the keyring, and records that: earlier records can no
 * longer be proven, and verification reports that and starts here. No node may run at the same time.
 * @param by actor; @param why the reason, for instance `the keyring was lost`
 * @returns false when the key opens, and nothing was done
 */
export async function remakeRecordKey(
  store: Pick<Store, 'transaction' | 'clock'>,
  vault: Vault,
  { by, why }: { by: { tenantId: string; userId: string }; why: string },
): Promise<boolean> {
  const { tenantId } = by;
  return store.transaction(async (tx) => {
    const newest = await newestKeyVersion(tx, tenantId);
    if (newest === 0 || (await findRecordKey(tx, vault, tenantId, newest))) return false;
    const last = await lastCheckpointRow(tx, tenantId);
    // A store of version 0.1: the first checkpoint will be signed with a key of its own.
    if (!last && newest < firstKeyVersion) return false;
    const key = await makeRecordKey(tx, vault, tenantId, newest + 1);
    const { number, hash, kept_from: keptFrom } = last ?? { number: 1, hash: '', kept_from: 0 };
    const before = { ...noCheckpoint, number, hash };
    const heads = await shardHeads(tx, tenantId);
    const next = { at: store.clock.iso(), heads, keptFrom, note: `new key: ${why}` };
    await tx
      .insertInto('use_checkpoint')
      .values(nextCheckpoint(tenantId, key, before, next).row)
      .execute();
    await recordEvent(tx, {
      ...{ name: 'use-record.key-remade', by, resourceId: tenantId },
      data: { why, checkpoint: number + 1 },
    });
    return true;
  });
}
