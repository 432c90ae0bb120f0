import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { ServerUser } from './server-user.js';

// A disk that can be filled: a file system in memory that only one process sees and that ends with it. It does not require root,
// because it is created in a user namespace.

/**
 * A command line prefix: the command after it runs, with the same process id and user, with `folder` as a disk of the given size
 * in bytes.
 */
export function onSmallDisk(folder: string, bytes: number): string[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const script = `mount -t tmpfs -o size=${bytes},mode=700 none "$0" && exec setpriv --ambient-caps -all --inh-caps -all "$@"`;
  return ['unshare', '--user', '--map-current-user', '--keep-caps', '--mount', 'sh', '-c', script, folder];
}

/** The folder in the view of that process. */
export const seenBy = (pid: number, folder: string): string => path.join(`/proc/${pid}/root`, folder);

/**
 * Fills the disk.
 * @param user owner of the process; other users cannot create files there
 * @returns a function that frees the space
 */
export function fillDisk(pid: number, folder: string, user: ServerUser = null): () => void {
  const filler = path.join(seenBy(pid, folder), 'filler');
  const copy = spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k'], { ...user, encoding: 'utf8' });
  if (!copy.stderr.includes('No space left')) throw new Error(`The disk was not filled: ${copy.stderr}`);
  return () => rmSync(filler);
}
