import type { Logger } from 'pino';
import type { Store } from '../store/store.js';
import { isUniqueViolation } from '../store/store-error.js';
import { formerShard, furthest, type Heads, shardHeads } from './chain.js';
import {
  type Checkpoint,
  checkpointsAfter,
  type KeyOfVersion,
  nextCheckpoint,
  readCheckpoint,
} from './checkpoints.js';
import { type KeptRecord, see } from './kept-record.js';

export interface CheckpointDependencies {
  store: Store;
  log: Logger;
  keyOf(tenantId: string): KeyOfVersion;
}

const rowsAtOnce = 200;
const attemptsMax = 8;

/** Reads other nodes' checkpoints. @returns false when checkpoints seen before are gone */
export async function catchUp(
  { store, log, keyOf }: CheckpointDependencies,
  kept: KeptRecord,
): Promise<boolean> {
  const { tenantId, checkpoint: mine } = kept;
  let isThere = mine.number === 0;
  let from = mine.number - 1;
  kept.ahead = mine.number === 0 ? kept.ahead : undefined;
  for (;;) {
    const rows = await checkpointsAfter(store.db, tenantId, from, rowsAtOnce);
    for (const row of rows) {
      if (row.number === mine.number) isThere = row.hash === mine.hash;
      if (row.number <= kept.checkpoint.number) continue;
      const next = readCheckpoint(row, kept.checkpoint, await keyOf(tenantId)(row.key_version));
      if (next) {
        kept.checkpoint = next;
        see(kept.seen, next.heads);
      }
      kept.ahead = next ? undefined : row;
    }
    if (rows.length < rowsAtOnce) break;
    from = rows.at(-1)?.number ?? from;
  }
  if (!isThere) {
    log.error(
      { tenantId, checkpoint: mine.number },
      'the usage log was set back; verification will report the gap',
    );
  }
  return isThere;
}

const isCovered = (heads: Heads, checkpoint: Checkpoint): boolean =>
  [...heads].every(([shard, { seq }]) => seq <= (checkpoint.heads.get(shard)?.seq ?? 0));

/** Writes a checkpoint when there are records after the last one, or the kept record is to begin later. */
export async function writeCheckpoint(
  deps: CheckpointDependencies,
  kept: KeptRecord,
  keptFrom: number,
): Promise<void> {
  const { store } = deps;
  for (let attempt = 1; ; attempt += 1) {
    await catchUp(deps, kept);
    const { tenantId, ahead } = kept;
    // After a checkpoint without a valid signature all heads are listed again.
    const before = ahead
      ? { ...kept.checkpoint, number: ahead.number, hash: ahead.hash, heads: new Map() }
      : kept.checkpoint;
    const from = Math.max(keptFrom, before.keptFrom);
    // Includes records of another process, which may have ended before it could sign.
    const heads = new Map(kept.seen);
    for (const [shard, head] of await shardHeads(store.db, tenantId)) {
      if (shard !== formerShard) heads.set(shard, furthest(heads.get(shard), head));
    }
    if (isCovered(heads, kept.checkpoint) && from === before.keptFrom) return;
    // Clocks of nodes may differ slightly; checkpoints are ordered by number.
    const at = [store.clock.iso(), before.at].toSorted()[1] ?? before.at;
    const next = { at, heads, keptFrom: from, note: null };
    const { checkpoint, row } = nextCheckpoint(tenantId, kept.key, before, next);
    try {
      await store.db.insertInto('use_checkpoint').values(row).execute();
      kept.checkpoint = checkpoint;
      kept.ahead = undefined;
      see(kept.seen, heads);
      return;
    } catch (error) {
      // Another node has written the one with this number.
      if (!isUniqueViolation(error) || attempt === attemptsMax) throw error;
    }
  }
}
