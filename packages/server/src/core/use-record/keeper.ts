import type { Logger } from 'pino';
import { record as recordEvent } from '../audit/record.js';
import type { Queryable, Tx } from '../store/queryable.js';
import type { Store } from '../store/store.js';
import { isUniqueViolation } from '../store/store-error.js';
import { UnreadableError, type Vault } from '../vault/envelope.js';
import { formerShard, furthest, type Head, type Heads } from './chain.js';
import {
  type Checkpoint,
  checkpointAt,
  checkpointsAfter,
  lastCheckpointRow,
  nextCheckpoint,
  noCheckpoint,
  readCheckpoint,
} from './checkpoints.js';
import {
  findRecordKey,
  firstKeyVersion,
  makeRecordKey,
  newestKeyVersion,
  openRecordKey,
  type RecordKey,
} from './keys.js';

// What this process knows of the records of its tenants. It never believes a number lower than one it has seen: where
// somebody set the store's rows back while a node ran, the record goes on after what is gone, and the gap shows.

/** What is known of the record of a tenant. */
export interface KeptRecord {
  readonly tenantId: string;
  readonly key: RecordKey;
  /** The last that was signed as it should be. */
  checkpoint: Checkpoint;
  /** A later row that is not: the record goes on after it, and whoever verifies finds it. */
  ahead: Pick<Checkpoint, 'number' | 'hash'> | undefined;
  /** Furthest head of each shard that this process has seen. */
  readonly seen: Heads;
}

export interface RecordKeeper {
  /**
   * The record of a tenant, begun when there is none.
   * @throws UnreadableError when its key does not open
   */
  recordOf(tenantId: string): Promise<KeptRecord>;
  keyOf(tenantId: string): (version: number) => Promise<Buffer | undefined>;
  /** Writes a checkpoint when anything is not yet in one, or the kept record is to begin later. */
  checkpoint(kept: KeptRecord, keptFrom?: number): Promise<void>;
  /** Learns of other nodes' checkpoints. @returns false when those that were seen are gone */
  catchUp(kept: KeptRecord): Promise<boolean>;
}

export interface RecordKeeperDependencies {
  store: Store;
  vault: Vault;
  log: Logger;
}

const rowsAtOnce = 200;
const attemptsMax = 8;

const see = (seen: Heads, heads: Heads): void => {
  for (const [shard, head] of heads) seen.set(shard, furthest(seen.get(shard), head));
};

async function shardHeads(db: Queryable, tenantId: string): Promise<Heads> {
  const rows = await db.selectFrom('use_shard').selectAll().where('tenant_id', '=', tenantId).execute();
  return new Map(rows.map(({ shard, seq, hash }) => [shard, { seq, hash }]));
}

/** End of the chain of version 0.1, and what is wrong with it: its head was sealed apart, and could be deleted. */
async function formerHead(tx: Tx, vault: Vault, tenantId: string): Promise<{ head?: Head; note: string }> {
  const head = await tx
    .selectFrom('use_record')
    .select(['seq', 'hash'])
    .where('tenant_id', '=', tenantId)
    .where('shard', '=', formerShard)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  // No user: it was the tenant's.
  const row = await tx
    .selectFrom('secret')
    .selectAll()
    .where('record_kind', '=', 'use-head')
    .where('record_id', '=', tenantId)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst();
  if (!head && !row) return { note: 'begun' };
  const closed = { ...(head ? { head } : {}) };
  if (!row) return { ...closed, note: 'chain of 0.1 closed; its sealed head was missing' };
  try {
    const version = Number(row.version);
    const context = { recordKind: 'use-head', recordId: tenantId, ownerId: '', version, field: 'head' };
    const sealed = { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
    const last = vault.open(sealed, { tenantId, ...context }).reveal() as Head;
    const isSame = last.seq === head?.seq && last.hash === head.hash;
    return { ...closed, note: `chain of 0.1 closed${isSame ? '' : '; it did not end at its sealed head'}` };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return { ...closed, note: 'chain of 0.1 closed; its sealed head could not be opened' };
  }
}

/** The key and the first checkpoint, which closes the chain of version 0.1. Of nodes that start at once one does it. */
async function begin(store: Store, vault: Vault, tenantId: string): Promise<void> {
  await store.transaction(async (tx) => {
    if ((await newestKeyVersion(tx, tenantId)) >= firstKeyVersion) return;
    const { head, note } = await formerHead(tx, vault, tenantId);
    const key = await makeRecordKey(tx, vault, tenantId, firstKeyVersion);
    const heads: Heads = head ? new Map([[formerShard, head]]) : new Map();
    const first = { at: store.clock.iso(), heads, keptFrom: 0, note };
    await tx
      .insertInto('use_checkpoint')
      .values(nextCheckpoint(tenantId, key, noCheckpoint, first).row)
      .execute();
    // No user: as above.
    await tx
      .deleteFrom('secret')
      .where('record_kind', '=', 'use-head')
      .where('record_id', '=', tenantId)
      .where('tenant_id', '=', tenantId)
      .execute();
  });
}

/**
 * Makes a new key for the record of a tenant whose key was lost with the keyring, and puts it on record: what stands
 * before cannot be proven any more, and verification says so and begins here. No node may be at work meanwhile.
 * @param by whoever restores; @param why for the reader, for instance `the keyring was lost`
 * @returns false when the key opens, and nothing was done
 */
export async function remakeRecordKey(
  store: Pick<Store, 'transaction' | 'clock'>,
  vault: Vault,
  { by, why }: { by: { tenantId: string; userId: string }; why: string },
): Promise<boolean> {
  const { tenantId } = by;
  return store.transaction(async (tx) => {
    const newest = await newestKeyVersion(tx, tenantId);
    if (newest === 0 || (await findRecordKey(tx, vault, tenantId, newest))) return false;
    const last = await lastCheckpointRow(tx, tenantId);
    // A store of version 0.1: the first checkpoint will be signed with a key of its own.
    if (!last && newest < firstKeyVersion) return false;
    const key = await makeRecordKey(tx, vault, tenantId, newest + 1);
    const { number, hash, kept_from: keptFrom } = last ?? { number: 1, hash: '', kept_from: 0 };
    const before = { ...noCheckpoint, number, hash };
    const heads = await shardHeads(tx, tenantId);
    const next = { at: store.clock.iso(), heads, keptFrom, note: `new key: ${why}` };
    await tx
      .insertInto('use_checkpoint')
      .values(nextCheckpoint(tenantId, key, before, next).row)
      .execute();
    await recordEvent(tx, {
      ...{ name: 'use-record.key-remade', by, resourceId: tenantId },
      data: { why, checkpoint: number + 1 },
    });
    return true;
  });
}

export function createRecordKeeper({ store, vault, log }: RecordKeeperDependencies): RecordKeeper {
  const records = new Map<string, Promise<KeptRecord>>();
  const opened = new Map<string, Buffer>();
  const keyOf = (tenantId: string) => async (version: number) => {
    const name = `${tenantId} ${version}`;
    const key = opened.get(name) ?? (await findRecordKey(store.db, vault, tenantId, version));
    if (key) opened.set(name, key);
    return key;
  };

  const load = async (tenantId: string): Promise<KeptRecord> => {
    await begin(store, vault, tenantId);
    const version = await newestKeyVersion(store.db, tenantId);
    const key = await openRecordKey(store.db, vault, tenantId, version);
    if (!key) throw new Error('the key of the record of uses is gone');
    const last = await lastCheckpointRow(store.db, tenantId);
    const found = last && (await checkpointAt(store.db, keyOf(tenantId), tenantId, last.number));
    if (!found) log.error({ tenantId }, 'the checkpoints of the record of uses are not as they were signed');
    const checkpoint = found ?? noCheckpoint;
    // Where there is a key there was a first checkpoint.
    const ahead = found ? undefined : (last ?? { number: 1, hash: '' });
    return { tenantId, key: { version, key }, checkpoint, ahead, seen: new Map(checkpoint.heads) };
  };

  const catchUp = async (kept: KeptRecord): Promise<boolean> => {
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
      log.error({ tenantId, checkpoint: mine.number }, 'the record of uses was set back; the gap will show');
    }
    return isThere;
  };

  const isCovered = (heads: Heads, checkpoint: Checkpoint): boolean =>
    [...heads].every(([shard, { seq }]) => seq <= (checkpoint.heads.get(shard)?.seq ?? 0));

  const write = async (kept: KeptRecord, keptFrom: number): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      await catchUp(kept);
      const { tenantId, ahead } = kept;
      // After what is not as it was signed all heads are listed anew.
      const before = ahead
        ? { ...kept.checkpoint, number: ahead.number, hash: ahead.hash, heads: new Map() }
        : kept.checkpoint;
      const from = Math.max(keptFrom, before.keptFrom);
      // Also what another process has appended, which may have ended before it could sign.
      const heads = new Map(kept.seen);
      for (const [shard, head] of await shardHeads(store.db, tenantId)) {
        if (shard !== formerShard) heads.set(shard, furthest(heads.get(shard), head));
      }
      if (isCovered(heads, kept.checkpoint) && from === before.keptFrom) return;
      // Clocks of nodes may differ by a little; the order of checkpoints is that of their numbers.
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
        // Another node has made the one of this number.
        if (!isUniqueViolation(error) || attempt === attemptsMax) throw error;
      }
    }
  };
  /** One at a time, so that a process is not its own rival. */
  const writing = new Map<string, Promise<void>>();

  return {
    keyOf,
    catchUp,
    recordOf(tenantId) {
      const known = records.get(tenantId) ?? load(tenantId);
      records.set(tenantId, known);
      known.catch(() => records.delete(tenantId));
      return known;
    },
    checkpoint(kept, keptFrom = 0) {
      const before = writing.get(kept.tenantId) ?? Promise.resolve();
      const written = before.catch(() => undefined).then(() => write(kept, keptFrom));
      writing.set(kept.tenantId, written);
      return written;
    },
  };
}
