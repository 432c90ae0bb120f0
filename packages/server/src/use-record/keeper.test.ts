import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { full } from '@mooring/lab/test-tier';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { firstStart } from '../first-start.js';
import { migrate, openStore, type Store } from '../store/store.js';
import { createVault, type Vault } from '../vault/envelope.js';
import { newKey } from '../vault/keyring.js';
import { tokenHasher } from '../vault/token-hashes.js';
import { createRecordKeeper, remakeRecordKey } from './keeper.js';
import { createUseLog } from './log.js';
import { forgetUses } from './retention.js';
import { positionOf, type VerifyReport, verifyUses } from './verify.js';

const log = pino({ level: 'silent' });

describe('a record of uses that processes come and go over', () => {
  let folder: string;
  let store: Store;
  let vault: Vault;
  let tenantId: string;
  let userId: string;
  let now: number;

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'mooring-record-'));
    now = Date.parse('2026-01-01T00:00:00.000Z');
    const opened = openStore({ dataFolder: folder });
    await migrate(opened);
    await firstStart(opened, tokenHasher(newKey()), 'test-administrator-key-0123456789');
    // Time goes on as the test says.
    store = { ...opened, clock: { ...opened.clock, iso: (ms = 0) => new Date(now + ms).toISOString() } };
    vault = createVault(newKey());
    const user = await store.db.selectFrom('user').selectAll().executeTakeFirstOrThrow();
    [tenantId, userId] = [user.tenant_id, user.id];
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  /** What one process has in memory. */
  const startProcess = () => {
    const keeper = createRecordKeeper({ store, vault, log });
    const uses = createUseLog({ store, keeper, signInRefused: async () => undefined, log });
    return {
      keeper,
      async use(credential: string, times = 1) {
        for (let time = 0; time < times; time += 1) {
          const ticket = await uses.begin({
            caller: { userId, tenantId, name: 'a', roles: [], keyId: 'k', keyKind: 'api-key' },
            connection: { id: 'connection', space_id: null },
            credential: { id: credential, owner_id: userId, version: 1 },
            action: 'read',
          });
          await ticket.finish('ok', { rows: 1 });
        }
      },
      async sign(): Promise<void> {
        await keeper.checkpoint(await keeper.recordOf(tenantId));
      },
      async verify(withinMs = 10_000, next?: string): Promise<VerifyReport> {
        const kept = await keeper.recordOf(tenantId);
        const isUpToDate = await keeper.catchUp(kept);
        const keyOf = keeper.keyOf(tenantId);
        return verifyUses({
          ...{ db: store.db, kept, keyOf, isUpToDate, withinMs },
          next: next === undefined ? undefined : positionOf(next),
        });
      },
    };
  };
  const checkpoints = () => store.db.selectFrom('use_checkpoint').selectAll().orderBy('number').execute();
  const records = () => store.db.selectFrom('use_record').selectAll().execute();

  it('LI2: one shard cannot be cut by removing the checkpoints since, after every process has ended', async () => {
    const first = startProcess();
    await first.use('a', 3);
    await first.sign();
    const [, kept] = await checkpoints();
    await first.use('a', 3);
    await first.sign();
    await first.use('b', 2);
    const shardOfA = JSON.parse(kept?.heads ?? '[]')[0][0] as number;
    await store.db.deleteFrom('use_checkpoint').where('number', '>', 2).execute();
    await store.db.deleteFrom('use_record').where('shard', '=', shardOfA).where('seq', '>', 6).execute();
    const last = (await records()).find(({ shard, seq }) => shard === shardOfA && seq === 6);
    await store.db
      .updateTable('use_shard')
      .set({ seq: 6, hash: last?.hash ?? '' })
      .where('shard', '=', shardOfA)
      .execute();
    const broken = { seq: 3, problem: 'missing' };
    expect(await startProcess().verify()).toMatchObject({ ok: false, broken });
    const next = startProcess();
    await next.use('a');
    await next.sign();
    expect(await next.verify()).toMatchObject({ ok: false, broken });
  });

  it('LI2: a record without any checkpoint is not whole, since its key says that there was one', async () => {
    const first = startProcess();
    await first.use('a', 2);
    await store.db.deleteFrom('use_checkpoint').execute();
    expect(await startProcess().verify()).toMatchObject({
      ok: false,
      broken: { seq: 1, problem: 'missing' },
    });
    const next = startProcess();
    await next.use('a');
    await next.sign();
    expect(await next.verify()).toMatchObject({ ok: false, broken: { seq: 1, problem: 'missing' } });
  });

  it('LI2: goes on behind its records where a head was removed or set back, and never from the beginning', async () => {
    const first = startProcess();
    await first.use('a', 3);
    await store.db.updateTable('use_shard').set({ seq: 2, hash: 'x' }).execute();
    const second = startProcess();
    await second.use('a');
    await second.sign();
    expect(await second.verify()).toMatchObject({ ok: true, records: 8 });
    await store.db.deleteFrom('use_shard').execute();
    await store.db.deleteFrom('use_record').execute();
    const third = startProcess();
    await third.use('a');
    expect((await records()).map(({ seq }) => seq)).toEqual([9, 10]);
    expect(await third.verify()).toMatchObject({ ok: false, broken: { seq: 1, problem: 'cut off' } });
  });

  it('LI2: a record that was set back and grew anew does not pass for the one that was signed', async () => {
    const first = startProcess();
    await first.use('a', 3);
    await first.sign();
    const signed = (await checkpoints()).at(-1);
    await store.db.deleteFrom('use_checkpoint').where('number', '>', 1).execute();
    await store.db.deleteFrom('use_record').execute();
    await store.db.deleteFrom('use_shard').execute();
    const second = startProcess();
    now += 1;
    await second.use('a', 3);
    const grown = await second.verify();
    expect(grown).toMatchObject({ ok: true });
    // The checkpoint from before is good by itself, and lists what is not there.
    await store.db
      .insertInto('use_checkpoint')
      .values(signed as NonNullable<typeof signed>)
      .execute();
    expect(await startProcess().verify()).toMatchObject({
      ok: false,
      broken: { seq: 6, problem: 'changed' },
    });
    await store.db.deleteFrom('use_checkpoint').where('number', '>', 1).execute();
    await second.sign();
    expect(await second.verify()).toMatchObject({ ok: true });
    expect(await first.verify()).toMatchObject({ ok: false, broken: { seq: 2, problem: 'set back' } });
  });

  it('LI2: cannot be written by somebody with another key', async () => {
    await startProcess().use('a', 2);
    vault = createVault(newKey());
    await expect(startProcess().use('a')).rejects.toMatchObject({ code: 'NOT-READY' });
    expect(await records()).toHaveLength(4);
  });

  it('LI1: after its key was lost a new one is put on record, and proofs begin there', async () => {
    await startProcess().use('a', 2);
    await startProcess().sign();
    vault = createVault(newKey());
    const by = { tenantId, userId };
    expect(await remakeRecordKey(store, vault, { by, why: 'the keyring was lost' })).toBe(true);
    expect(await remakeRecordKey(store, vault, { by, why: 'again' })).toBe(false);
    const next = startProcess();
    await next.use('a', 3);
    await next.sign();
    expect(await next.verify()).toMatchObject({
      ...{ ok: true, records: 6 },
      unproven: { note: 'new key: the keyring was lost' },
    });
    const events = await store.db.selectFrom('audit_event').select('type').execute();
    expect(events.map(({ type }) => type)).toContain('mooring.v1.use-record.key-remade');
    await store.db.updateTable('use_record').set({ user_id: 'x' }).where('seq', '=', 6).execute();
    expect(await next.verify()).toMatchObject({ ok: false, broken: { seq: 6, problem: 'changed' } });
  });

  it('LI10: what is older than it is kept goes, up to a signed checkpoint, and the rest is whole', async () => {
    const first = startProcess();
    // The checkpoint that everything before may go up to is a full one: the 1st, the 129th, …
    for (let number = 2; number <= 129; number += 1) {
      await first.use(`credential ${number % 3}`);
      await first.sign();
    }
    now += 10 * 86_400_000;
    await first.use('late', 2);
    await first.sign();
    const before = await records();
    await forgetUses({ store, keeper: first.keeper }, { now: new Date(now), days: 20 });
    // The first checkpoint is the beginning, with nothing before it.
    expect(await records()).toHaveLength(before.length);
    await forgetUses({ store, keeper: first.keeper }, { now: new Date(now), days: 5 });
    expect(await records()).toHaveLength(4);
    const kept = await checkpoints();
    expect(kept[0]?.number).toBe(129);
    expect(kept.at(-1)?.kept_from).toBe(129);
    const next = startProcess();
    expect(await next.verify()).toMatchObject({ ok: true, records: 4 });
    await next.use('credential 1');
    await next.sign();
    expect(await next.verify()).toMatchObject({ ok: true, records: 6 });
    // Nobody else can shorten it.
    await store.db.deleteFrom('use_checkpoint').where('number', '<', 131).execute();
    expect(await startProcess().verify()).toMatchObject({ ok: false });
  });

  it('LI10: is proven in pieces, each from where the one before has ended', async () => {
    const first = startProcess();
    const uses = full(20_000, 600);
    await Promise.all(Array.from({ length: 20 }, (_, who) => first.use(`c ${who % 7}`, uses / 20)));
    await first.sign();
    let report = await first.verify(0);
    let { records: proven } = report;
    let pieces = 1;
    while (!report.done && pieces < uses) {
      report = await first.verify(0, report.next);
      proven += report.records;
      pieces += 1;
    }
    expect(report).toMatchObject({ ok: true, done: true });
    expect(proven).toBe(uses * 2);
    expect(pieces).toBeGreaterThan(1);
  });
});
