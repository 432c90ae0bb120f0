import type { Logger } from 'pino';
import type { Store } from '../store/store.js';
import type { Vault } from '../vault/envelope.js';
import { beginRecord } from './begin-record.js';
import { checkpointAt, type KeyOfVersion, lastCheckpointRow, noCheckpoint } from './checkpoints.js';
import type { KeptRecord } from './kept-record.js';
import { findRecordKey, newestKeyVersion, openRecordKey } from './keys.js';
import { catchUp, writeCheckpoint } from './write-checkpoint.js';

// What this process knows of the usage logs of its tenants. It never accepts a number lower than one it has seen: if
// the store's rows are set back while a node runs, the log continues after the lost records, and the gap shows.

export interface RecordKeeper {
  /**
   * The usage log of a tenant, created when missing.
   * @throws UnreadableError when its key does not open
   */
  recordOf(tenantId: string): Promise<KeptRecord>;
  keyOf(tenantId: string): KeyOfVersion;
  /** Writes a checkpoint when records are not covered yet, or to move the beginning of the retained log. */
  checkpoint(kept: KeptRecord, keptFrom?: number): Promise<void>;
  /** Reads other nodes' checkpoints. @returns false when checkpoints seen before are gone */
  catchUp(kept: KeptRecord): Promise<boolean>;
}

export interface RecordKeeperDependencies {
  store: Store;
  vault: Vault;
  log: Logger;
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
    catchUp: (kept) => catchUp({ store, log, keyOf }, kept),
    recordOf(tenantId) {
      const known = records.get(tenantId) ?? load(tenantId);
      records.set(tenantId, known);
      known.catch(() => records.delete(tenantId));
      return known;
    },
    checkpoint(kept, keptFrom = 0) {
      const before = writing.get(kept.tenantId) ?? Promise.resolve();
      const written = before
        .catch(() => undefined)
        .then(() => writeCheckpoint({ store, log, keyOf }, kept, keptFrom));
      writing.set(kept.tenantId, written);
      return written;
    },
  };
}
