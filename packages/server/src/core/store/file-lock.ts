import Database from 'libsql';

/**
 * Locks a file against every other process. The lock is a transaction on the file, so the operating system drops it
 * when the process dies, however it dies.
 * @returns what gives it back; undefined while another process has it
 * @throws what the file system says of a file that cannot be locked
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
