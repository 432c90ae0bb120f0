import { type Kysely, PostgresAdapter } from 'kysely';
import { ddl } from '../ddl.js';
import { raiseKeyFence } from '../key-fence.js';

// The vault keys, each sealed under the master key, shared by all nodes of a store.
const statements = [
  `CREATE TABLE vault_key (
    id text PRIMARY KEY, state text NOT NULL, master_id text NOT NULL, wrapped_key text NOT NULL,
    ciphertext text NOT NULL, wraps integer NOT NULL, created_at text NOT NULL, replaced_at text)`,
  // At most one active and one coming key.
  `CREATE UNIQUE INDEX vault_key_state ON vault_key (state) WHERE state <> 'previous'`,
  `CREATE INDEX secret_key ON secret (key_id)`,
  `CREATE INDEX idempotent_request_key ON idempotent_request (key_id)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
  // The embedded store has one process, whose writes stand in one queue.
  if (db.getExecutor().adapter instanceof PostgresAdapter) await raiseKeyFence(db);
}
