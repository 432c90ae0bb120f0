import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The system user a database runs as; null: our own, because we are not root. */
export type ServerUser = { uid: number; gid: number } | null;

const run = promisify(execFile);

/**
 * Databases refuse to run as root, so root runs them as somebody else.
 * @param preferred Tried first; `nobody`, which is everywhere, otherwise. No user is made on the system.
 */
export async function findServerUser(preferred: string): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return null;
  for (const candidate of [preferred, 'nobody']) {
    try {
      const [uid, gid] = await Promise.all([run('id', ['-u', candidate]), run('id', ['-g', candidate])]);
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    } catch {
      // Not on this system: the next one.
    }
  }
  throw new Error(
    `Databases do not run as root and this system has neither a ${preferred} nor a nobody user`,
  );
}
