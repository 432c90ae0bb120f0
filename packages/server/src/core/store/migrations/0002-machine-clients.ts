import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// OAuth clients, each with its own machine user, and their access tokens. API keys can be updated.
const statements = [
  `ALTER TABLE api_key ADD COLUMN updated_at text`,
  `ALTER TABLE "user" ADD COLUMN client_id text`,
  `CREATE TABLE oauth_client (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenant (id),
    user_id text NOT NULL UNIQUE REFERENCES "user" (id) ON DELETE CASCADE, name text NOT NULL,
    description text NOT NULL, app_type text NOT NULL, allowed_scopes text NOT NULL, client_uri text NOT NULL,
    logo_uri text NOT NULL, created_at text NOT NULL, created_by text NOT NULL, updated_at text NOT NULL)`,
  `CREATE INDEX oauth_client_tenant ON oauth_client (tenant_id, id)`,
  `CREATE TABLE oauth_client_secret (
    tenant_id text NOT NULL, client_id text NOT NULL REFERENCES oauth_client (id) ON DELETE CASCADE,
    hint text NOT NULL, secret_hash text NOT NULL UNIQUE, created_at text NOT NULL, created_by text NOT NULL,
    PRIMARY KEY (client_id, hint))`,
  `CREATE TABLE oauth_token (
    id text PRIMARY KEY, tenant_id text NOT NULL, client_id text NOT NULL REFERENCES oauth_client (id) ON DELETE CASCADE,
    user_id text NOT NULL, scope text NOT NULL, created_at text NOT NULL, expires_at text NOT NULL)`,
  `CREATE INDEX oauth_token_user ON oauth_token (tenant_id, user_id, id)`,
  `CREATE INDEX oauth_token_expiry ON oauth_token (expires_at)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
