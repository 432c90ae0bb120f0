import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

/** The name of a separated credential is looked up for all sources of its user, at each create. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await ddl(
    db,
    'CREATE INDEX credential_owner_name ON credential (tenant_id, owner_id, name_key, separated)',
  );
}
