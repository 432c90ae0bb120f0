import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore, type Store } from './store.js';
import { StoreFullError, StoreUnavailableError } from './store-error.js';

describe('R10: a disk error of SQLite', () => {
  const dataFolder = mkdtempSync(path.join(tmpdir(), 'mooring-store-'));
  let store: Store;
  const insert = () =>
    store.transaction(async (tx) => {
      await sql`insert into heap values (zeroblob(100000))`.execute(tx);
    });
  const rows = async () =>
    (await sql<{ n: number }>`select count(*) as n from heap`.execute(store.db)).rows[0]?.n;

  beforeAll(async () => {
    store = openStore({ dataFolder });
    await sql`create table heap (bytes blob)`.execute(store.db);
    await insert();
  });
  afterAll(async () => {
    await store.close();
    rmSync(dataFolder, { recursive: true });
  });

  it('is reported as full, changes nothing, and ends when there is space', async () => {
    await sql.raw('PRAGMA max_page_count = 1').execute(store.db);
    for (let round = 0; round < 3; round += 1) await expect(insert()).rejects.toThrow(StoreFullError);
    expect(await rows()).toBe(1);
    await sql.raw('PRAGMA max_page_count = 1000000').execute(store.db);
    await insert();
    expect(await rows()).toBe(2);
  });

  it('is reported as unavailable while it is read-only', async () => {
    await sql.raw('PRAGMA query_only = on').execute(store.db);
    for (let round = 0; round < 3; round += 1) await expect(insert()).rejects.toThrow(StoreUnavailableError);
    expect(await rows()).toBe(2);
    await sql.raw('PRAGMA query_only = off').execute(store.db);
    await insert();
    expect(await rows()).toBe(3);
  });
});
