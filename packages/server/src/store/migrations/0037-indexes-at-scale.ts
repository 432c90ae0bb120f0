import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// What is looked for among a million rows has an index: what is due to be forgotten, what belongs to a person or a
// source, and what is still under a former key.
const statements = [
  `CREATE INDEX audit_event_age ON audit_event (at)`,
  `CREATE INDEX revocation_age ON revocation (created_at)`,
  `CREATE INDEX sign_in_age ON sign_in (created_at)`,
  `CREATE INDEX sign_in_due ON sign_in (status, expires_at)`,
  `CREATE INDEX idempotent_request_claim ON idempotent_request (claim)`,
  `CREATE INDEX rate_count_slice ON rate_count (slice)`,
  `CREATE INDEX credential_owner ON credential (tenant_id, owner_id, id)`,
  `CREATE INDEX credential_source ON credential (tenant_id, source_id, id)`,
  `CREATE INDEX credential_tenant ON credential (tenant_id, id)`,
  `CREATE INDEX space_owner ON space (tenant_id, owner_id)`,
  `DROP INDEX secret_key`,
  `CREATE INDEX secret_key ON secret (key_id, record_kind, record_id, field)`,
  `DROP INDEX idempotent_request_key`,
  `CREATE INDEX idempotent_request_key ON idempotent_request (key_id, claim)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
