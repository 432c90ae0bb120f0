import { type Kysely, PostgresAdapter } from 'kysely';
import { ddl } from '../ddl.js';

// The keys that wrap data keys, each sealed under the master key, so that every node of one store has the same.
const statements = [
  `CREATE TABLE vault_key (
    id text PRIMARY KEY, state text NOT NULL, master_id text NOT NULL, wrapped_key text NOT NULL,
    ciphertext text NOT NULL, wraps integer NOT NULL, created_at text NOT NULL, replaced_at text)`,
  // One active key, and one that is coming.
  `CREATE UNIQUE INDEX vault_key_state ON vault_key (state) WHERE state <> 'previous'`,
  `CREATE INDEX secret_key ON secret (key_id)`,
  `CREATE INDEX idempotent_request_key ON idempotent_request (key_id)`,
];

// A node may be held up for any time between sealing and writing: with this no row can come to stand under a key that
// was destroyed meanwhile. NOT VALID: rows from before there was a keyring are under the master key, which has no row.
// The embedded store has one process, whose writes stand in one queue.
const fences = ['secret', 'idempotent_request'].map(
  (table) =>
    `ALTER TABLE ${table} ADD CONSTRAINT ${table}_vault_key FOREIGN KEY (key_id) REFERENCES vault_key (id) NOT VALID`,
);

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
  if (!(db.getExecutor().adapter instanceof PostgresAdapter)) return;
  for (const statement of fences) await ddl(db, statement);
}
