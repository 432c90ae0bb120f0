import type { Logger } from 'pino';
import type { Store } from '../store/store.js';
import { isUniqueViolation } from '../store/store-error.js';
import { appendUses, furthest } from './chain.js';
import type { KeptRecord } from './kept-record.js';
import type { Waiting } from './lane.js';
import type { Signing } from './signing.js';

const attemptsMax = 3;

export interface AppendDependencies {
  store: Store;
  signing: Signing;
  log: Logger;
}

/** Appends a batch to its shards. @returns the place of each record in its shard */
export async function appendBatch(
  { store, signing, log }: AppendDependencies,
  kept: KeptRecord,
  batch: readonly Waiting[],
): Promise<number[]> {
  for (let attempt = 1; ; attempt += 1) {
    const { number: checkpoint } = kept.checkpoint;
    const uses = batch.map(({ shard, use }) => ({ shard, use: { ...use, checkpoint } }));
    const appending = { ...kept, store, key: kept.key.key, isRepair: attempt > 1 };
    try {
      const { seqs, heads } = await store.lockingTransaction((tx) => appendUses(tx, appending, uses));
      for (const [shard, head] of heads) kept.seen.set(shard, furthest(kept.seen.get(shard), head));
      signing.noteAppended(kept.tenantId, batch.length);
      return seqs;
    } catch (error) {
      // Two nodes began the same shard at once, or a head was set back behind existing records.
      if (!isUniqueViolation(error) || attempt === attemptsMax) throw error;
      log.warn({ tenantId: kept.tenantId }, 'a head of the usage log was behind its records');
    }
  }
}
