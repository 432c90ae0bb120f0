import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Revocations of many credentials, which outlive the request that asked for them and the node that works on them.
const statements = [
  `CREATE TABLE revocation_job (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenant (id), owner_id text, source_id text,
    status text NOT NULL, total integer NOT NULL, lease_until text, created_at text NOT NULL, ended_at text)`,
  `CREATE INDEX revocation_job_status ON revocation_job (status, lease_until)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
