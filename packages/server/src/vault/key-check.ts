import type { Db } from '../store/store.js';
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
  const row = await db.selectFrom('setting').select('value').where('name', '=', name).executeTakeFirst();
  if (!row) {
    await db
      .insertInto('setting')
      .values({ name, value: JSON.stringify(vault.seal('mooring', context)) })
      .execute();
    return;
  }
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
  } catch {
    // No such table yet: a store that was never migrated.
    return false;
  }
}
