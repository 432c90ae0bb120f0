import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Portable SQL only: the same statements run on SQLite and PostgreSQL.
const statements = [
  `CREATE TABLE setting (name text PRIMARY KEY, value text NOT NULL)`,
  `CREATE TABLE tenant (id text PRIMARY KEY, name text NOT NULL, created_at text NOT NULL)`,
  `CREATE TABLE "user" (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenant (id),
    subject text NOT NULL, name text NOT NULL, email text, status text NOT NULL, roles text NOT NULL,
    created_at text NOT NULL, updated_at text NOT NULL, UNIQUE (tenant_id, subject))`,
  `CREATE TABLE api_key (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenant (id),
    user_id text NOT NULL REFERENCES "user" (id) ON DELETE CASCADE, token_hash text NOT NULL UNIQUE,
    description text NOT NULL, created_by text NOT NULL, created_at text NOT NULL, expires_at text, revoked_at text)`,
  `CREATE TABLE space (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenant (id), name text NOT NULL, name_key text NOT NULL,
    type text NOT NULL, description text NOT NULL, owner_id text NOT NULL REFERENCES "user" (id),
    created_at text NOT NULL, created_by text NOT NULL, updated_at text NOT NULL, UNIQUE (tenant_id, name_key))`,
  `CREATE TABLE assignment (
    id text PRIMARY KEY, tenant_id text NOT NULL, space_id text NOT NULL REFERENCES space (id) ON DELETE CASCADE,
    user_id text NOT NULL REFERENCES "user" (id) ON DELETE CASCADE, created_at text NOT NULL, created_by text NOT NULL,
    updated_at text NOT NULL, updated_by text NOT NULL, UNIQUE (space_id, user_id))`,
  `CREATE TABLE assignment_role (
    tenant_id text NOT NULL, assignment_id text NOT NULL REFERENCES assignment (id) ON DELETE CASCADE,
    space_id text NOT NULL, user_id text NOT NULL, role text NOT NULL, PRIMARY KEY (assignment_id, role))`,
  `CREATE INDEX assignment_role_member ON assignment_role (user_id, space_id, role)`,
  `CREATE TABLE connection (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenant (id), name text NOT NULL, name_key text NOT NULL,
    scope text NOT NULL, space_id text REFERENCES space (id), owner_id text NOT NULL REFERENCES "user" (id),
    source_id text NOT NULL, properties text NOT NULL, separated integer NOT NULL, destination text NOT NULL,
    qri text NOT NULL, tags text NOT NULL, version integer NOT NULL, created_at text NOT NULL, updated_at text NOT NULL,
    UNIQUE (tenant_id, scope, name_key))`,
  `CREATE INDEX connection_space ON connection (tenant_id, space_id, id)`,
  `CREATE INDEX connection_owner ON connection (tenant_id, owner_id, id)`,
  `CREATE INDEX connection_name ON connection (tenant_id, name_key, id)`,
  `CREATE INDEX connection_created ON connection (tenant_id, created_at, id)`,
  `CREATE INDEX connection_updated ON connection (tenant_id, updated_at, id)`,
  `CREATE TABLE credential (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenant (id),
    owner_id text NOT NULL REFERENCES "user" (id), source_id text NOT NULL, name text NOT NULL, name_key text NOT NULL,
    separated integer NOT NULL, connection_id text UNIQUE REFERENCES connection (id) ON DELETE CASCADE,
    sign_in text NOT NULL, state text NOT NULL, version integer NOT NULL, created_at text NOT NULL, updated_at text NOT NULL)`,
  `CREATE UNIQUE INDEX credential_name ON credential (tenant_id, owner_id, source_id, name_key) WHERE separated = 1`,
  `CREATE TABLE secret (
    tenant_id text NOT NULL, record_kind text NOT NULL, record_id text NOT NULL, field text NOT NULL,
    owner_id text NOT NULL, version integer NOT NULL, key_id text NOT NULL, wrapped_key text NOT NULL,
    ciphertext text NOT NULL, PRIMARY KEY (record_kind, record_id, field))`,
  `CREATE TABLE credential_destination (
    tenant_id text NOT NULL, credential_id text NOT NULL REFERENCES credential (id) ON DELETE CASCADE,
    destination text NOT NULL, confirmed_at text NOT NULL, PRIMARY KEY (credential_id, destination))`,
  `CREATE TABLE credential_link (
    tenant_id text NOT NULL, connection_id text NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
    user_id text NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    credential_id text NOT NULL REFERENCES credential (id) ON DELETE CASCADE, created_at text NOT NULL,
    PRIMARY KEY (connection_id, user_id))`,
  `CREATE INDEX credential_link_credential ON credential_link (credential_id)`,
  `CREATE TABLE sign_in (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenant (id),
    user_id text NOT NULL REFERENCES "user" (id) ON DELETE CASCADE, source_id text NOT NULL, sign_in text NOT NULL,
    connection_id text, connection_name text, destination text NOT NULL, context text NOT NULL,
    state_hash text NOT NULL UNIQUE, issuer text, issuer_promised integer NOT NULL, redirect_uri text NOT NULL, status text NOT NULL, ticket_hash text UNIQUE,
    code_hash text, error text, created_at text NOT NULL, expires_at text NOT NULL)`,
  `CREATE INDEX sign_in_user ON sign_in (tenant_id, user_id, created_at)`,
  `CREATE TABLE intent (
    id text PRIMARY KEY, tenant_id text NOT NULL, kind text NOT NULL, record_id text NOT NULL, created_at text NOT NULL)`,
  `CREATE TABLE use (
    tenant_id text NOT NULL, seq integer NOT NULL, at text NOT NULL, user_id text NOT NULL, connection_id text NOT NULL,
    credential_id text, credential_owner_id text, action text NOT NULL, result text NOT NULL, rows integer,
    of_seq integer, previous_hash text NOT NULL, hash text NOT NULL, PRIMARY KEY (tenant_id, seq))`,
  `CREATE INDEX use_credential ON use (tenant_id, credential_id, seq)`,
  `CREATE INDEX use_outcome ON use (tenant_id, of_seq)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
