import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import Database from 'libsql';
import { fileName, storeExists } from './store.js';
import { StoreError } from './store-error.js';

// Copies of the embedded store. What is secret in it is sealed, and the master key is no part of it.

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
 * @throws StoreError
 */
export function backUp(dataFolder: string, file: string): void {
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
  const database = new Database(path.join(dataFolder, fileName));
  try {
    database.exec('PRAGMA busy_timeout = 30000');
    database.prepare('VACUUM INTO ?').run(unfinished);
  } catch (cause) {
    rmSync(unfinished, { force: true });
    throw new StoreError(`The store in ${dataFolder} could not be copied to ${file}.`, { cause });
  } finally {
    database.close();
  }
  flush(unfinished);
  renameSync(unfinished, file);
  flush(path.dirname(path.resolve(file)));
}

function assertWhole(file: string): void {
  let found: unknown;
  try {
    const database = new Database(file);
    try {
      found = database.prepare('PRAGMA quick_check').get();
      database.prepare('SELECT 1 FROM kysely_migration').get();
    } finally {
      database.close();
    }
  } catch (cause) {
    throw new StoreError(`${file} is no backup of a Mooring store, or it is damaged.`, { cause });
  }
  if ((found as { quick_check?: string } | undefined)?.quick_check !== 'ok') {
    throw new StoreError(`${file} is damaged.`);
  }
}

/**
 * Makes a data folder from a backup. Never replaces a store.
 * @throws StoreError
 */
export function restore(file: string, dataFolder: string): void {
  if (!existsSync(file)) throw new StoreError(`There is no ${file}.`);
  if (storeExists(dataFolder)) {
    throw new StoreError(`There is a store in ${dataFolder} already. Name another folder, or move it away.`);
  }
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const unfinished = path.join(dataFolder, `${fileName}.unfinished`);
  copyFileSync(file, unfinished);
  chmodSync(unfinished, 0o600);
  try {
    assertWhole(unfinished);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
  flush(unfinished);
  renameSync(unfinished, path.join(dataFolder, fileName));
  flush(dataFolder);
}
