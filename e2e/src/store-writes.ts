import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ApiClient } from '@mooring/server/testing/api-client';
import Database from 'libsql';
import { expect } from 'vitest';

/** SQLite's integrity check on a copy of the store, opened as another program would. */
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

/** All records of a list, page by page. @param firstPage path with query */
export async function listed(api: ApiClient, firstPage: string): Promise<Record<string, string>[]> {
  const records: Record<string, string>[] = [];
  for (let next: string | undefined = firstPage; next; ) {
    const { status, body, text } = await api.get(next);
    expect(status, text).toBe(200);
    records.push(...body.data);
    next = body.links?.next?.href;
  }
  return records;
}

/** Write requests by the kind of record: path, and body with a name. */
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
