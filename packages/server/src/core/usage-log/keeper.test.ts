import { describe, expect, it } from 'vitest';
import type { Queryable } from '../store/queryable.js';
import { createVault } from '../vault/envelope.js';
import { newKey } from '../vault/keyring.js';
import { recordStand } from './__fixtures__/record-stand.js';
import { appendUses } from './chain.js';
import { nextCheckpoint, noCheckpoint } from './checkpoints.js';

/** The same store, which calls a hook right before each statement that reads a table. */
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

describe('a usage log over several processes', () => {
  const { stand, startProcess, checkpoints, shards, records } = recordStand();

  it('LI2: one shard cannot be cut by removing the checkpoints since, after every process has ended', async () => {
    const first = startProcess();
    await first.use('a', 3);
    await first.sign();
    const [, kept] = await checkpoints();
    await first.use('a', 3);
    await first.sign();
    await first.use('b', 2);
    const shardOfA = JSON.parse(kept?.heads ?? '[]')[0][0] as number;
    await stand.store.db.deleteFrom('use_checkpoint').where('number', '>', 2).execute();
    await stand.store.db
      .deleteFrom('use_record')
      .where('shard', '=', shardOfA)
      .where('seq', '>', 6)
      .execute();
    const last = (await records()).find(({ shard, seq }) => shard === shardOfA && seq === 6);
    await stand.store.db
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
    // Another process writes a checkpoint, and a record that refers to it, right before the heads are read.
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
      interleaved(stand.store.db, 'use_shard as head', meanwhile),
    );
    expect(rounds).toBe(4);
    expect(report).toMatchObject({ ok: true, done: true, records: 16 });
    // A tail that was tampered with is still detected.
    await stand.store.db.updateTable('use_record').set({ user_id: 'x' }).where('seq', '=', 15).execute();
    rounds = 0;
    const again = await first.verify(
      10_000,
      undefined,
      interleaved(stand.store.db, 'use_shard as head', meanwhile),
    );
    expect(again).toMatchObject({ ok: false, broken: { seq: 15, problem: 'changed' } });
  });

  it('LI2: a record without any checkpoint is not whole, since its key says that there was one', async () => {
    const first = startProcess();
    await first.use('a', 2);
    await stand.store.db.deleteFrom('use_checkpoint').execute();
    expect(await startProcess().verify()).toMatchObject({
      ok: false,
      broken: { seq: 1, problem: 'missing' },
    });
    const next = startProcess();
    await next.use('a');
    await next.sign();
    expect(await next.verify()).toMatchObject({ ok: false, broken: { seq: 1, problem: 'missing' } });
  });

  it('LI2: continues after its records where a head was removed or set back, and never from the beginning', async () => {
    const first = startProcess();
    await first.use('a', 3);
    await stand.store.db.updateTable('use_shard').set({ seq: 2, hash: 'x' }).execute();
    const second = startProcess();
    await second.use('a');
    await second.sign();
    expect(await second.verify()).toMatchObject({ ok: true, records: 8 });
    await stand.store.db.deleteFrom('use_shard').execute();
    await stand.store.db.deleteFrom('use_record').execute();
    const third = startProcess();
    await third.use('a');
    expect((await records()).map(({ seq }) => seq)).toEqual([9, 10]);
    expect(await third.verify()).toMatchObject({ ok: false, broken: { seq: 1, problem: 'cut off' } });
  });

  it('LI2: a log that was set back and grew again does not pass for the signed one', async () => {
    const first = startProcess();
    await first.use('a', 3);
    await first.sign();
    const signed = (await checkpoints()).at(-1);
    await stand.store.db.deleteFrom('use_checkpoint').where('number', '>', 1).execute();
    await stand.store.db.deleteFrom('use_record').execute();
    await stand.store.db.deleteFrom('use_shard').execute();
    const second = startProcess();
    stand.now += 1;
    await second.use('a', 3);
    const grown = await second.verify();
    expect(grown).toMatchObject({ ok: true });
    // The earlier checkpoint is valid by itself, and lists records that do not exist.
    await stand.store.db
      .insertInto('use_checkpoint')
      .values(signed as NonNullable<typeof signed>)
      .execute();
    expect(await startProcess().verify()).toMatchObject({
      ok: false,
      broken: { seq: 6, problem: 'changed' },
    });
    await stand.store.db.deleteFrom('use_checkpoint').where('number', '>', 1).execute();
    await second.sign();
    expect(await second.verify()).toMatchObject({ ok: true });
    expect(await first.verify()).toMatchObject({ ok: false, broken: { seq: 2, problem: 'set back' } });
  });

  it('LI2: an attacker who can write to the store, and knows its format, but has no key, can rewrite neither records nor checkpoints', async () => {
    const first = startProcess();
    await first.use('a', 2);
    const before = await records();
    const key = Buffer.alloc(32, 7);
    const altered = before.map(({ tenant_id: _, seq: __, hash: ___, shard, ...use }) => ({
      shard,
      use: { ...use, user_id: use.user_id && 'another user' },
    }));
    await stand.store.db.deleteFrom('use_record').execute();
    await stand.store.db.deleteFrom('use_shard').execute();
    const appending = { store: stand.store, tenantId: stand.tenantId, key, seen: new Map(), isRepair: true };
    const { heads } = await stand.store.transaction((tx) => appendUses(tx, appending, altered));
    const broken = { seq: 1, problem: 'changed' };
    expect(await startProcess().verify()).toMatchObject({ ok: false, broken });
    const [begun] = await checkpoints();
    const { number, hash } = begun as NonNullable<typeof begun>;
    const last = { ...noCheckpoint, number, hash };
    const next = { at: stand.store.clock.iso(), heads, keptFrom: 0, note: null };
    const { row } = nextCheckpoint(stand.tenantId, { version: 2, key }, last, next);
    await stand.store.db.insertInto('use_checkpoint').values(row).execute();
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
    stand.now += 2_000;
    await first.sign();
    const [signed, all, heads] = [(await checkpoints()).at(-1), await records(), await shards()];
    await stand.store.db.deleteFrom('use_checkpoint').where('number', '>', 1).execute();
    await stand.store.db.deleteFrom('use_record').where('seq', '>', 2).execute();
    const hash = all.find(({ seq }) => seq === 2)?.hash ?? '';
    await stand.store.db.updateTable('use_shard').set({ seq: 2, hash }).execute();
    stand.now -= 1_000;
    // Signs what it finds.
    await startProcess().open();
    expect((await checkpoints()).map(({ number }) => number)).toEqual([1, 2]);
    await stand.store.db
      .insertInto('use_record')
      .values(all.filter(({ seq }) => seq > 2))
      .execute();
    await stand.store.db.deleteFrom('use_shard').execute();
    await stand.store.db.insertInto('use_shard').values(heads).execute();
    await stand.store.db
      .insertInto('use_checkpoint')
      .values(signed as NonNullable<typeof signed>)
      .execute();
    const broken = { seq: 3, problem: 'changed' };
    expect(await startProcess().verify()).toMatchObject({ ok: false, broken });
  });

  it('LI2: unsigned records of a process cannot be set back while it runs', async () => {
    const first = startProcess();
    await first.use('a', 2);
    await first.sign();
    await first.use('a');
    const last = (await records()).find(({ seq }) => seq === 4);
    await stand.store.db.deleteFrom('use_record').where('seq', '>', 4).execute();
    await stand.store.db
      .updateTable('use_shard')
      .set({ seq: 4, hash: last?.hash ?? '' })
      .execute();
    expect(await first.verify()).toMatchObject({ ok: false, broken: { seq: 4, problem: 'set back' } });
  });

  it('LI2: cannot be written with another key', async () => {
    await startProcess().use('a', 2);
    stand.vault = createVault(newKey());
    await expect(startProcess().use('a')).rejects.toMatchObject({ code: 'NOT-READY' });
    expect(await records()).toHaveLength(4);
  });
});
