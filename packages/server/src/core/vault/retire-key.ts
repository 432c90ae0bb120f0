import type { Store } from '../store/store.js';
import { KeyRefusal } from './key-refusal.js';
import { recordsUnder } from './key-states.js';
import type { RecordIt } from './rotate-key.js';
import type { StoredKeyring } from './stored-keyring.js';

/** Longer than a node may act on an outdated view of the keys plus the longest transaction. */
const settleMs = 15_000;

/**
 * Destroys a key that encrypts nothing any more.
 * @returns false when there is no such key
 * @throws KeyRefusal
 */
export async function retireKey(
  store: Store,
  keyring: StoredKeyring,
  id: string,
  recordIt: RecordIt,
): Promise<boolean> {
  const isThere = await store.transaction(async (tx) => {
    const row = await tx.selectFrom('vault_key').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) return false;
    if (row.state !== 'previous') throw new KeyRefusal('The key is in use. Rotate first.');
    const age = store.clock.now() - Date.parse(row.replaced_at ?? '');
    if (!(age > settleMs)) {
      throw new KeyRefusal(
        'The key was active a moment ago, and a running request may still encrypt under it. Try again in 15 seconds.',
      );
    }
    const records = await recordsUnder(tx, id);
    if (records > 0) {
      throw new KeyRefusal(`${records} records are still under the key. See: mooring keys list`);
    }
    await tx.deleteFrom('vault_key').where('id', '=', id).execute();
    await recordIt(tx, id);
    return true;
  });
  if (!isThere) return false;
  await store.checkpoint();
  await keyring.refresh();
  return true;
}
