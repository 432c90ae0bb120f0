import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { ServerUser } from './server-user.js';

// A disk that can be full: a file system in memory that one process alone sees, and that ends with it. It needs no right
// of root, as it is made in a user namespace.

/**
 * The beginning of a command line. What comes after it runs, under the same process id and user, with `folder` as a disk
 * of so many bytes.
 */
export function onSmallDisk(folder: string, bytes: number): string[] {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const script = `mount -t tmpfs -o size=${bytes},mode=700 none "$0" && exec setpriv --ambient-caps -all --inh-caps -all "$@"`;
  return ['unshare', '--user', '--map-current-user', '--keep-caps', '--mount', 'sh', '-c', script, folder];
}

/** The folder as that process sees it. */
export const seenBy = (pid: number, folder: string): string => path.join(`/proc/${pid}/root`, folder);

/**
 * Takes all the room there is.
 * @param user whose process it is; another could make no file there
 * @returns what gives it back
 */
export function fillDisk(pid: number, folder: string, user: ServerUser = null): () => void {
  const filler = path.join(seenBy(pid, folder), 'filler');
  const copy = spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k'], { ...user, encoding: 'utf8' });
  if (!copy.stderr.includes('No space left')) throw new Error(`The disk was not filled: ${copy.stderr}`);
  return () => rmSync(filler);
}
