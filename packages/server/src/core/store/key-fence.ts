import { type QueryExecutorProvider, sql } from 'kysely';

// On PostgreSQL a node may be delayed for any time between sealing and writing. The fence prevents a row under a key
// that was destroyed in between. NOT VALID: rows that predate the keyring are under the master key, which has no row,
// and others remain under a lost key.

const fencedTables = ['secret', 'idempotent_request'] as const;

export async function raiseKeyFence(
  db: QueryExecutorProvider,
  tables: readonly (typeof fencedTables)[number][] = fencedTables,
): Promise<void> {
  for (const table of tables) {
    await sql
      .raw(
        `ALTER TABLE ${table} ADD CONSTRAINT ${table}_vault_key FOREIGN KEY (key_id) REFERENCES vault_key (id) NOT VALID`,
      )
      .execute(db);
  }
}

/** While existing rows are copied. */
export async function lowerKeyFence(db: QueryExecutorProvider): Promise<void> {
  for (const table of fencedTables) {
    await sql.raw(`ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS ${table}_vault_key`).execute(db);
  }
}
