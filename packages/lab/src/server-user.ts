import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The system user a database runs as; null: our own, because we are not root. */
export type ServerUser = { uid: number; gid: number } | null;

const run = promisify(execFile);

/**
 * Databases refuse to run as root, so root runs them as another user.
 * @param preferred tried first; then `nobody`, which exists on every system. Creates no user.
 */
export async function findServerUser(preferred: string): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return null;
  const candidates = [preferred, 'nobody'];
  for (const candidate of candidates) {
    try {
      const [uid, gid] = await Promise.all([run('id', ['-u', candidate]), run('id', ['-g', candidate])]);
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    } catch {
      // Not on this system: the next one.
    }
  }
  throw new Error(`Databases do not run as root, and none of these users exists: ${candidates.join(', ')}`);
}
