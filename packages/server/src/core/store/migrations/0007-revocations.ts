import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Pending and finished revocations at providers. The token itself is sealed in `secret`.
const statements = [
  `CREATE TABLE revocation (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenant (id), credential_id text NOT NULL,
    credential_name text NOT NULL, owner_id text NOT NULL, source_id text NOT NULL, batch_id text,
    status text NOT NULL, attempts integer NOT NULL, not_before text NOT NULL, lease_until text,
    created_at text NOT NULL, ended_at text)`,
  `CREATE INDEX revocation_due ON revocation (status, not_before)`,
  `CREATE INDEX revocation_batch ON revocation (tenant_id, batch_id, id)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
