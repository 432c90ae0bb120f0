import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { migrate, openStore } from '../store.js';
import { migrations } from './all.js';

it('migrates the connections of an older store: their order, and their number', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-migration-'));
  const store = openStore({ dataFolder: folder });
  try {
    const older = Object.entries(migrations).filter(([name]) => name < '0004');
    for (const [, migration] of older) await migration.up(store.db);
    await sql`insert into tenant values ('t', 't', '')`.execute(store.db);
    await sql`insert into "user" (id, tenant_id, subject, name, status, roles, created_at, updated_at)
      values ('u', 't', 'u', 'u', 'active', '[]', '', '')`.execute(store.db);
    for (const [id, name, source] of [
      ['1', 'Ärger', 'rest'],
      ['2', 'zoo', 'rest'],
      ['3', 'Éclair', 'postgres'],
    ]) {
      await sql`insert into connection (id, tenant_id, name, name_key, scope, owner_id, source_id, properties,
          separated, destination, qri, tags, version, created_at, updated_at)
        values (${id}, 't', ${name}, ${name}, 'user:u', 'u', ${source}, '{}', 0, '', '', '[]', 1, '', '')`.execute(
        store.db,
      );
    }
    for (const [name, migration] of Object.entries(migrations)) {
      if (name >= '0004') await migration.up(store.db);
    }
    const rows = await store.db.selectFrom('connection').select(['id', 'name_fold']).orderBy('id').execute();
    expect(rows.map((row) => row.name_fold)).toEqual(['arger', 'zoo', 'eclair']);
    const tally = await store.db.selectFrom('connection_tally').selectAll().orderBy('source_id').execute();
    expect(tally).toEqual([
      { tenant_id: 't', scope: 'user:u', source_id: 'postgres', part: '', total: 1 },
      { tenant_id: 't', scope: 'user:u', source_id: 'rest', part: '', total: 2 },
    ]);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

it('leaves an empty store ready', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-migration-'));
  const store = openStore({ dataFolder: folder });
  await migrate(store);
  expect(await store.db.selectFrom('connection_tally').selectAll().execute()).toEqual([]);
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});
