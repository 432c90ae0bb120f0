import type { Queryable, Store } from '../store/store.js';
import { isUniqueViolation } from '../store/store-error.js';
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

type NewRecord = Omit<Unhashed, 'seq' | 'previous_hash'>;

/** Appends records to the chains of their tenants, in order. @returns their places */
async function append(tx: Queryable, records: readonly NewRecord[]): Promise<number[]> {
  const heads = new Map<string, Pick<UseTable, 'seq' | 'hash'>>();
  const placed: UseTable[] = [];
  for (const use of records) {
    const head =
      heads.get(use.tenant_id) ??
      (await tx
        .selectFrom('use')
        .select(['seq', 'hash'])
        .where('tenant_id', '=', use.tenant_id)
        .orderBy('seq', 'desc')
        .limit(1)
        .executeTakeFirst());
    const record: Unhashed = { ...use, seq: (head?.seq ?? 0) + 1, previous_hash: head?.hash ?? '' };
    const row = { ...record, hash: hashOfUse(record) };
    heads.set(use.tenant_id, row);
    placed.push(row);
  }
  await tx.insertInto('use').values(placed).execute();
  return placed.map(({ seq }) => seq);
}

interface Waiting {
  record: NewRecord;
  placed(seq: number): void;
  failed(error: unknown): void;
}

const recordsAtOnce = 200;
/** Other nodes append to the same chain; not every database tells a place that was just taken from a conflict. */
const appendsMax = 8;

async function appendAfterOthers(store: Store, records: readonly NewRecord[]): Promise<number[]> {
  for (let time = 1; ; time += 1) {
    try {
      return await store.transaction((tx) => append(tx, records));
    } catch (error) {
      if (!isUniqueViolation(error) || time === appendsMax) throw error;
    }
  }
}

/**
 * Everybody waits for the end of one chain, so whatever comes while a transaction runs goes into the next one
 * together.
 */
function createAppender(store: Store): (record: NewRecord) => Promise<number> {
  let waiting: Waiting[] = [];
  let isRunning = false;

  const run = async (): Promise<void> => {
    isRunning = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, recordsAtOnce);
      waiting = waiting.slice(recordsAtOnce);
      try {
        const seqs = await appendAfterOthers(
          store,
          batch.map(({ record }) => record),
        );
        batch.forEach((one, index) => {
          one.placed(seqs[index] ?? 0);
        });
      } catch (error) {
        for (const one of batch) one.failed(error);
      }
    }
    isRunning = false;
  };

  return (record) =>
    new Promise((placed, failed) => {
      waiting.push({ record, placed, failed });
      if (!isRunning) void run();
    });
}

export function createUseLog(store: Store, now: () => Date = () => new Date()): UseLog {
  const add = createAppender(store);
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
      const seq = await add(started);
      return {
        async finish(result, rows) {
          const ended = { ...common, at: now().toISOString(), result, rows: rows ?? null, of_seq: seq };
          await add(ended);
        },
      };
    },
  };
}
