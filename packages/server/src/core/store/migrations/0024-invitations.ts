import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Invitations. A key from one records the inviter, and since when it reaches credentials. A credential, and a
// connection with its own secrets, records when and with which access grant the secret was entered. Existing rows are
// older than any invitation.
const statements = [
  `CREATE TABLE invitation (
    id text PRIMARY KEY, tenant_id text NOT NULL REFERENCES tenant (id),
    user_id text NOT NULL REFERENCES "user" (id) ON DELETE CASCADE, token_hash text NOT NULL UNIQUE, created_by text,
    created_at text NOT NULL, expires_at text NOT NULL, redeemed_at text, api_key_id text)`,
  `CREATE INDEX invitation_of_tenant ON invitation (tenant_id, id)`,
  `ALTER TABLE api_key ADD COLUMN invitation_id text`,
  `ALTER TABLE api_key ADD COLUMN invited_by text`,
  `ALTER TABLE api_key ADD COLUMN reaches_since text`,
  `ALTER TABLE api_key ADD COLUMN successor_id text`,
  `ALTER TABLE credential ADD COLUMN entered_at text NOT NULL DEFAULT ''`,
  `ALTER TABLE credential ADD COLUMN entered_with text`,
  `ALTER TABLE connection ADD COLUMN secrets_entered_at text`,
  `ALTER TABLE connection ADD COLUMN secrets_entered_with text`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
