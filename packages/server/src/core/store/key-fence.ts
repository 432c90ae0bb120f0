import { type Kysely, sql } from 'kysely';

// On PostgreSQL a node may be held up for any time between sealing and writing. With the fence no row can come to stand
// under a key that was destroyed meanwhile. NOT VALID: rows from before there was a keyring are under the master key,
// which has no row, and others stay under a key that is lost.

const fencedTables = ['secret', 'idempotent_request'] as const;

export async function raiseKeyFence<Schema>(
  db: Kysely<Schema>,
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

/** For a copy of rows that were there before. */
export async function lowerKeyFence<Schema>(db: Kysely<Schema>): Promise<void> {
  for (const table of fencedTables) {
    await sql.raw(`ALTER TABLE ${table} DROP CONSTRAINT IF EXISTS ${table}_vault_key`).execute(db);
  }
}
