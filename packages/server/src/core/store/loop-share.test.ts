import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStore, type Store } from './store.js';

const dataFolder = mkdtempSync(path.join(tmpdir(), 'mooring-store-'));
let store: Store;

beforeAll(async () => {
  store = openStore({ dataFolder });
  await sql`create table heap (bytes blob)`.execute(store.db);
});
afterAll(async () => {
  await store.close();
  rmSync(dataFolder, { recursive: true });
});

const statement = sql`insert into heap values (zeroblob(500000))`;

it.each([
  ['transactions', () => store.transaction((tx) => statement.execute(tx))],
  ['statements', () => statement.execute(store.db)],
])('TR18: a queue of %s on the embedded store leaves the event loop its turns', async (_name, insert) => {
  let turns = 0;
  const count = () => {
    turns += 1;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  // Each writes half a megabyte to the disk and waits for it.
  await Promise.all(Array.from({ length: 120 }, insert));
  clearImmediate(counting);
  expect(turns).toBeGreaterThan(5);
});
