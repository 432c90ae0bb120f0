import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Database from 'libsql';
import { newUuid } from '../vault/random.js';

// Who a process is to the others: its data folder and a number of its own. A process that has locked the folder knows
// that those which had it before are gone, however they ended; a silent one elsewhere may only be slow.

export interface NodeFolder {
  /** Name of this process as the holder of a lease. */
  holder: string;
  /** How the names of all processes of this folder begin; undefined while another process has it. */
  prefix: string | undefined;
  close(): void;
}

/** A copy of the folder is another folder: it says nothing of the process that has the first one. */
function folderId(dataFolder: string): string {
  const file = path.join(dataFolder, 'node-id');
  const found = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  // A crash may have left less than an id.
  const id = /^[0-9a-f-]{36}$/.test(found) ? found : newUuid();
  if (id !== found) writeFileSync(file, `${id}\n`, { mode: 0o600, flush: true });
  return `${id}.${statSync(file).ino}`;
}

/** The operating system drops the lock when the process dies, however it dies. */
function lock(file: string): Database.Database | undefined {
  const database = new Database(file);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return database;
  } catch {
    database.close();
    return undefined;
  }
}

export function openNodeFolder(dataFolder: string): NodeFolder {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const locked = lock(path.join(dataFolder, 'node-lock'));
  const prefix = locked ? `${folderId(dataFolder)}/` : undefined;
  return {
    holder: `${prefix ?? ''}${newUuid()}`,
    prefix,
    close() {
      locked?.close();
    },
  };
}
