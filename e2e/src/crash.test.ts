import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { full } from '@mooring/lab/test-tier';
import Database from 'libsql';
import { afterAll, expect, it } from 'vitest';
import { halfMade, killUnderMixedWrites } from './kill-loop.js';

const rounds = full(200, 3);
const folder = mkdtempSync(path.join(tmpdir(), 'mooring-crash-'));
const dataFolder = path.join(folder, 'data');

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Opens a copy of what the kill left, as another program would, so that the service cannot tidy up before. */
function inspectCopy(): void {
  const copy = path.join(folder, 'copy.db');
  for (const suffix of ['', '-wal']) {
    rmSync(copy + suffix, { force: true });
    const file = path.join(dataFolder, `mooring.db${suffix}`);
    if (existsSync(file)) copyFileSync(file, copy + suffix);
  }
  const database = new Database(copy);
  try {
    expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    expect(database.prepare('PRAGMA foreign_key_check').all()).toEqual([]);
    for (const [what, sql] of Object.entries(halfMade)) {
      expect(database.prepare(sql).all(), what).toEqual([]);
    }
  } finally {
    database.close();
  }
}

it('R01: keeps every acknowledged write, and nothing half made, through kills during mixed writes', async () => {
  await killUnderMixedWrites(rounds, { dataFolder }, inspectCopy);
}, 1_800_000);
