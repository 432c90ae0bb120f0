import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// The life of each interactive grant. Earlier grants get a row without an account, due for renewal as needed.
const statements = [
  `CREATE TABLE grant_state (
    credential_id text PRIMARY KEY REFERENCES credential (id) ON DELETE CASCADE, tenant_id text NOT NULL,
    account_issuer text, account_subject text, account_email text, scope text, scope_lost text,
    issued_at text NOT NULL, keep_alive_at text, holder text, fence integer NOT NULL, lease_until text,
    intent_version integer, attempts integer NOT NULL, failures integer NOT NULL, not_before text)`,
  `CREATE INDEX grant_state_keep_alive ON grant_state (keep_alive_at)`,
  `CREATE INDEX grant_state_account ON grant_state (tenant_id, account_issuer, account_subject)`,
  `CREATE INDEX grant_state_lease ON grant_state (lease_until)`,
  `INSERT INTO grant_state (credential_id, tenant_id, issued_at, fence, attempts, failures)
    SELECT credential.id, credential.tenant_id, credential.updated_at, 0, 0, 0 FROM credential
    JOIN secret ON secret.record_kind = 'credential' AND secret.record_id = credential.id AND secret.field = 'grant'`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
