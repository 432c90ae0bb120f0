import Database from 'libsql';

/**
 * Locks a file against every other process. The lock is a transaction on the file, so the operating system drops it
 * when the process dies, however it dies.
 * @returns releases the lock; undefined while another process holds it
 * @throws the error of the file system for a file that cannot be locked
 */
export function lockFile(file: string): (() => void) | undefined {
  let lock: Database.Database | undefined;
  try {
    lock = new Database(file);
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    if (/^SQLITE_BUSY/.test(String((error as { code?: unknown }).code))) return undefined;
    throw error;
  }
  const held = lock;
  return () => held.close();
}
