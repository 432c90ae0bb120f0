import type { Queryable, Store } from '../store/store.js';
import type { UseTable } from '../store/tables.js';
import { sha256 } from '../vault/digest.js';

// Who used which credential, when, for what. A use is recorded before the source is contacted, and its outcome
// before the answer ends. Each record carries the hash of the one before it, so that a removed or changed record
// shows.

export interface UseRecord {
  tenantId: string;
  userId: string;
  connectionId: string;
  credentialId: string | null;
  credentialOwnerId: string | null;
  action: string;
}

export interface UseTicket {
  /** Records the outcome: `ok`, `truncated`, `cancelled` or an error code. */
  finish(result: string, rows?: number): Promise<void>;
}

export interface UseLog {
  /** Writes the record durably; rejects when it cannot, and then the use must not happen. */
  begin(use: UseRecord): Promise<UseTicket>;
}

type Unhashed = Omit<UseTable, 'hash'>;

/** Hash of a record: SHA-256 over the members in a fixed order, the previous hash among them. */
export function hashOfUse(use: Unhashed): string {
  return sha256(
    JSON.stringify([
      use.tenant_id,
      use.seq,
      use.at,
      use.user_id,
      use.connection_id,
      use.credential_id,
      use.credential_owner_id,
      use.action,
      use.result,
      use.rows,
      use.of_seq,
      use.previous_hash,
    ]),
  );
}

async function append(db: Queryable, use: Omit<Unhashed, 'seq' | 'previous_hash'>): Promise<number> {
  const last = await db
    .selectFrom('use')
    .select(['seq', 'hash'])
    .where('tenant_id', '=', use.tenant_id)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const record: Unhashed = { ...use, seq: (last?.seq ?? 0) + 1, previous_hash: last?.hash ?? '' };
  await db
    .insertInto('use')
    .values({ ...record, hash: hashOfUse(record) })
    .execute();
  return record.seq;
}

export function createUseLog(store: Store, now: () => Date = () => new Date()): UseLog {
  return {
    async begin(use) {
      const common = {
        tenant_id: use.tenantId,
        user_id: use.userId,
        connection_id: use.connectionId,
        credential_id: use.credentialId,
        credential_owner_id: use.credentialOwnerId,
        action: use.action,
      };
      const started = { ...common, at: now().toISOString(), result: 'started', rows: null, of_seq: null };
      const seq = await store.transaction((tx) => append(tx, started));
      return {
        async finish(result, rows) {
          const ended = { ...common, at: now().toISOString(), result, rows: rows ?? null, of_seq: seq };
          await store.transaction((tx) => append(tx, ended));
        },
      };
    },
  };
}
