import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { migrate, openStore, type Store } from '../store/store.js';
import { record } from './record.js';

const folder = mkdtempSync(path.join(tmpdir(), 'mooring-audit-'));
let store: Store;

beforeAll(async () => {
  store = openStore({ dataFolder: folder });
  await migrate(store);
  const tenant = { id: 't', name: 'mooring', created_at: store.clock.iso() };
  await store.db.insertInto('tenant').values(tenant).execute();
});
afterAll(async () => {
  vi.useRealTimers();
  await store.close();
  rmSync(folder, { recursive: true });
});

it("dates an event by the store's clock, on which nodes agree, not by the machine's", async () => {
  const before = store.clock.iso();
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2040-01-01') });
  const event = { name: 'user.updated', by: { tenantId: 't', userId: 'u' }, resourceId: 'u' } as const;
  await store.transaction((tx) => record(tx, event));
  await record(store.db, event);
  const rows = await store.db.selectFrom('audit_event').select('at').execute();
  const after = store.clock.iso();
  expect(rows).toHaveLength(2);
  for (const { at } of rows) {
    expect(at >= before, `${at} is before ${before}`).toBe(true);
    expect(at <= after, `${at} is after ${after}`).toBe(true);
  }
});
