import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Audit events, request counts per user (rate tiers), and answered creates (Idempotency-Key).
const statements = [
  `CREATE TABLE audit_event (
    id text PRIMARY KEY, tenant_id text NOT NULL, at text NOT NULL, type text NOT NULL, source text NOT NULL,
    user_id text NOT NULL, resource_id text NOT NULL, owner_id text, space_id text, top_level_id text,
    data text NOT NULL)`,
  `CREATE INDEX audit_event_time ON audit_event (tenant_id, at, id)`,
  `CREATE INDEX audit_event_type ON audit_event (tenant_id, type, at, id)`,
  `CREATE INDEX audit_event_user ON audit_event (tenant_id, user_id, at, id)`,
  `CREATE TABLE rate_count (
    tenant_id text NOT NULL, tier integer NOT NULL, slice integer NOT NULL, user_id text NOT NULL,
    requests integer NOT NULL, PRIMARY KEY (tenant_id, user_id, tier, slice))`,
  `CREATE TABLE idempotent_request (
    tenant_id text NOT NULL, user_id text NOT NULL, route text NOT NULL, key_hash text NOT NULL,
    claim text NOT NULL, is_answered integer NOT NULL, key_id text NOT NULL, wrapped_key text NOT NULL,
    ciphertext text NOT NULL, created_at text NOT NULL, PRIMARY KEY (tenant_id, user_id, route, key_hash))`,
  `CREATE INDEX idempotent_request_age ON idempotent_request (created_at)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
