import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Indexes for lookups among a million rows: expired rows, rows of a user or a source, and rows under a former key.
const statements = [
  `CREATE INDEX audit_event_age ON audit_event (at)`,
  `CREATE INDEX revocation_age ON revocation (created_at)`,
  `CREATE INDEX sign_in_age ON sign_in (created_at)`,
  `CREATE INDEX idempotent_request_claim ON idempotent_request (claim)`,
  `CREATE INDEX rate_count_slice ON rate_count (slice)`,
  `CREATE INDEX credential_owner_id_order ON credential (tenant_id, owner_id, id)`,
  `CREATE INDEX credential_source ON credential (tenant_id, source_id, id)`,
  `CREATE INDEX credential_tenant ON credential (tenant_id, id)`,
  `CREATE INDEX audit_event_type_id ON audit_event (tenant_id, type, id)`,
  `CREATE INDEX audit_event_source ON audit_event (tenant_id, source, at, id)`,
  `CREATE INDEX audit_event_source_id ON audit_event (tenant_id, source, id)`,
  `CREATE INDEX user_id_order ON "user" (tenant_id, id)`,
  `CREATE INDEX user_name ON "user" (tenant_id, name, id)`,
  `CREATE INDEX user_status ON "user" (tenant_id, status, id)`,
  `CREATE INDEX user_created ON "user" (tenant_id, created_at, id)`,
  `CREATE INDEX user_updated ON "user" (tenant_id, updated_at, id)`,
  `CREATE INDEX space_created ON space (tenant_id, created_at, id)`,
  `CREATE INDEX space_type ON space (tenant_id, type, id)`,
  `CREATE INDEX space_id_order ON space (tenant_id, id)`,
  `CREATE INDEX assignment_user ON assignment (user_id, space_id)`,
  `CREATE INDEX assignment_space ON assignment (space_id, id)`,
  `CREATE INDEX api_key_user ON api_key (tenant_id, user_id, id)`,
  `CREATE INDEX api_key_id_order ON api_key (tenant_id, id)`,
  `DROP INDEX secret_key`,
  `CREATE INDEX secret_key ON secret (key_id, record_kind, record_id, field)`,
  `DROP INDEX idempotent_request_key`,
  `CREATE INDEX idempotent_request_key ON idempotent_request (key_id, claim)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
