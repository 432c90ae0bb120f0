import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// How much each user has: spaces, credentials in the order in which they are listed, and kept answers by bytes. What a
// key is for, where it is for less than everything its user may.
const statements = [
  `CREATE INDEX space_owner ON space (tenant_id, owner_id, id)`,
  `CREATE INDEX credential_owner ON credential (tenant_id, owner_id, created_at, id)`,
  `ALTER TABLE idempotent_request ADD COLUMN bytes integer NOT NULL DEFAULT 0`,
  `ALTER TABLE api_key ADD COLUMN scopes text`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
