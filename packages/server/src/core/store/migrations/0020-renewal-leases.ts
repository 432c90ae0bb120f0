import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Leases that outlast the longest renewal are released by their holder, and our own backoff may end early. Existing
// leases belong to processes that have ended: a store is migrated while no other version runs.
const statements = [
  `ALTER TABLE grant_state ADD COLUMN backed_off_at text`,
  `UPDATE grant_state SET holder = NULL, lease_until = NULL WHERE holder IS NOT NULL`,
  `DROP INDEX grant_state_lease`,
  `CREATE INDEX grant_state_holder ON grant_state (holder)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
