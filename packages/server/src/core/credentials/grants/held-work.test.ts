import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate, openStore, type Store } from '../../store/store.js';
import type { CredentialTable, RevocationTable } from '../../store/tables.js';
import { createRefreshLeases, refreshTimes } from './refresh-lease.js';
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

  it('M: one node sends a revocation to its provider, until it has been silent for its lease', async () => {
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

  it('M: a process that has lost its lease on a grant does not release the lease of the next', async () => {
    await store.db
      .insertInto('user')
      .values({
        ...{ id: 'o', tenant_id: 't', subject: 'o', name: 'o', email: null, client_id: null },
        ...{ status: 'active', roles: '[]', created_at: '', updated_at: '' },
      })
      .execute();
    const credential: CredentialTable = {
      ...{ id: 'c', tenant_id: 't', owner_id: 'o', source_id: 's', name: 'c', name_key: 'c', separated: 1 },
      ...{
        connection_id: null,
        sign_in: 'oauth2',
        state: 'ready',
        version: 1,
        created_at: '',
        updated_at: '',
        entered_at: '',
        entered_with: null,
      },
    };
    await store.db.insertInto('credential').values(credential).execute();
    await sql`insert into grant_state (credential_id, tenant_id, issued_at, fence, attempts, failures)
      values ('c', 't', '', 0, 0, 0)`.execute(store.db);
    const leasesOf = (holder: string) =>
      createRefreshLeases({
        ...{ store, clock: store.clock, times: refreshTimes },
        folder: { holder, prefix: undefined, close: () => undefined },
      });
    const [first, second] = [leasesOf('first'), leasesOf('second')];
    const lost = await first.take(credential, 1);
    aheadMs += 3_600_000;
    const over = await second.look(credential);
    if (!lost || !over) throw new Error('no process has the lease');
    const held = await second.take(credential, 1, { over });
    if (!held) throw new Error('the lease that is over was not taken');
    await first.giveBack(credential, lost);
    await first.fail(credential, lost, { isOutcomeUnknown: true, pauseMs: 1_000, isBackOff: true });
    expect(await second.look(credential)).toMatchObject({ holder: 'second', failures: 0 });
    await second.giveBack(credential, held);
    expect((await second.look(credential))?.holder).toBeNull();
  });
});
