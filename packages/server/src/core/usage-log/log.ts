import type { Logger } from 'pino';
import type { Caller } from '../access/caller.js';
import type { RecordRefusedSignIn } from '../audit/refused-sign-ins.js';
import { hmacSha256 } from '../crypto/digest.js';
import { AppError } from '../errors/app-error.js';
import type { Store } from '../store/store.js';
import { isUniqueViolation } from '../store/store-error.js';
import type { ConnectionTable, CredentialTable } from '../store/tables.js';
import { appendUses, furthest, type NewUse, shardOf } from './chain.js';
import type { KeptRecord } from './checkpoints.js';
import type { RecordKeeper } from './keeper.js';
import { createSigning, type Signing } from './signing.js';

// The usage log: who used which credential, when, for what. A use is recorded before the source is contacted, and its
// outcome before the answer ends.

export interface UseToRecord {
  caller: Caller;
  connection: Pick<ConnectionTable, 'id' | 'space_id'>;
  credential: Pick<CredentialTable, 'id' | 'owner_id' | 'version'> | undefined;
  action: string;
  /** Path or query; stored only as a keyed hash. */
  what?: unknown;
}

export interface UseLogDependencies {
  store: Store;
  keeper: RecordKeeper;
  signInRefused: RecordRefusedSignIn;
  log: Logger;
  /** Interval between signatures, in milliseconds. */
  checkpointMs?: number;
}

/** On PostgreSQL a node appends to several shards at the same time; the embedded store has one writer. */
const lanesOf = { sqlite: 1, postgresql: 4 } as const;

const recordsAtOnce = 200;
const attemptsMax = 3;

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

/** A record that waits to be appended. */
interface Waiting {
  shard: number;
  use: NewUse;
  placed(seq: number): void;
  failed(error: unknown): void;
}

/**
 * Appends the waiting records of one tenant and one lane. Records that arrive while a transaction runs go into the
 * next one together.
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

/** Appends a batch to its shards. @returns the place of each record in its shard */
async function appendBatch(
  { store, signing, log }: Pick<UseLogDependencies, 'store' | 'log'> & { signing: Signing },
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

export type UseLog = ReturnType<typeof createUseLog>;
/** A use that has begun. */
export type UseTicket = Awaited<ReturnType<UseLog['begin']>>;

export function createUseLog(deps: UseLogDependencies) {
  const { store, keeper, signInRefused, log, checkpointMs = 10_000 } = deps;
  const signing = createSigning({ db: store.db, keeper, log, checkpointMs });
  const lanes = new Map<string, (one: Waiting) => void>();

  const add = (kept: KeptRecord, shard: number, use: NewUse): Promise<number> => {
    const name = `${kept.tenantId} ${shard % lanesOf[store.kind]}`;
    const lane = lanes.get(name) ?? createLane((batch) => appendBatch({ store, signing, log }, kept, batch));
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
    /**
     * Writes the record durably.
     * @throws AppError NOT-READY when it cannot be stored; the use must not happen then
     */
    async begin(use: UseToRecord) {
      const { kept, shard, seq } = await begun(use).catch((cause: unknown) => {
        const message = 'The use cannot be recorded, so it was refused. Try again in a moment.';
        throw new AppError('NOT-READY', message, { cause, retryAfterSeconds: 5 });
      });
      return {
        /** Records the outcome: `ok`, `truncated`, `cancelled`, `revoked` or an error code, and how much was returned. */
        async finish(result: string, given: { rows?: number; bytes?: number } = {}): Promise<void> {
          const { rows = null, bytes = null } = given;
          const at = store.clock.iso();
          await add(kept, shard, { ...nothing, at, rows, bytes, result, of_seq: seq });
          if (result === 'SOURCE-SIGN-IN-FAILED') await signInRefused(use);
        },
      };
    },
    /** Creates the logs of all tenants, and signs what an earlier process left unsigned. Never rejects. */
    open: () =>
      signing.open().catch((error: unknown) => {
        log.error({ err: error }, 'usage log cannot be opened; every use is refused until it can');
      }),
    /** Signs what is not signed yet. */
    close: signing.close,
  };
}
