import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// The keys that wrap data keys, each sealed under the master key, so that every node of one store has the same.
const statements = [
  `CREATE TABLE vault_key (
    id text PRIMARY KEY, state text NOT NULL, master_id text NOT NULL, wrapped_key text NOT NULL,
    ciphertext text NOT NULL, wraps integer NOT NULL, created_at text NOT NULL, replaced_at text)`,
  `CREATE UNIQUE INDEX vault_key_active ON vault_key (state) WHERE state = 'active'`,
  `CREATE INDEX secret_key ON secret (key_id)`,
  `CREATE INDEX idempotent_request_key ON idempotent_request (key_id)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
