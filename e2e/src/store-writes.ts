import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Database from 'libsql';

/** What SQLite says of a copy of the store, opened as another program would. */
export function integrityOf(dataFolder: string): unknown {
  const copy = path.join(mkdtempSync(path.join(tmpdir(), 'mooring-copy-')), 'copy.db');
  for (const suffix of ['', '-wal']) {
    const file = path.join(dataFolder, `mooring.db${suffix}`);
    if (existsSync(file)) copyFileSync(file, copy + suffix);
  }
  const database = new Database(copy);
  try {
    return database.prepare('PRAGMA integrity_check').all();
  } finally {
    database.close();
    rmSync(path.dirname(copy), { recursive: true });
  }
}

/** Requests that write, by what they make: path, and body with a name. */
export const writes = {
  space: ['/api/v1/spaces', (name: string) => ({ name, type: 'shared' })],
  key: ['/api/v1/api-keys', (description: string) => ({ description })],
  connection: [
    '/api/v1/data-connections',
    (qName: string) => ({
      dataSourceId: 'rest',
      qName,
      connectionProperties: { url: 'http://127.0.0.1:9/', separateCredentials: 'false' },
    }),
  ],
} as const;
