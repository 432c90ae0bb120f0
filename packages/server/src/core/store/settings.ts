import type { Queryable } from './queryable.js';
import { StoreUnavailableError } from './store-error.js';

/** What a store says of itself under this name; undefined too for a store that was never migrated. */
export async function readSetting(db: Queryable, name: string): Promise<string | undefined> {
  try {
    const row = await db.selectFrom('setting').select('value').where('name', '=', name).executeTakeFirst();
    return row?.value;
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    // No such table yet. Whatever else is wrong with the store its migration finds, before anything is written.
    return undefined;
  }
}
