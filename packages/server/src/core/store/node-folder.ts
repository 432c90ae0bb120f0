import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { newUuid } from '../crypto/random.js';
import { makeDataFolder } from './data-folder.js';
import { lockFile } from './file-lock.js';

// Who a process is to the others: its data folder and a number of its own. A process that has locked the folder knows
// that those which had it before are gone, however they ended; a silent one elsewhere may only be slow.

export interface NodeFolder {
  /** Name of this process as the holder of a lease. */
  holder: string;
  /** How the names of all processes of this folder begin; undefined while another process has it. */
  prefix: string | undefined;
  close(): void;
}

/**
 * What the running kernel calls itself; another one, or the same after a restart, has another name. Undefined where the
 * system does not say.
 */
export function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * A copy of the folder is another folder: it says nothing of the process that has the first one. A copied file has
 * another inode, a cloned disk another device or another kernel; and only of the folder of one kernel its lock proves
 * anything.
 */
function folderId(dataFolder: string, boot: string): string {
  const file = path.join(dataFolder, 'node-id');
  const found = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  // A crash may have left less than an id.
  const id = /^[0-9a-f-]{36}$/.test(found) ? found : newUuid();
  if (id !== found) writeFileSync(file, `${id}\n`, { mode: 0o600, flush: true });
  const { dev, ino } = statSync(file);
  return `${id}.${dev}.${ino}.${boot}`;
}

/** @param boot see {@link bootId}; without one this process vouches for none before it */
export function openNodeFolder(dataFolder: string, boot = bootId() ?? newUuid()): NodeFolder {
  makeDataFolder(dataFolder);
  const unlock = lockFile(path.join(dataFolder, 'node-lock'));
  const prefix = unlock ? `${folderId(dataFolder, boot)}/` : undefined;
  return { holder: `${prefix ?? ''}${newUuid()}`, prefix, close: () => unlock?.() };
}
