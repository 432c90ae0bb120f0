import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Per user: spaces, credentials in list order, and bytes of kept answers. Scopes of API keys.
const statements = [
  `CREATE INDEX space_owner ON space (tenant_id, owner_id, id)`,
  `CREATE INDEX credential_owner ON credential (tenant_id, owner_id, created_at, id)`,
  `ALTER TABLE idempotent_request ADD COLUMN bytes integer NOT NULL DEFAULT 0`,
  `ALTER TABLE api_key ADD COLUMN scopes text`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
