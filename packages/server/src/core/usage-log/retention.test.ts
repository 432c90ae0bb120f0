import { full } from '@mooring/lab/test-tier';
import { describe, expect, it } from 'vitest';
import { createVault } from '../vault/envelope.js';
import { newKey } from '../vault/keyring.js';
import { recordStand } from './__fixtures__/record-stand.js';
import { formerShard } from './chain.js';
import { remakeRecordKey } from './remake-key.js';
import { forgetUses } from './retention.js';

describe('a usage log whose beginning or key is gone', () => {
  const { stand, startProcess, checkpoints, records } = recordStand();

  it('LI10: the chain of 0.1 is forgotten also after its key was lost, when nothing lists its end any more', async () => {
    await startProcess().use('a');
    const [row] = await records();
    const former = [1, 2, 3].map((seq) => ({ ...(row as NonNullable<typeof row>), shard: formerShard, seq }));
    await stand.store.db.insertInto('use_record').values(former).execute();
    stand.vault = createVault(newKey());
    await remakeRecordKey(stand.store, stand.vault, {
      by: { tenantId: stand.tenantId, userId: stand.userId },
      why: 'the keyring was lost',
    });
    stand.now += 10 * 86_400_000;
    const next = startProcess();
    await next.use('a');
    await next.sign();
    await forgetUses({ store: stand.store, keeper: next.keeper }, { now: new Date(stand.now), days: 5 });
    expect((await records()).map(({ seq }) => seq)).toEqual([3, 4]);
    expect(await next.verify()).toMatchObject({ ok: true, records: 2 });
  });

  it('LI1: after its key was lost, the new key is recorded and proofs begin there', async () => {
    await startProcess().use('a', 2);
    await startProcess().sign();
    stand.vault = createVault(newKey());
    const by = { tenantId: stand.tenantId, userId: stand.userId };
    expect(await remakeRecordKey(stand.store, stand.vault, { by, why: 'the keyring was lost' })).toBe(true);
    expect(await remakeRecordKey(stand.store, stand.vault, { by, why: 'again' })).toBe(false);
    const next = startProcess();
    await next.use('a', 3);
    await next.sign();
    expect(await next.verify()).toMatchObject({
      ...{ ok: true, records: 6 },
      unproven: { note: 'new key: the keyring was lost' },
    });
    const events = await stand.store.db.selectFrom('audit_event').select('type').execute();
    expect(events.map(({ type }) => type)).toContain('mooring.v1.use-record.key-remade');
    await stand.store.db.updateTable('use_record').set({ user_id: 'x' }).where('seq', '=', 6).execute();
    expect(await next.verify()).toMatchObject({ ok: false, broken: { seq: 6, problem: 'changed' } });
  });

  it('LI10: records older than the retention period are deleted up to a signed checkpoint, and the rest verifies', async () => {
    const first = startProcess();
    // Records are deleted only up to a full checkpoint: the 1st, the 129th, …
    for (let number = 2; number <= 129; number += 1) {
      await first.use(`credential ${number % 3}`);
      await first.sign();
    }
    stand.now += 10 * 86_400_000;
    await first.use('late', 2);
    await first.sign();
    const before = await records();
    await forgetUses({ store: stand.store, keeper: first.keeper }, { now: new Date(stand.now), days: 20 });
    // The first checkpoint is the beginning, with nothing before it.
    expect(await records()).toHaveLength(before.length);
    await forgetUses({ store: stand.store, keeper: first.keeper }, { now: new Date(stand.now), days: 5 });
    expect(await records()).toHaveLength(4);
    const kept = await checkpoints();
    expect(kept[0]?.number).toBe(129);
    expect(kept.at(-1)?.kept_from).toBe(129);
    const next = startProcess();
    expect(await next.verify()).toMatchObject({ ok: true, records: 4 });
    await next.use('credential 1');
    await next.sign();
    expect(await next.verify()).toMatchObject({ ok: true, records: 6 });
    // Only retention can shorten it.
    await stand.store.db.deleteFrom('use_checkpoint').where('number', '<', 131).execute();
    expect(await startProcess().verify()).toMatchObject({ ok: false });
  });

  it('LI10: is proven in parts, each starting where the previous one ended', async () => {
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
