import { sleep } from '@mooring/connectors/kit/deadline';
import {
  type IsolationLevel,
  Kysely,
  type MigrationLockOptions,
  PostgresAdapter,
  PostgresDialect,
  type RawBuilder,
  sql,
  type Transaction,
} from 'kysely';
import { createClock } from './clock.js';
import { createPostgresPool } from './postgres-pool.js';
import type { Tx } from './queryable.js';
import type { Store } from './store.js';
import {
  isConflict,
  isStatementTimeout,
  OutcomeUnknownError,
  ReadTooLongError,
  StoreUnavailableError,
} from './store-error.js';
import type { Tables } from './tables.js';

// The store that several nodes share: PostgreSQL, and databases with its protocol and isolation levels.

export interface PostgresStoreOptions {
  url: string;
  connectionsMax?: number;
  /** How long a request waits for the store before it fails. */
  patienceMs?: number;
}

/** More concurrent transactions only conflict with each other. */
const writersMax = 4;
/** These wait for each other's rows, so they have their own limit. */
const lockersMax = 6;
/** Opened on first use, like all others. */
const asideMax = 2;
const attemptsMax = 16;
/** Longest statement of a search. Below the patience, after which a silent store counts as lost. */
const searchMs = 1_000;
const pauseMs = { first: 4, most: 400 };

/** True when the store was silent for the whole patience, so that further waiters wait in vain. */
const isSilence = (error: unknown): boolean =>
  (error instanceof StoreUnavailableError || error instanceof OutcomeUnknownError) &&
  error.cause instanceof Error &&
  /timeout/i.test(error.cause.message);

/** @returns runs the work when fewer than the most are at work */
function createSlots(most: number) {
  let taken = 0;
  let waiting: { go(): void; fail(error: unknown): void }[] = [];
  return async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (taken >= most) await new Promise<void>((go, fail) => waiting.push({ go, fail }));
    else taken += 1;
    try {
      return await work();
    } catch (error) {
      if (isSilence(error)) {
        for (const { fail } of waiting) {
          fail(new StoreUnavailableError('The store does not answer.', { cause: error }));
        }
        waiting = [];
      }
      throw error;
    } finally {
      const next = waiting.shift();
      if (next) next.go();
      else taken -= 1;
    }
  };
}

/** Locks a row instead of Kysely's advisory lock, which not every database with this protocol has. */
class RowLockAdapter extends PostgresAdapter {
  override async acquireMigrationLock(db: Kysely<unknown>, lock: MigrationLockOptions): Promise<void> {
    const table = sql.table(lock.lockTable);
    await sql`select id from ${table} where id = ${lock.lockRowId} for update`.execute(db);
  }

  override async releaseMigrationLock(): Promise<void> {
    // The row is released when the transaction of the migration ends.
  }
}

class SharedDialect extends PostgresDialect {
  override createAdapter(): PostgresAdapter {
    return new RowLockAdapter();
  }
}

/** One snapshot, whose statements end after so many milliseconds. @throws ReadTooLongError */
async function limitedSearch<Result>(
  db: Kysely<Tables>,
  milliseconds: number,
  work: (tx: Transaction<Tables>) => Promise<Result>,
): Promise<Result> {
  try {
    return await db
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(async (tx) => {
        await sql.raw(`set local statement_timeout = ${milliseconds}`).execute(tx);
        return work(tx);
      });
  } catch (error) {
    if (!isStatementTimeout(error)) throw error;
    throw new ReadTooLongError('A search took longer than a second.', { cause: error });
  }
}

/**
 * Opens a shared store. Connections are opened on demand, so an unreachable database shows at the first use.
 * Transactions are serializable, as all of SQLite's are, and retried when the database reports a conflict.
 * @throws StoreError for a URL that is not valid
 */
export function openPostgresStore(options: PostgresStoreOptions): Store {
  const patienceMs = options.patienceMs ?? 1_800;
  const open = (connectionsMax: number) => {
    const pool = createPostgresPool({ url: options.url, connectionsMax, patienceMs });
    return new Kysely<Tables>({ dialect: new SharedDialect({ pool }) });
  };
  const db = open(options.connectionsMax ?? 20);
  const aside = open(asideMax);

  const asWriter = createSlots(writersMax);
  const asLocker = createSlots(lockersMax);
  const asLoser = createSlots(1);

  const again = async <Result>(
    work: (tx: Tx) => Promise<Result>,
    { level, inSlot }: { level: IsolationLevel; inSlot: typeof asWriter },
  ): Promise<Result> => {
    const once = () =>
      db
        .transaction()
        .setIsolationLevel(level)
        .execute((tx) => work(Object.assign(tx, { clock })));
    for (let attempt = 1; ; attempt += 1) {
      try {
        // Retries of this node run one after the other, so that they do not conflict with each other.
        return await (attempt === 1 ? inSlot(once) : asLoser(once));
      } catch (error) {
        if (!isConflict(error)) throw error;
        if (attempt === attemptsMax) {
          throw new StoreUnavailableError('Too many concurrent requests change the same data.', {
            cause: error,
          });
        }
        await sleep(Math.random() * Math.min(pauseMs.first * 2 ** attempt, pauseMs.most));
      }
    }
  };

  const value = async (expression: RawBuilder<unknown>): Promise<unknown> => {
    const { rows } = await sql<{ value: unknown }>`select ${expression} as value`.execute(db);
    return rows[0]?.value;
  };

  const clock = createClock(async () =>
    Number(await value(sql`(extract(epoch from clock_timestamp()) * 1000)::float8`)),
  );

  return {
    kind: 'postgresql',
    db: Object.assign(db, { clock }),
    aside: Object.assign(aside, { clock }),
    clock,
    changes: () => undefined,
    transaction: (work) => again(work, { level: 'serializable', inSlot: asWriter }),
    // A database without this level uses the next stricter one, and then the work is retried like any other.
    lockingTransaction: (work) => again(work, { level: 'read committed', inSlot: asLocker }),
    search: (work) =>
      limitedSearch(db, Math.min(searchMs, patienceMs), (tx) => work(Object.assign(tx, { clock }))),
    async durability() {
      const setting = async (name: string) => String(await value(sql`current_setting(${name}, true)`));
      return {
        journalMode: 'wal',
        synchronous: await setting('synchronous_commit'),
        fsync: await setting('fsync'),
      };
    },
    async checkpoint() {
      // The database manages its own log.
    },
    async close() {
      clock.stop();
      await Promise.all([db.destroy(), aside.destroy()]);
    },
  };
}
