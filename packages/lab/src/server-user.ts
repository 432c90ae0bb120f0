import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The system user for a database; null: our own, because we are not root. */
export type ServerUser = { uid: number; gid: number } | null;

const run = promisify(execFile);

const unprivileged = 'nobody';

/**
 * Databases refuse to run as root, so root runs them as another user.
 * @param preferred tried first; otherwise `nobody`, which exists everywhere. No system user is created.
 */
export async function findServerUser(preferred: string): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return null;
  for (const candidate of [preferred, unprivileged]) {
    try {
      const [uid, gid] = await Promise.all([run('id', ['-u', candidate]), run('id', ['-g', candidate])]);
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    } catch {
      // Does not exist on this system: try the next one.
    }
  }
  throw new Error(
    `Databases do not run as root, and this system has neither a user ${preferred} nor a user ${unprivileged}`,
  );
}
