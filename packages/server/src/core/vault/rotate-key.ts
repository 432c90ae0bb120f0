import { sleep } from '@mooring/connectors/kit/deadline';
import type { Tx } from '../store/queryable.js';
import type { Store } from '../store/store.js';
import type { StoredKeyring } from './stored-keyring.js';

/** A key cannot be rotated or retired now; the message says why. */
export class KeyRefusal extends Error {
  override name = 'KeyRefusal';
}

/** Until every node has loaded a coming key. */
const comingMs = 2_500;

export type RecordIt = (tx: Tx, keyId: string) => Promise<void>;

/** The coming key of a rotation that was interrupted, or a new one. */
async function comingKey(store: Store, keyring: StoredKeyring): Promise<string> {
  const rows = await keyring.refresh();
  if (rows.some(({ master_id }) => master_id !== keyring.masterId)) {
    throw new KeyRefusal(
      'The master key is being replaced. First restart this node with the new master key.',
    );
  }
  const coming = rows.find(({ state }) => state === 'coming');
  if (coming) return coming.id;
  const made = keyring.make();
  const { numInsertedOrUpdatedRows } = await store.db
    .insertInto('vault_key')
    .values(made)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  // Of concurrent requests one creates it.
  return numInsertedOrUpdatedRows === 1n ? made.id : comingKey(store, keyring);
}

/**
 * Makes a new key active. The nodes learn of it by `keyring.refresh`.
 * @returns id of the new key
 * @throws KeyRefusal
 */
export async function rotateKey(store: Store, keyring: StoredKeyring, recordIt: RecordIt): Promise<string> {
  const id = await comingKey(store, keyring);
  if (store.kind === 'postgresql') await sleep(comingMs);
  await store.transaction(async (tx) => {
    const row = await tx.selectFrom('vault_key').select('state').where('id', '=', id).executeTakeFirst();
    // Another request took the same coming key, and may have replaced it since: never back to it.
    if (row?.state !== 'coming') return;
    await tx
      .updateTable('vault_key')
      .set({ state: 'previous', replaced_at: store.clock.iso() })
      .where('state', '=', 'active')
      .execute();
    await tx.updateTable('vault_key').set({ state: 'active' }).where('id', '=', id).execute();
    await recordIt(tx, id);
  });
  return id;
}
