import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import Database from 'libsql';
import { z } from 'zod';
import { fileName, storeExists } from './store.js';
import { StoreError } from './store-error.js';

// Copies of the embedded store in two parts: an archive of everything but the keys of the vault, and the keyring, each
// key of it sealed under the master key. The keyring is replaced with each backup, so that a key which was destroyed is
// gone from the backups too, and what was sealed under it in an archive from before opens no more.

const keySchema = z.strictObject({
  id: z.string(),
  state: z.enum(['coming', 'active', 'previous']),
  master_id: z.string(),
  wrapped_key: z.string(),
  ciphertext: z.string(),
  wraps: z.int(),
  created_at: z.string(),
  replaced_at: z.string().nullable(),
});

const keyringSchema = z.strictObject({
  kind: z.literal('mooring keyring'),
  /** The record that proves the master key. */
  keyCheck: z.string(),
  keys: z.array(keySchema).min(1),
});

type KeyringCopy = z.output<typeof keyringSchema>;

/** Takes the keys out of the copy, so that no byte of them stays in it. */
function takeKeyring(database: Database.Database): KeyringCopy {
  const check = database.prepare("SELECT value FROM setting WHERE name = 'key-check'").get();
  const keyring = keyringSchema.parse({
    kind: 'mooring keyring',
    keyCheck: (check as { value?: unknown } | undefined)?.value,
    keys: database.prepare('SELECT * FROM vault_key ORDER BY created_at').all(),
  });
  database.exec('PRAGMA secure_delete = ON; DELETE FROM vault_key; VACUUM');
  return keyring;
}

function putKeyring(database: Database.Database, { keyCheck, keys }: KeyringCopy): void {
  database.prepare("UPDATE setting SET value = ? WHERE name = 'key-check'").run(keyCheck);
  const insert = database.prepare(
    'INSERT INTO vault_key (id, state, master_id, wrapped_key, ciphertext, wraps, created_at, replaced_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  for (const key of keys) {
    insert.run(
      ...[key.id, key.state, key.master_id, key.wrapped_key],
      ...[key.ciphertext, key.wraps, key.created_at, key.replaced_at],
    );
  }
}

function readKeyring(file: string): KeyringCopy {
  try {
    return keyringSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new StoreError(`${file} is not there, or is no keyring that mooring backup wrote.`, { cause });
  }
}

/** Replaces the keyring of the backup before (0600). */
function writeKeyring(file: string, keyring: KeyringCopy): void {
  const unfinished = `${file}.unfinished`;
  rmSync(unfinished, { force: true });
  writeFileSync(unfinished, `${JSON.stringify(keyring, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  flush(unfinished);
  renameSync(unfinished, file);
  flush(path.dirname(path.resolve(file)));
}

function flush(file: string): void {
  const descriptor = openSync(file, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Writes all that was acknowledged before to one new file (0600), also while a server is at work on the store.
 * SQLite's `VACUUM INTO`: a copy as of one instant, without what was deleted.
 * The keys of the vault go to a file of their own, which replaces the one of the backup before.
 * @throws StoreError
 */
export function backUp(dataFolder: string, file: string, keyringFile: string): void {
  if (!storeExists(dataFolder)) {
    throw new StoreError(
      `There is no embedded store in ${dataFolder}. A PostgreSQL database is backed up with its own tools, for instance pg_dump.`,
    );
  }
  if (existsSync(file)) throw new StoreError(`${file} is there already. Name a new file.`);
  const unfinished = `${file}.unfinished`;
  rmSync(unfinished, { force: true });
  // Made beforehand, so that no moment passes in which others could read it.
  closeSync(openSync(unfinished, 'wx', 0o600));
  chmodSync(unfinished, 0o600);
  try {
    onDatabase(path.join(dataFolder, fileName), (database) => {
      database.exec('PRAGMA busy_timeout = 30000');
      database.prepare('VACUUM INTO ?').run(unfinished);
    });
    writeKeyring(keyringFile, onDatabase(unfinished, takeKeyring));
  } catch (cause) {
    rmSync(unfinished, { force: true });
    throw new StoreError(`The store in ${dataFolder} could not be copied to ${file} and ${keyringFile}.`, {
      cause,
    });
  }
  flush(unfinished);
  renameSync(unfinished, file);
  flush(path.dirname(path.resolve(file)));
}

function onDatabase<Result>(file: string, work: (database: Database.Database) => Result): Result {
  const database = new Database(file);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

function assertWhole(file: string): void {
  let found: unknown;
  try {
    found = onDatabase(file, (database) => {
      database.prepare('SELECT 1 FROM kysely_migration').get();
      return database.prepare('PRAGMA quick_check').get();
    });
  } catch (cause) {
    throw new StoreError(`${file} is no backup of a Mooring store, or it is damaged.`, { cause });
  }
  if ((found as { quick_check?: string } | undefined)?.quick_check !== 'ok') {
    throw new StoreError(`${file} is damaged.`);
  }
}

export interface Restored {
  /** Sealed records under keys that were destroyed since, or that are newer than the keyring. They do not open. */
  lost: number;
}

/**
 * Makes a data folder from an archive and the keyring. Never replaces a store.
 * @throws StoreError
 */
export function restore(file: string, keyringFile: string, dataFolder: string): Restored {
  if (!existsSync(file)) throw new StoreError(`There is no ${file}.`);
  if (storeExists(dataFolder)) {
    throw new StoreError(`There is a store in ${dataFolder} already. Name another folder, or move it away.`);
  }
  const keyring = readKeyring(keyringFile);
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const unfinished = path.join(dataFolder, `${fileName}.unfinished`);
  copyFileSync(file, unfinished);
  chmodSync(unfinished, 0o600);
  let lost: number;
  try {
    assertWhole(unfinished);
    lost = onDatabase(unfinished, (database) => {
      putKeyring(database, keyring);
      const { count } = database
        .prepare('SELECT count(*) AS count FROM secret WHERE key_id NOT IN (SELECT id FROM vault_key)')
        .get() as { count: number };
      return count;
    });
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
  flush(unfinished);
  renameSync(unfinished, path.join(dataFolder, fileName));
  flush(dataFolder);
  return { lost };
}
