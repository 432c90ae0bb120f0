import type { Queryable } from './queryable.js';
import { StoreUnavailableError } from './store-error.js';

/** The setting with this name; undefined also for a store that was never migrated. */
export async function readSetting(db: Queryable, name: string): Promise<string | undefined> {
  try {
    const row = await db.selectFrom('setting').select('value').where('name', '=', name).executeTakeFirst();
    return row?.value;
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    // The table does not exist yet. Any other defect of the store is found by its migration, before anything is
    // written.
    return undefined;
  }
}

export async function writeSetting(db: Queryable, name: string, value: string): Promise<void> {
  await db
    .insertInto('setting')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}
