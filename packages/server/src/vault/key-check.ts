import type { Db } from '../store/store.js';
import { StoreUnavailableError } from '../store/store-error.js';
import { type Sealed, UnreadableError, type Vault } from './envelope.js';
import { KeyError } from './keyring.js';

const name = 'key-check';
const context = {
  tenantId: '',
  recordKind: 'key-check',
  recordId: name,
  ownerId: '',
  version: 1,
  field: 'value',
};

/**
 * Proves that the key is the one the store was written with, before anything else is written. A new store gets
 * its record here.
 * @throws KeyError
 */
export async function checkKey(db: Db, vault: Vault): Promise<void> {
  const read = () => db.selectFrom('setting').select('value').where('name', '=', name).executeTakeFirst();
  let row = await read();
  if (!row) {
    // Of nodes that start together on a new store one writes the record, and all are held to it.
    await db
      .insertInto('setting')
      .values({ name, value: JSON.stringify(vault.seal('mooring', context)) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    row = await read();
  }
  if (!row) throw new KeyError('The key-check record cannot be written.');
  try {
    vault.open(JSON.parse(row.value) as Sealed, context);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    throw new KeyError(
      'The master key is not the one this data was written with. Nothing was written. Start with the right key.',
    );
  }
}

/** True when the store has a key-check record, so that it must not be migrated under a wrong key. */
export async function hasKeyCheck(db: Db): Promise<boolean> {
  try {
    return (
      (await db.selectFrom('setting').select('name').where('name', '=', name).executeTakeFirst()) !==
      undefined
    );
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    // No such table yet: a store that was never migrated.
    return false;
  }
}
