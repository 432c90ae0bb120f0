import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrate, openStore, type Store } from '../store.js';

let folder: string;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'mooring-migrations-'));
  store = openStore({ dataFolder: folder });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

it('an upgrade that fails midway leaves no trace, and the next one completes', async () => {
  // Conflicts with a late migration.
  await sql`create table use_record (id text)`.execute(store.db);
  await expect(migrate(store)).rejects.toThrow('nothing was changed');
  const { rows } = await sql<{ name: string }>`select name from sqlite_master where type = 'table'
    and name not like 'kysely%' and name not like 'sqlite%'`.execute(store.db);
  expect(rows).toEqual([{ name: 'use_record' }]);
  await sql`drop table use_record`.execute(store.db);
  await migrate(store);
  expect((await sql`select count(*) as n from use_record`.execute(store.db)).rows).toEqual([{ n: 0 }]);
});
