import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Bulk changes of secrets. The former secrets are sealed in `secret`, and are destroyed with their credential.
const statements = [
  `CREATE TABLE credential_change (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenant (id), user_id text NOT NULL,
    status text NOT NULL, report text NOT NULL, created_at text NOT NULL, undo_until text NOT NULL)`,
  `CREATE INDEX credential_change_person ON credential_change (tenant_id, user_id, created_at)`,
  `CREATE INDEX credential_change_due ON credential_change (status, undo_until)`,
  `CREATE TABLE credential_change_item (
    tenant_id text NOT NULL, change_id text NOT NULL REFERENCES credential_change (id) ON DELETE CASCADE,
    credential_id text NOT NULL, version_before integer NOT NULL, PRIMARY KEY (change_id, credential_id))`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
