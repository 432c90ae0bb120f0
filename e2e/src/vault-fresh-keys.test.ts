import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { full } from '@mooring/lab/test-tier';
import { apiClient } from '@mooring/server/testing/api-client';
import Database from 'libsql';
import { expect, it } from 'vitest';
import { inParallel } from './in-parallel.js';
import { startMooring } from './mooring-process.js';

const writes = full(2000, 200);

it('V12: one password provided 2,000 times looks different each time, in every column of the store', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-fresh-keys-'));
  const dataFolder = path.join(folder, 'data');
  const mooring = await startMooring({ dataFolder });
  const api = apiClient(mooring.url, mooring.adminKey);
  const provide = (number: number) => async () => {
    const { status, text } = await api.post('/api/v1/data-credentials', {
      datasourceID: 'postgres',
      qName: `credential ${number}`,
      connectionProperties: {
        ...{ host: '127.0.0.1', port: 5432, db: 'lab', sslmode: 'disable' },
        ...{ username: 'reader', password: 'one password for all of them' },
      },
    });
    expect(status, text).toBe(201);
  };
  try {
    await inParallel(
      16,
      Array.from({ length: writes }, (_, number) => provide(number)),
    );
  } finally {
    await mooring.stop();
  }
  const database = new Database(path.join(dataFolder, 'mooring.db'), { readonly: true });
  const rows = database
    .prepare("SELECT key_id, wrapped_key, ciphertext FROM secret WHERE record_kind = 'credential'")
    .all() as { key_id: string; wrapped_key: string; ciphertext: string }[];
  database.close();
  rmSync(folder, { recursive: true, force: true });
  expect(rows).toHaveLength(writes);
  const distinct = (part: (row: (typeof rows)[number]) => string) => new Set(rows.map(part)).size;
  // The first 16 characters of base64 are the 12 bytes of the IV.
  expect(distinct(({ key_id, wrapped_key }) => key_id + wrapped_key.slice(0, 16))).toBe(writes);
  expect(distinct(({ wrapped_key }) => wrapped_key.slice(16))).toBe(writes);
  expect(distinct(({ ciphertext }) => ciphertext.slice(0, 16))).toBe(writes);
  expect(distinct(({ ciphertext }) => ciphertext.slice(16))).toBe(writes);
});
