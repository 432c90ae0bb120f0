import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Names of the properties that requests have set, so that defaults which nobody set are not shown as if somebody had.
export async function up(db: Kysely<unknown>): Promise<void> {
  await ddl(db, 'ALTER TABLE connection ADD COLUMN set_names text');
}
