import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { assertNotMoved, writeLeaving } from './move-marks.js';
import { migrate, openStore } from './store.js';

it('a store whose mark of a move cannot be read is not served: the other one may be', async () => {
  const dataFolder = mkdtempSync(path.join(tmpdir(), 'mooring-marks-'));
  const store = openStore({ dataFolder });
  try {
    await assertNotMoved(store);
    await migrate(store);
    const mark = { id: 'm', to: 'db:5432/mooring', leftAt: '2030-01-01T00:00:00.000Z' };
    await writeLeaving(store.db, mark);
    await expect(assertNotMoved(store)).rejects.toThrow('was moved to PostgreSQL at db:5432/mooring');
    await sql`update setting set value = substr(value, 2) where name = 'moving-to'`.execute(store.db);
    await expect(assertNotMoved(store)).rejects.toThrow('unreadable mark of a move');
  } finally {
    await store.close();
    rmSync(dataFolder, { recursive: true, force: true });
  }
});
