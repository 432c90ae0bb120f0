import Database from 'libsql';

/** One statement on a connection of its own, at once: past the server, as somebody who can write the store would run it. */
export function runOnFile(storeFile: string, statement: string): void {
  const file = new Database(storeFile);
  try {
    file.exec(statement);
  } finally {
    file.close();
  }
}
