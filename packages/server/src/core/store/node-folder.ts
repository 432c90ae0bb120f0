import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { newUuid } from '../crypto/random.js';
import { makeDataFolder } from './data-folder.js';
import { lockFile } from './file-lock.js';

// Identity of a process: its data folder and a random number. A process that has locked the folder knows that its
// predecessors have ended, in whatever way; a silent process elsewhere may only be slow.

/** Boot id of the kernel: differs on every machine and after every restart. Undefined where the system has none. */
export function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * A copy of the folder is a different folder: it proves nothing about the process of the original. A copied file has
 * another inode, a cloned disk another device or kernel; and a lock only counts within one kernel.
 */
function folderId(dataFolder: string, boot: string): string {
  const file = path.join(dataFolder, 'node-id');
  const found = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  // A crash may have left a truncated id.
  const id = /^[0-9a-f-]{36}$/.test(found) ? found : newUuid();
  if (id !== found) writeFileSync(file, `${id}\n`, { mode: 0o600, flush: true });
  const { dev, ino } = statSync(file);
  return `${id}.${dev}.${ino}.${boot}`;
}

export type NodeFolder = ReturnType<typeof openNodeFolder>;

/** @param boot see {@link bootId}; without one this process cannot vouch that earlier ones have ended */
export function openNodeFolder(dataFolder: string, boot = bootId() ?? newUuid()) {
  makeDataFolder(dataFolder);
  const unlock = lockFile(path.join(dataFolder, 'node-lock'));
  const prefix = unlock ? `${folderId(dataFolder, boot)}/` : undefined;
  return {
    /** Name of this process as the holder of a lease. */
    holder: `${prefix ?? ''}${newUuid()}`,
    /** Prefix of the names of all processes of this folder; undefined while another process holds the folder. */
    prefix,
    close: () => unlock?.(),
  };
}
