import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Names of the properties that requests have set, so that defaults are not shown as if they had been set.
export async function up(db: Kysely<unknown>): Promise<void> {
  await ddl(db, 'ALTER TABLE connection ADD COLUMN set_names text');
}
