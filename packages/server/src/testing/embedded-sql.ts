import Database from 'libsql';

/** Runs one statement on its own connection: past the server, as an attacker with write access to the store would. */
export function runOnFile(storeFile: string, statement: string): void {
  const file = new Database(storeFile);
  try {
    file.exec(statement);
  } finally {
    file.close();
  }
}
