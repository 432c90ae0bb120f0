import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../errors/app-error.js';
import { migrate, openStore, type Store } from '../store/store.js';
import { createRateTiers, type RateTiers } from './rate-tiers.js';

const limits = { tier1PerMinute: 1000, tier2PerMinute: 100 };

describe('rate tiers', () => {
  let folder: string;
  let store: Store;
  let now: number;
  const nodes: RateTiers[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'mooring-rates-'));
    store = openStore({ dataFolder: folder });
    await migrate(store);
    now = Date.parse('2026-01-01T00:00:00Z');
    for (const tenant of ['t1', 't2']) {
      await store.db.insertInto('tenant').values({ id: tenant, name: tenant, created_at: '' }).execute();
    }
  });
  afterEach(async () => {
    for (const one of nodes.splice(0)) await one.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const node = (): RateTiers => {
    const made = createRateTiers({
      store,
      clock: { now: () => now },
      limits,
      log: pino({ level: 'silent' }),
    });
    nodes.push(made);
    return made;
  };
  const people = async (tenantId: string, count: number) => {
    for (let index = 0; index < count; index += 1) {
      await store.db
        .insertInto('user')
        .values({
          id: `${tenantId}-${index}`,
          tenant_id: tenantId,
          subject: `${index}`,
          name: '',
          status: 'active',
          roles: '[]',
          created_at: '',
          updated_at: '',
        })
        .execute();
    }
  };
  const take = async (tiers: RateTiers, userId: string, tier: 1 | 2): Promise<AppError | undefined> => {
    const tenantId = userId.slice(0, 2);
    try {
      await tiers.take({ tenantId, userId }, tier);
      return undefined;
    } catch (error) {
      if (error instanceof AppError) return error;
      throw error;
    }
  };
  const passing = async (
    tiers: RateTiers,
    userId: string,
    tier: 1 | 2,
    attempts: number,
  ): Promise<number> => {
    let passed = 0;
    for (let index = 0; index < attempts; index += 1) if (!(await take(tiers, userId, tier))) passed += 1;
    return passed;
  };

  it('R20: lets 5,000 reads of one user pass in five minutes, then says how long to wait', async () => {
    await people('t1', 2);
    const tiers = node();
    let passed = 0;
    for (let minute = 0; minute < 5; minute += 1) {
      passed += await passing(tiers, 't1-0', 1, 1020);
      now += 45_000;
    }
    expect(passed).toBe(5000);
    const refused = await take(tiers, 't1-0', 1);
    expect(refused?.code).toBe('HTTP-429');
    const wait = refused?.retryAfterSeconds ?? 0;
    expect(refused?.detail).toBe(`You need to wait ${wait} seconds until limit is lifted.`);
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(300);
    now += (wait - 1) * 1000;
    expect(await take(tiers, 't1-0', 1)).toBeDefined();
    now += 1000;
    expect(await passing(tiers, 't1-0', 1, 1200)).toBe(1020);
  });

  it('R20: counts nothing twice while counts are on their way to the store', async () => {
    await people('t1', 2);
    const tiers = node();
    await passing(tiers, 't1-0', 2, 300);
    for (let round = 0; round < 20; round += 1) {
      // The cached counts are stale, so each of these reads the store during the sync.
      now += 2001;
      await passing(tiers, 't1-0', 2, 1);
      now += 2001;
      const syncing = tiers.sync();
      expect(await take(tiers, 't1-0', 2)).toBeUndefined();
      await syncing;
    }
  });

  it('R20: forgets no request that arrives while empty windows are cleared', async () => {
    await people('t1', 2);
    const tiers = node();
    const syncing = tiers.sync();
    expect(await take(tiers, 't1-0', 2)).toBeUndefined();
    await syncing;
    expect(await passing(tiers, 't1-0', 2, 510)).toBe(499);
  });

  it('R20: counts nothing twice when what it sent is stored and cannot be read back', async () => {
    await people('t1', 2);
    const tiers = node();
    expect(await passing(tiers, 't1-0', 2, 100)).toBe(100);
    const { transaction } = store;
    const { db } = store;
    store.transaction = async (work) => {
      const result = await transaction(work);
      Object.assign(store, { db: undefined });
      return result;
    };
    await tiers.sync();
    Object.assign(store, { db, transaction });
    await tiers.sync();
    expect(await passing(tiers, 't1-0', 2, 500)).toBe(400);
  });

  it('R21: stops writes at 500 and does not affect reads', async () => {
    await people('t1', 2);
    const tiers = node();
    expect(await passing(tiers, 't1-0', 2, 510)).toBe(500);
    expect(await take(tiers, 't1-0', 1)).toBeUndefined();
  });

  it('R22: separates users and tenants, up to half of what all users of a tenant may', async () => {
    await people('t1', 5);
    await people('t2', 2);
    const tiers = node();
    const passed = [];
    for (let index = 0; index < 5; index += 1) passed.push(await passing(tiers, `t1-${index}`, 2, 600));
    expect(passed).toEqual([500, 500, 250, 0, 0]);
    expect(await passing(tiers, 't2-0', 2, 600)).toBe(500);
  });

  it('lets the only user of a tenant take a whole limit, and counts users who were just added', async () => {
    await people('t1', 1);
    const tiers = node();
    expect(await passing(tiers, 't1-0', 2, 600)).toBe(500);
    await people('t2', 1);
    expect(await passing(tiers, 't2-0', 2, 10)).toBe(10);
    await store.db.deleteFrom('user').where('tenant_id', '=', 't2').execute();
    await people('t2', 4);
    now += 150;
    expect(await passing(tiers, 't2-0', 2, 490)).toBe(490);
    expect(await passing(tiers, 't2-1', 2, 500)).toBe(500);
  });

  it('R22: nodes share one limit within a second or two', async () => {
    await people('t1', 2);
    const [a, b] = [node(), node()];
    expect(await passing(a, 't1-0', 2, 300)).toBe(300);
    expect(await passing(b, 't1-0', 2, 100)).toBe(100);
    await a.sync();
    await b.sync();
    now += 2001;
    expect(await passing(a, 't1-0', 2, 200)).toBe(100);
    await a.sync();
    now += 2001;
    expect(await take(b, 't1-0', 2)).toBeDefined();
  });

  it('a restart forgets nothing', async () => {
    await people('t1', 4);
    const before = node();
    expect(await passing(before, 't1-0', 2, 500)).toBe(500);
    await before.close();
    const after = node();
    expect(await take(after, 't1-0', 2)).toBeDefined();
    expect(await take(after, 't1-1', 2)).toBeUndefined();
  });

  it('keeps what it counted while the store refuses, and no count twice', async () => {
    await people('t1', 2);
    const tiers = node();
    await passing(tiers, 't1-0', 2, 100);
    const { transaction } = store;
    store.transaction = () => Promise.reject(new Error('the store is away'));
    await tiers.sync();
    store.transaction = transaction;
    await tiers.sync();
    await tiers.sync();
    const rows = await store.db.selectFrom('rate_count').selectAll().execute();
    expect(rows.map((row) => [row.user_id, row.requests]).toSorted()).toEqual([
      ['', 100],
      ['t1-0', 100],
    ]);
    expect(await passing(tiers, 't1-0', 2, 500)).toBe(400);
    now += 310_000;
    await tiers.sync();
    expect(await store.db.selectFrom('rate_count').selectAll().execute()).toEqual([]);
  });

  it('asks the store a few times, not for each request', async () => {
    await people('t1', 2);
    const tiers = node();
    const asked = vi.spyOn(store.db, 'selectFrom');
    expect(await passing(tiers, 't1-0', 1, 4000)).toBe(4000);
    expect(asked.mock.calls.length).toBeLessThan(20);
  });
});
