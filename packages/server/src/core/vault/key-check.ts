import type { Db, Queryable } from '../store/queryable.js';
import { readSetting } from '../store/settings.js';
import type { Store } from '../store/store.js';
import { createVault, type Sealed, serverContext, UnreadableError } from './envelope.js';
import { type KeyEncryptionKey, KeyError } from './keyring.js';
import { type Master, mastersOf } from './keyring-rows.js';

const name = 'key-check';
const context = serverContext('key-check', name, 'value');

/**
 * Proves that the master key, or the previous one while it is replaced, is the one of the store, before anything else
 * is written. A new store gets its key-check record under the master key.
 * @returns the key that the store is under
 * @throws KeyError
 */
export async function checkMaster({ db }: Pick<Store, 'db'>, master: Master): Promise<KeyEncryptionKey> {
  const read = () => db.selectFrom('setting').select('value').where('name', '=', name).executeTakeFirst();
  let row = await read();
  if (!row) {
    // Of nodes that start together on a new store one writes the record, and all are checked against it.
    await db
      .insertInto('setting')
      .values({ name, value: JSON.stringify(createVault(master.key).seal('mooring', context)) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    row = await read();
  }
  if (!row) throw new KeyError('The key-check record cannot be written.');
  for (const key of mastersOf(master)) {
    try {
      createVault(key).open(JSON.parse(row.value) as Sealed, context);
      return key;
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
    }
  }
  throw new KeyError(
    'The master key is not the one this data was written with. Nothing was written. Start with the right key.',
  );
}

/** Moves the key-check record to this master key. */
export async function moveKeyCheck(db: Queryable, key: KeyEncryptionKey): Promise<void> {
  const value = JSON.stringify(createVault(key).seal('mooring', context));
  await db.updateTable('setting').set({ value }).where('name', '=', name).execute();
}

/** True when the store has a key-check record, so that it must not be migrated under a wrong key. */
export async function hasKeyCheck(db: Db): Promise<boolean> {
  return (await readSetting(db, name)) !== undefined;
}
