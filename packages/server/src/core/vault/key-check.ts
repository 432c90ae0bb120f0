import type { Db, Queryable } from '../store/queryable.js';
import { readSetting } from '../store/settings.js';
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
 * Proves that one of the master keys is the one of the store, before anything else is written. A new store gets its
 * key-check record under the first.
 * @param vaults of the master key, and of the previous one while it is replaced
 * @returns the vault that the store is under
 * @throws KeyError
 */
export async function checkKey(db: Db, vaults: readonly [Vault, ...Vault[]]): Promise<Vault> {
  const read = () => db.selectFrom('setting').select('value').where('name', '=', name).executeTakeFirst();
  let row = await read();
  if (!row) {
    // Of nodes that start together on a new store one writes the record, and all are checked against it.
    await db
      .insertInto('setting')
      .values({ name, value: JSON.stringify(vaults[0].seal('mooring', context)) })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    row = await read();
  }
  if (!row) throw new KeyError('The key-check record cannot be written.');
  for (const vault of vaults) {
    try {
      vault.open(JSON.parse(row.value) as Sealed, context);
      return vault;
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
    }
  }
  throw new KeyError(
    'The master key is not the one this data was written with. Nothing was written. Start with the right key.',
  );
}

/** Moves the key-check record to the master key of this vault. */
export async function moveKeyCheck(db: Queryable, vault: Vault): Promise<void> {
  const value = JSON.stringify(vault.seal('mooring', context));
  await db.updateTable('setting').set({ value }).where('name', '=', name).execute();
}

/** True when the store has a key-check record, so that it must not be migrated under a wrong key. */
export async function hasKeyCheck(db: Db): Promise<boolean> {
  return (await readSetting(db, name)) !== undefined;
}
