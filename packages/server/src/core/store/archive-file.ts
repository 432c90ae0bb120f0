import { chmodSync, closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { Kysely, Migrator, SqliteDialect } from 'kysely';
import Database from 'libsql';
import { z } from 'zod';
import { migrations } from './migrations/all.js';
import { type Leaving, movedTo } from './move-marks.js';
import { fileName } from './store.js';
import { StoreError } from './store-error.js';
import type { VaultKeyTable } from './tables.js';

// An archive as a SQLite file: a copy of the embedded store as of one instant, without the vault keys.

const keySchema = z.strictObject({
  id: z.string(),
  state: z.enum(['coming', 'active', 'previous', 'own']),
  master_id: z.string(),
  wrapped_key: z.string(),
  ciphertext: z.string(),
  wraps: z.int(),
  created_at: z.string(),
  replaced_at: z.string().nullable(),
}) satisfies z.ZodType<VaultKeyTable>;

export const keyringSchema = z.strictObject({
  kind: z.literal('mooring keyring'),
  /** The record that proves the master key. */
  keyCheck: z.string(),
  keys: z.array(keySchema).min(1),
});

export type KeyringCopy = z.output<typeof keyringSchema>;

function onDatabase<Result>(file: string, work: (database: Database.Database) => Result): Result {
  const database = new Database(file);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/**
 * Copies the store to a new file (0600), also while a server uses it. SQLite's `VACUUM INTO`: as of one instant,
 * without deleted data.
 */
export function copyStore(dataFolder: string, file: string): void {
  // Created first, so that other users can read it at no moment.
  closeSync(openSync(file, 'wx', 0o600));
  chmodSync(file, 0o600);
  onDatabase(path.join(dataFolder, fileName), (database) => {
    database.exec('PRAGMA busy_timeout = 30000');
    database.prepare('VACUUM INTO ?').run(file);
  });
}

/** @throws StoreError for the copy of a store that was moved to PostgreSQL */
export function assertNotLeft(file: string): void {
  const mark = onDatabase(file, (database) =>
    database.prepare("SELECT value FROM setting WHERE name = 'moving-to'").get(),
  ) as { value: string } | undefined;
  const left = mark && (JSON.parse(mark.value) as Leaving);
  if (left?.leftAt !== undefined) throw movedTo(left);
}

/** Removes the keys from the copy, so that no byte of them remains. */
export function takeKeyring(file: string): KeyringCopy {
  return onDatabase(file, (database) => {
    const check = database.prepare("SELECT value FROM setting WHERE name = 'key-check'").get();
    const keyring = keyringSchema.parse({
      kind: 'mooring keyring',
      keyCheck: (check as { value?: unknown } | undefined)?.value,
      keys: database.prepare('SELECT * FROM vault_key ORDER BY created_at').all(),
    });
    database.exec('PRAGMA secure_delete = ON; DELETE FROM vault_key; VACUUM');
    return keyring;
  });
}

export function putKeyring(file: string, { keyCheck, keys }: KeyringCopy): void {
  onDatabase(file, (database) => {
    database.prepare("UPDATE setting SET value = ? WHERE name = 'key-check'").run(keyCheck);
    database.exec('DELETE FROM vault_key');
    const insert = database.prepare(
      'INSERT INTO vault_key (id, state, master_id, wrapped_key, ciphertext, wraps, created_at, replaced_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    );
    for (const key of keys) {
      insert.run(
        ...[key.id, key.state, key.master_id, key.wrapped_key],
        ...[key.ciphertext, key.wraps, key.created_at, key.replaced_at],
      );
    }
  });
}

/** @throws StoreError for a file that is not a store, or is damaged */
export function assertWhole(file: string): void {
  let found: unknown;
  try {
    found = onDatabase(file, (database) => {
      database.prepare('SELECT 1 FROM kysely_migration').get();
      return database.prepare('PRAGMA quick_check').get();
    });
  } catch (cause) {
    throw new StoreError('This is not a backup of a Mooring store, or it is damaged.', { cause });
  }
  if ((found as { quick_check?: string } | undefined)?.quick_check !== 'ok') {
    throw new StoreError('The archive is damaged.');
  }
}

interface SchemaRow {
  type: string;
  name: string;
  sql: string | null;
}

/** Objects that SQLite creates itself, and the quoting of names, do not matter. */
function schemaOf(database: Database.Database): Map<string, string> {
  const rows = database.prepare('SELECT type, name, sql FROM sqlite_master').all() as SchemaRow[];
  return new Map(
    rows
      .filter(({ type, name }) => !(name.startsWith('sqlite_') && ['table', 'index'].includes(type)))
      .map(({ type, name, sql }) => [
        `${type} ${name}`,
        // The migration library defines these tables, and may change them.
        name.startsWith('kysely_')
          ? ''
          : (sql ?? '')
              .replace(/["'`[\]]/g, '')
              .replace(/\s+/g, ' ')
              .toLowerCase(),
      ]),
  );
}

/** What a store looks like after these migrations. */
async function schemaAfter(names: readonly string[]): Promise<Map<string, string>> {
  const database = new Database(':memory:');
  const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) });
  try {
    const done = Object.fromEntries(Object.entries(migrations).filter(([name]) => names.includes(name)));
    const { error } = await new Migrator({
      db,
      provider: { getMigrations: async () => done },
    }).migrateToLatest();
    if (error) throw error;
    return schemaOf(database);
  } finally {
    await db.destroy();
  }
}

/**
 * Holds the tables of a copy to those that its migrations make. A trigger, a view or another table could act on what the
 * service does later.
 * @throws StoreError that names the first difference
 */
export async function assertSchema(file: string): Promise<void> {
  const { found, names } = onDatabase(file, (database) => ({
    found: schemaOf(database),
    names: (database.prepare('SELECT name FROM kysely_migration').all() as { name: string }[]).map(
      ({ name }) => name,
    ),
  }));
  if (names.some((name) => !(name in migrations))) {
    throw new StoreError('The store is from a newer version of Mooring. Use that version.');
  }
  const expected = await schemaAfter(names);
  const different = [...new Set([...found.keys(), ...expected.keys()])].find(
    (name) => found.get(name) !== expected.get(name),
  );
  if (different === undefined) return;
  const what = expected.has(different)
    ? found.has(different)
      ? 'was changed'
      : 'is missing'
    : 'is not of Mooring';
  throw new StoreError(`The ${different} of the store ${what}. It must be as Mooring creates it.`);
}
