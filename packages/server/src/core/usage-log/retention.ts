import type { Store } from '../store/store.js';
import { formerShard, type Heads, recordsOf } from './chain.js';
import { checkpointAt, checkpointsOf } from './checkpoints.js';
import type { RecordKeeper } from './keeper.js';

const recordsAtOnce = 1_000;
/** Limit of one round; the rest is left for the next. */
const piecesMost = 200;
const checkpointsAtOnce = 500;

/**
 * Deletes uses older than the retention period, up to a checkpoint. First a later checkpoint states, signed, that the
 * log begins there, so that nobody can shorten it unnoticed.
 */
export async function forgetUses(
  { store, keeper }: { store: Store; keeper: RecordKeeper },
  { now, days }: { now: Date; days: number },
): Promise<void> {
  const oldest = new Date(now.getTime() - days * 86_400_000).toISOString();
  const tenants = await store.db.selectFrom('tenant').select('id').execute();
  for (const { id: tenantId } of tenants) {
    const due = await checkpointsOf(store.db, tenantId)
      .where('is_full', '=', 1)
      .where('at', '<', oldest)
      .orderBy('at', 'desc')
      .orderBy('number', 'desc')
      .limit(1)
      .executeTakeFirst();
    const kept = await keeper.recordOf(tenantId);
    if (due) await keeper.checkpoint(kept, due.number);
    const { keptFrom } = kept.checkpoint;
    const first = await checkpointAt(store.db, keeper.keyOf(tenantId), tenantId, keptFrom);
    if (!first || keptFrom === 0) continue;
    if (await forgetRecords(store, tenantId, first.heads)) await forgetCheckpoints(store, tenantId, keptFrom);
  }
}

/** @returns true when nothing is left to delete */
async function forgetRecords({ db }: Store, tenantId: string, heads: Heads): Promise<boolean> {
  let pieces = 0;
  const lasts = new Map([...heads].map(([shard, { seq }]) => [shard, seq]));
  // The chain of version 0.1 ended before the first checkpoint, whether or not a later one still lists its end.
  lasts.set(formerShard, Number.MAX_SAFE_INTEGER - 1);
  for (const [shard, last] of lasts) {
    for (;;) {
      const oldest = await recordsOf(db, tenantId, shard)
        .select('seq')
        .orderBy('seq')
        .limit(1)
        .executeTakeFirst();
      if (!oldest || oldest.seq > last) break;
      if (pieces === piecesMost) return false;
      pieces += 1;
      await db
        .deleteFrom('use_record')
        .where('tenant_id', '=', tenantId)
        .where('shard', '=', shard)
        .where('seq', '<', Math.min(oldest.seq + recordsAtOnce, last + 1))
        .execute();
    }
  }
  return true;
}

async function forgetCheckpoints({ db }: Store, tenantId: string, keptFrom: number): Promise<void> {
  const oldest = await db
    .selectFrom('use_checkpoint')
    .select((eb) => eb.fn.min('number').as('number'))
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst();
  const from = Number(oldest?.number ?? keptFrom);
  for (let below = from; below < keptFrom; ) {
    below = Math.min(below + checkpointsAtOnce, keptFrom);
    await db
      .deleteFrom('use_checkpoint')
      .where('tenant_id', '=', tenantId)
      .where('number', '<', below)
      .execute();
  }
}
