import type { Logger } from 'pino';
import type { Store } from '../store/store.js';
import { isUniqueViolation } from '../store/store-error.js';
import type { Vault } from '../vault/envelope.js';
import { beginRecord } from './begin-record.js';
import { formerShard, furthest, type Heads, shardHeads } from './chain.js';
import {
  type Checkpoint,
  checkpointAt,
  checkpointsAfter,
  type KeptRecord,
  type KeyOfVersion,
  lastCheckpointRow,
  nextCheckpoint,
  noCheckpoint,
  readCheckpoint,
  see,
} from './checkpoints.js';
import { findRecordKey, newestKeyVersion, openRecordKey } from './keys.js';

// What this process knows of the usage logs of its tenants. It never accepts a number lower than one it has seen: if
// the store's rows are set back while a node runs, the log continues after the lost records, and the gap shows.

export interface RecordKeeperDependencies {
  store: Store;
  vault: Vault;
  log: Logger;
}

interface CheckpointDependencies extends Pick<RecordKeeperDependencies, 'store' | 'log'> {
  keyOf(tenantId: string): KeyOfVersion;
}

const rowsAtOnce = 200;
const attemptsMax = 8;

/** Reads other nodes' checkpoints. @returns false when checkpoints seen before are gone */
async function catchUp({ store, log, keyOf }: CheckpointDependencies, kept: KeptRecord): Promise<boolean> {
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

/** Writes a checkpoint when there are records after the last one, or the retained log is to begin later. */
async function writeCheckpoint(
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

export type RecordKeeper = ReturnType<typeof createRecordKeeper>;

export function createRecordKeeper({ store, vault, log }: RecordKeeperDependencies) {
  const records = new Map<string, Promise<KeptRecord>>();
  const opened = new Map<string, Buffer>();
  const keyOf =
    (tenantId: string): KeyOfVersion =>
    async (version) => {
      const name = `${tenantId} ${version}`;
      const key = opened.get(name) ?? (await findRecordKey(store.db, vault, tenantId, version));
      if (key) opened.set(name, key);
      return key;
    };

  const load = async (tenantId: string): Promise<KeptRecord> => {
    await beginRecord(store, vault, tenantId);
    const version = await newestKeyVersion(store.db, tenantId);
    const key = await openRecordKey(store.db, vault, tenantId, version);
    if (!key) throw new Error('the key of the usage log is gone');
    const last = await lastCheckpointRow(store.db, tenantId);
    const found = last && (await checkpointAt(store.db, keyOf(tenantId), tenantId, last.number));
    if (!found) log.error({ tenantId }, 'the checkpoints of the usage log have no valid signature');
    const checkpoint = found ?? noCheckpoint;
    // A key exists only with a first checkpoint.
    const ahead = found ? undefined : (last ?? { number: 1, hash: '' });
    return { tenantId, key: { version, key }, checkpoint, ahead, seen: new Map(checkpoint.heads) };
  };

  /** One at a time, so that a process does not compete with itself. */
  const writing = new Map<string, Promise<void>>();

  return {
    keyOf,
    /** Reads other nodes' checkpoints. @returns false when checkpoints seen before are gone */
    catchUp: (kept: KeptRecord) => catchUp({ store, log, keyOf }, kept),
    /**
     * The usage log of a tenant, created when missing.
     * @throws UnreadableError when its key does not open
     */
    recordOf(tenantId: string): Promise<KeptRecord> {
      const known = records.get(tenantId) ?? load(tenantId);
      records.set(tenantId, known);
      known.catch(() => records.delete(tenantId));
      return known;
    },
    /** Writes a checkpoint when records are not covered yet, or to move the beginning of the retained log. */
    checkpoint(kept: KeptRecord, keptFrom = 0): Promise<void> {
      const before = writing.get(kept.tenantId) ?? Promise.resolve();
      const written = before
        .catch(() => undefined)
        .then(() => writeCheckpoint({ store, log, keyOf }, kept, keptFrom));
      writing.set(kept.tenantId, written);
      return written;
    },
  };
}
