import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { full } from '@mooring/lab/test-tier';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { firstStart } from '../../start/first-start.js';
import type { Queryable } from '../store/queryable.js';
import { migrate, openStore, type Store } from '../store/store.js';
import { createVault, type Vault } from '../vault/envelope.js';
import { newKey } from '../vault/keyring.js';
import { tokenHasher } from '../vault/token-hashes.js';
import { appendUses, formerShard } from './chain.js';
import { nextCheckpoint, noCheckpoint } from './checkpoints.js';
import { createRecordKeeper, remakeRecordKey } from './keeper.js';
import { createUseLog } from './log.js';
import { forgetUses } from './retention.js';
import { positionOf, type VerifyReport, verifyUses } from './verify.js';

const log = pino({ level: 'silent' });

/** The same store, where something happens right before each statement that reads a table is sent. */
function interleaved(db: Queryable, table: string, meanwhile: () => Promise<void>): Queryable {
  const late = <Builder extends object>(builder: Builder): Builder =>
    new Proxy(builder, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...given: unknown[]) => {
          if (name === 'execute') return meanwhile().then(() => Reflect.apply(member, target, given));
          return late(Reflect.apply(member, target, given) as object);
        };
      },
    });
  return new Proxy(db, {
    get(target, name) {
      if (name !== 'selectFrom') return Reflect.get(target, name);
      return (from: 'use_shard') => {
        const builder = target.selectFrom(from);
        return (from as string) === table ? late(builder) : builder;
      };
    },
  });
}

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
  const startProcess = (checkpointMs = 3_600_000) => {
    const keeper = createRecordKeeper({ store, vault, log });
    const signInRefused = async () => undefined;
    const uses = createUseLog({ store, keeper, signInRefused, log, checkpointMs });
    return {
      keeper,
      open: uses.open,
      close: uses.close,
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
      async verify(withinMs = 10_000, next?: string, db: Queryable = store.db): Promise<VerifyReport> {
        const kept = await keeper.recordOf(tenantId);
        const isUpToDate = await keeper.catchUp(kept);
        const keyOf = keeper.keyOf(tenantId);
        return verifyUses({
          ...{ db, kept, keyOf, isUpToDate, withinMs },
          next: next === undefined ? undefined : positionOf(next),
        });
      },
    };
  };
  const checkpoints = () => store.db.selectFrom('use_checkpoint').selectAll().orderBy('number').execute();
  const shards = () => store.db.selectFrom('use_shard').selectAll().execute();
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

  it('LI2: what a killed process could not sign is signed by the next start, and by every other process, without a use', async () => {
    const killed = startProcess();
    await killed.use('a', 2);
    const signed = async () =>
      (await checkpoints()).flatMap(({ heads }) =>
        (JSON.parse(heads) as [number, number, string][]).map(([, seq]) => seq),
      );
    expect(await signed()).toEqual([]);
    await startProcess().open();
    expect(await signed()).toEqual([4]);
    const other = startProcess(20);
    await killed.use('a');
    await expect.poll(signed).toEqual([4, 6]);
    await other.close();
    // Nothing is signed where nothing was recorded.
    const before = (await checkpoints()).length;
    await startProcess().open();
    expect(await checkpoints()).toHaveLength(before);
    expect(await startProcess().verify()).toMatchObject({ ok: true, records: 6 });
  });

  it('LI2: is proven while others record and sign between the reads of the proof', async () => {
    const [first, other] = [startProcess(), startProcess()];
    await first.use('a', 2);
    await first.sign();
    let rounds = 0;
    // Another's checkpoint, and a record that names it, come right before the heads are read.
    const meanwhile = async () => {
      rounds += 1;
      if (rounds > 3) return;
      await other.use('a');
      await other.sign();
      await other.use('a');
    };
    const report = await first.verify(
      10_000,
      undefined,
      interleaved(store.db, 'use_shard as head', meanwhile),
    );
    expect(rounds).toBe(4);
    expect(report).toMatchObject({ ok: true, done: true, records: 16 });
    // A tail that was tampered with is found all the same.
    await store.db.updateTable('use_record').set({ user_id: 'x' }).where('seq', '=', 15).execute();
    rounds = 0;
    const again = await first.verify(
      10_000,
      undefined,
      interleaved(store.db, 'use_shard as head', meanwhile),
    );
    expect(again).toMatchObject({ ok: false, broken: { seq: 15, problem: 'changed' } });
  });

  it('LI10: the chain of 0.1 is forgotten also after its key was lost, when nothing lists its end any more', async () => {
    await startProcess().use('a');
    const [row] = await records();
    const former = [1, 2, 3].map((seq) => ({ ...(row as NonNullable<typeof row>), shard: formerShard, seq }));
    await store.db.insertInto('use_record').values(former).execute();
    vault = createVault(newKey());
    await remakeRecordKey(store, vault, { by: { tenantId, userId }, why: 'the keyring was lost' });
    now += 10 * 86_400_000;
    const next = startProcess();
    await next.use('a');
    await next.sign();
    await forgetUses({ store, keeper: next.keeper }, { now: new Date(now), days: 5 });
    expect((await records()).map(({ seq }) => seq)).toEqual([3, 4]);
    expect(await next.verify()).toMatchObject({ ok: true, records: 2 });
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

  it('LI2: whoever can write the store, and knows how it is written, but has no key, can write neither records nor checkpoints anew', async () => {
    const first = startProcess();
    await first.use('a', 2);
    const before = await records();
    const key = Buffer.alloc(32, 7);
    const altered = before.map(({ tenant_id: _, seq: __, hash: ___, shard, ...use }) => ({
      shard,
      use: { ...use, user_id: use.user_id && 'somebody else' },
    }));
    await store.db.deleteFrom('use_record').execute();
    await store.db.deleteFrom('use_shard').execute();
    const appending = { store, tenantId, key, seen: new Map(), isRepair: true };
    const { heads } = await store.transaction((tx) => appendUses(tx, appending, altered));
    const broken = { seq: 1, problem: 'changed' };
    expect(await startProcess().verify()).toMatchObject({ ok: false, broken });
    const [begun] = await checkpoints();
    const { number, hash } = begun as NonNullable<typeof begun>;
    const last = { ...noCheckpoint, number, hash };
    const next = { at: store.clock.iso(), heads, keptFrom: 0, note: null };
    const { row } = nextCheckpoint(tenantId, { version: 2, key }, last, next);
    await store.db.insertInto('use_checkpoint').values(row).execute();
    expect(await startProcess().verify()).toMatchObject({
      ok: false,
      broken: { seq: 2, problem: 'changed' },
    });
  });

  it('LI2: a checkpoint that was signed when the store had been set back does not pass for the one in its place', async () => {
    const first = startProcess();
    await first.use('a');
    await first.sign();
    await first.use('a');
    now += 2_000;
    await first.sign();
    const [signed, all, heads] = [(await checkpoints()).at(-1), await records(), await shards()];
    await store.db.deleteFrom('use_checkpoint').where('number', '>', 1).execute();
    await store.db.deleteFrom('use_record').where('seq', '>', 2).execute();
    const hash = all.find(({ seq }) => seq === 2)?.hash ?? '';
    await store.db.updateTable('use_shard').set({ seq: 2, hash }).execute();
    now -= 1_000;
    // Signs what it finds.
    await startProcess().open();
    expect((await checkpoints()).map(({ number }) => number)).toEqual([1, 2]);
    await store.db
      .insertInto('use_record')
      .values(all.filter(({ seq }) => seq > 2))
      .execute();
    await store.db.deleteFrom('use_shard').execute();
    await store.db.insertInto('use_shard').values(heads).execute();
    await store.db
      .insertInto('use_checkpoint')
      .values(signed as NonNullable<typeof signed>)
      .execute();
    const broken = { seq: 3, problem: 'changed' };
    expect(await startProcess().verify()).toMatchObject({ ok: false, broken });
  });

  it('LI2: what a process has recorded and nobody has signed yet cannot be set back while it runs', async () => {
    const first = startProcess();
    await first.use('a', 2);
    await first.sign();
    await first.use('a');
    const last = (await records()).find(({ seq }) => seq === 4);
    await store.db.deleteFrom('use_record').where('seq', '>', 4).execute();
    await store.db
      .updateTable('use_shard')
      .set({ seq: 4, hash: last?.hash ?? '' })
      .execute();
    expect(await first.verify()).toMatchObject({ ok: false, broken: { seq: 4, problem: 'set back' } });
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
