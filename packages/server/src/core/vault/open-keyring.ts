import type { Store } from '../store/store.js';
import { UnreadableError } from './envelope.js';
import { checkMaster, moveKeyCheck } from './key-check.js';
import { type KeyEncryptionKey, KeyError, newKey } from './keyring.js';
import { keyRows, type Master, openedRow, ownKeyOf, sealedRow } from './keyring-rows.js';
import { createStoredKeyring, type StoredKeyring } from './stored-keyring.js';
import { adoptTokenHashes } from './token-hashes.js';
import { wrapLimits } from './wrap-count.js';

export interface KeyringOptions {
  /** How many data keys one key may wrap. */
  wrapsMax: number;
}

/** The store's own key. Creates it where it is missing, and rehashes earlier token hashes with it. */
async function ownKey(store: Store, master: Master): Promise<KeyEncryptionKey> {
  const found = ownKeyOf(await keyRows(store.db), master);
  if (found) return found;
  const made = newKey();
  await store.transaction(async (tx) => {
    const { numInsertedOrUpdatedRows } = await tx
      .insertInto('vault_key')
      .values({
        ...{ id: made.id, state: 'own' as const, ...sealedRow(master.key, made), wraps: 0 },
        ...{ created_at: store.clock.iso(), replaced_at: null },
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow();
    if (numInsertedOrUpdatedRows === 1n) await adoptTokenHashes(tx, made);
  });
  const stored = ownKeyOf(await keyRows(store.db), master);
  if (!stored) throw new KeyError("The store's own key cannot be written.");
  return stored;
}

/** Re-encrypts every key under the new master key, all or none. */
async function moveToMaster(store: Store, { key, previous }: Required<Master>): Promise<void> {
  await store.transaction(async (tx) => {
    for (const row of await keyRows(tx)) {
      if (row.master_id === key.id) continue;
      const moved = sealedRow(key, openedRow(row, [previous]));
      await tx.updateTable('vault_key').set(moved).where('id', '=', row.id).execute();
    }
    await moveKeyCheck(tx, key);
  });
  await store.checkpoint();
}

/**
 * The keyring of a migrated store. Creates its first key.
 * @throws KeyError
 */
export async function openKeyring(
  store: Store,
  master: Master,
  options: KeyringOptions,
): Promise<StoredKeyring> {
  const { key, previous } = master;
  const found = await checkMaster(store, master);
  if (previous && found !== key) await moveToMaster(store, { key, previous });
  try {
    const own = await ownKey(store, master);
    const keyring = createStoredKeyring(store, master, { own, limits: wrapLimits(options.wrapsMax) });
    await makeFirstKey(store, keyring);
    await keyring.refresh();
    return keyring;
  } catch (cause) {
    if (!(cause instanceof UnreadableError)) throw cause;
    throw new KeyError(
      'A key of the store does not open under the master key. Set MOORING_MASTER_KEY_PREVIOUS while the master key is replaced.',
      { cause },
    );
  }
}

async function makeFirstKey(store: Store, keyring: StoredKeyring): Promise<void> {
  if ((await keyRows(store.db)).some(({ state }) => state === 'active')) return;
  // Of nodes that start together on a new store one creates it.
  await store.db
    .insertInto('vault_key')
    .values({ ...keyring.make(), state: 'active' })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
