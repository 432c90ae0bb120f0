import { type Kysely, PostgresAdapter } from 'kysely';
import { ddl } from '../ddl.js';
import { raiseKeyFence } from '../key-fence.js';

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

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
  // The embedded store has one process, whose writes stand in one queue.
  if (db.getExecutor().adapter instanceof PostgresAdapter) await raiseKeyFence(db);
}
