import type { Logger } from 'pino';
import type { Caller } from '../access/caller.js';
import type { RecordRefusedSignIn } from '../audit/refused-sign-ins.js';
import { hmacSha256 } from '../crypto/digest.js';
import { AppError } from '../errors/app-error.js';
import type { Store } from '../store/store.js';
import { isUniqueViolation } from '../store/store-error.js';
import type { ConnectionTable, CredentialTable } from '../store/tables.js';
import { appendUses, furthest, type NewUse, shardOf } from './chain.js';
import type { KeptRecord, RecordKeeper } from './keeper.js';

// Who used which credential, when, for what. A use is recorded before the source is contacted, and its outcome
// before the answer ends.

export interface UseToRecord {
  caller: Caller;
  connection: Pick<ConnectionTable, 'id' | 'space_id'>;
  credential: Pick<CredentialTable, 'id' | 'owner_id' | 'version'> | undefined;
  action: string;
  /** Path or query; kept as a keyed hash only. */
  what?: unknown;
}

export interface UseTicket {
  /** Records the outcome: `ok`, `truncated`, `cancelled`, `revoked` or an error code, and how much was given. */
  finish(result: string, given?: { rows?: number; bytes?: number }): Promise<void>;
}

export interface UseLog {
  /**
   * Writes the record durably.
   * @throws AppError NOT-READY when it cannot, and then the use must not happen
   */
  begin(use: UseToRecord): Promise<UseTicket>;
  /** Begins the records of all tenants, and signs what a process before has left unsigned. Never rejects. */
  open(): Promise<void>;
  /** Signs what is not signed yet. */
  close(): Promise<void>;
}

export interface UseLogDependencies {
  store: Store;
  keeper: RecordKeeper;
  signInRefused: RecordRefusedSignIn;
  log: Logger;
  /** Between looks at what is not signed yet. */
  checkpointMs?: number;
}

const recordsAtOnce = 200;
/** On a shared store a node appends to several shards at the same time; the embedded one has one writer. */
const lanesOf = { sqlite: 1, postgresql: 4 } as const;
const attemptsMax = 3;
const checkpointRecords = 1_000;

interface Waiting {
  shard: number;
  use: NewUse;
  placed(seq: number): void;
  failed(error: unknown): void;
}

/**
 * Appends what waits of one tenant and one lane. Whatever comes while a transaction runs goes into the next one
 * together.
 */
function createLane(append: (batch: readonly Waiting[]) => Promise<number[]>): (one: Waiting) => void {
  let waiting: Waiting[] = [];
  let isRunning = false;
  const run = async (): Promise<void> => {
    isRunning = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, recordsAtOnce);
      waiting = waiting.slice(recordsAtOnce);
      try {
        const seqs = await append(batch);
        batch.forEach((one, index) => {
          one.placed(seqs[index] ?? 0);
        });
      } catch (error) {
        for (const one of batch) one.failed(error);
      }
    }
    isRunning = false;
  };
  return (one) => {
    waiting.push(one);
    if (!isRunning) void run();
  };
}

const nothing = {
  // Set when it is appended.
  checkpoint: null,
  ...{ user_id: null, client_id: null, via_kind: null, via_id: null, connection_id: null, space_id: null },
  ...{ credential_id: null, credential_owner_id: null, credential_version: null, action: null },
  ...{ what_hash: null, of_seq: null, rows: null, bytes: null },
};

function beginningOf({ caller, connection, credential, action, what }: UseToRecord, key: Buffer, at: string) {
  return {
    ...nothing,
    ...{ at, user_id: caller.userId, client_id: caller.clientId ?? null },
    ...{ via_kind: caller.keyKind, via_id: caller.keyId, connection_id: connection.id },
    ...{ space_id: connection.space_id, action, result: 'started' },
    credential_id: credential?.id ?? null,
    credential_owner_id: credential?.owner_id ?? null,
    credential_version: credential?.version ?? null,
    what_hash: what === undefined ? null : hmacSha256(key, JSON.stringify(['what', what])),
  };
}

export function createUseLog(deps: UseLogDependencies): UseLog {
  const { store, keeper, signInRefused, log, checkpointMs = 10_000 } = deps;
  const lanes = new Map<string, (one: Waiting) => void>();
  const unsigned = new Map<string, number>();
  const appended = new Set<string>();

  const sign = async (tenantId: string): Promise<void> => {
    unsigned.delete(tenantId);
    await keeper.checkpoint(await keeper.recordOf(tenantId));
  };
  const signedLater = (tenantId: string) => (error: unknown) =>
    log.warn({ err: error, tenantId }, 'the record of uses is signed later');

  /** Of all tenants: also what another node has recorded, and could not sign any more. */
  const signAll = async (): Promise<void> => {
    const tenants = await store.db.selectFrom('tenant').select('id').execute();
    for (const { id } of tenants) await sign(id).catch(signedLater(id));
  };
  let signing: Promise<void> | undefined;
  const timer = setInterval(() => {
    signing ??= signAll()
      .catch((error: unknown) => log.warn({ err: error }, 'the record of uses is signed later'))
      .finally(() => {
        signing = undefined;
      });
  }, checkpointMs).unref();

  const appendTo = async (kept: KeptRecord, batch: readonly Waiting[]): Promise<number[]> => {
    for (let attempt = 1; ; attempt += 1) {
      const { number: checkpoint } = kept.checkpoint;
      const uses = batch.map(({ shard, use }) => ({ shard, use: { ...use, checkpoint } }));
      const appending = { ...kept, store, key: kept.key.key, isRepair: attempt > 1 };
      try {
        const { seqs, heads } = await store.lockingTransaction((tx) => appendUses(tx, appending, uses));
        for (const [shard, head] of heads) kept.seen.set(shard, furthest(kept.seen.get(shard), head));
        const count = (unsigned.get(kept.tenantId) ?? 0) + batch.length;
        unsigned.set(kept.tenantId, count);
        appended.add(kept.tenantId);
        if (count >= checkpointRecords) void sign(kept.tenantId).catch(signedLater(kept.tenantId));
        return seqs;
      } catch (error) {
        // Two began the same shard at once, or a head was set back behind records that are there.
        if (!isUniqueViolation(error) || attempt === attemptsMax) throw error;
        log.warn({ tenantId: kept.tenantId }, 'a head of the record of uses was behind its records');
      }
    }
  };

  const add = (kept: KeptRecord, shard: number, use: NewUse): Promise<number> => {
    const name = `${kept.tenantId} ${shard % lanesOf[store.kind]}`;
    const lane = lanes.get(name) ?? createLane((batch) => appendTo(kept, batch));
    lanes.set(name, lane);
    return new Promise((placed, failed) => lane({ shard, use, placed, failed }));
  };

  const begun = async (use: UseToRecord) => {
    const kept = await keeper.recordOf(use.caller.tenantId);
    const shard = shardOf(use.credential?.id ?? null, use.connection.id);
    const beginning = beginningOf(use, kept.key.key, store.clock.iso());
    return { kept, shard, seq: await add(kept, shard, beginning) };
  };

  return {
    async begin(use) {
      const { kept, shard, seq } = await begun(use).catch((cause: unknown) => {
        const message = 'The use cannot be recorded, so it does not happen. Try again in a moment.';
        throw new AppError('NOT-READY', message, { cause, retryAfterSeconds: 5 });
      });
      return {
        async finish(result, { rows = null, bytes = null } = {}) {
          const at = store.clock.iso();
          await add(kept, shard, { ...nothing, at, rows, bytes, result, of_seq: seq });
          if (result === 'SOURCE-SIGN-IN-FAILED') await signInRefused(use);
        },
      };
    },
    async open() {
      try {
        const tenants = await store.db.selectFrom('tenant').select('id').execute();
        for (const { id } of tenants) await sign(id);
      } catch (error) {
        log.error({ err: error }, 'the record of uses cannot be opened; no use happens until it can');
      }
    },
    async close() {
      clearInterval(timer);
      await signing;
      for (const tenantId of appended) await sign(tenantId).catch(signedLater(tenantId));
    },
  };
}
