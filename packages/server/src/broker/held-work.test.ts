import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate, openStore, type Store } from '../store/store.js';
import type { RevocationTable } from '../store/tables.js';
import { due, take } from './revocation-queue.js';

describe('work that another node has taken', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-held-'));
  let opened: Store;
  let store: Store;
  let aheadMs = 0;

  beforeAll(async () => {
    opened = openStore({ dataFolder: folder });
    await migrate(opened);
    const iso = (ms = 0) => new Date(Date.now() + aheadMs + ms).toISOString();
    store = { ...opened, clock: { ...opened.clock, iso } };
    await store.db.insertInto('tenant').values({ id: 't', name: 't', created_at: '' }).execute();
  });
  afterAll(async () => {
    await opened.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('M: a revocation is told to its provider by one node, until that one has been silent for its lease', async () => {
    const row: RevocationTable = {
      ...{ id: 'r', tenant_id: 't', credential_id: 'c', credential_name: 'c', owner_id: 'o', source_id: 's' },
      ...{ batch_id: null, status: 'queued', attempts: 0, not_before: '', lease_until: null },
      ...{ created_at: '', ended_at: null },
    };
    await store.db.insertInto('revocation').values(row).execute();
    expect(await due(store, 10)).toHaveLength(1);
    expect(await take(store, row)).toBe(true);
    expect(await due(store, 10)).toEqual([]);
    expect(await take(store, row)).toBe(false);
    aheadMs = 61_000;
    expect(await due(store, 10)).toHaveLength(1);
    expect(await take(store, row)).toBe(true);
  });
});
