import { chmodSync, closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Driver, Kysely, Migrator, SqliteAdapter, SqliteDialect, sql } from 'kysely';
import Database from 'libsql';
import { createChangeCounter } from './change-counter.js';
import { type Clock, createClock } from './clock.js';
import { makeDataFolder } from './data-folder.js';
import { lockFile } from './file-lock.js';
import { createGroupCommit } from './group-commit.js';
import { createLoopShare } from './loop-share.js';
import { migrations } from './migrations/all.js';
import type { Db, Tx } from './queryable.js';
import { searchThread } from './search-thread.js';
import { cacheStatements } from './statement-cache.js';
import {
  isConflict,
  isUniqueViolation,
  StoreError,
  StoreHeldError,
  StoreUnavailableError,
} from './store-error.js';
import type { Tables } from './tables.js';

export interface Store {
  /** `sqlite`: embedded, used by this process only. `postgresql`: shared with other nodes. */
  readonly kind: 'sqlite' | 'postgresql';
  readonly db: Db;
  /** The same store over separate connections: for the few callers that must not queue behind requests. */
  readonly aside: Db;
  /** The clock of leases and expiries. */
  readonly clock: Clock;
  /**
   * Grows with each committed change of the rows that answers rest on. Always undefined for a shared store: other nodes
   * change it too.
   */
  changes(): number | undefined;
  /**
   * One durable transaction; undone when `work` throws. A shared store runs `work` again on a conflict, the embedded one
   * when a transaction that shares its commit ends both, so it must have no effect outside `tx`.
   * @throws StoreUnavailableError, OutcomeUnknownError
   */
  transaction<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result>;
  /**
   * One durable transaction for work that locks the rows it reads: others wait for them instead of conflicting.
   * @throws StoreUnavailableError, OutcomeUnknownError
   */
  lockingTransaction<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result>;
  /**
   * Reads that may look through many rows, in one snapshot. The embedded store runs them on another thread, one at a
   * time; a shared one ends a statement after a second.
   * @throws ReadTooLongError, StoreUnavailableError
   */
  search<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result>;
  /** The settings that durability depends on, as the database reports them. */
  durability(): Promise<Durability>;
  /** Moves the write-ahead log into the store and empties it, so that shredded data is gone from both. */
  checkpoint(): Promise<void>;
  close(): Promise<void>;
}

/** What makes an acknowledged write durable. */
export interface Durability {
  journalMode: string;
  /** SQLite: 2 is FULL. PostgreSQL: `synchronous_commit`. */
  synchronous: number | string;
  /** PostgreSQL only. */
  fsync?: string;
}

export const fileName = 'mooring.db';

/** True also when only the log of a store is left: such a folder is not new. */
export const storeExists = (dataFolder: string): boolean =>
  ['', '-wal'].some((suffix) => existsSync(path.join(dataFolder, fileName + suffix)));

function assertSqliteFile(file: string): void {
  if (!existsSync(file)) {
    // A store never exists without its file, and a new file would discard the content of the log.
    if (!existsSync(`${file}-wal`)) return;
    throw new StoreError(`The store ${file} is missing, but its log exists. Restore it from a backup.`);
  }
  const head = Buffer.alloc(18);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, head, 0, head.length, 0);
  } finally {
    closeSync(descriptor);
  }
  // A damaged store must never be taken for a new one: SQLite turns an empty file into a new database.
  if (head.toString('latin1', 0, 16) !== 'SQLite format 3\u0000') {
    throw new StoreError(
      `The store ${file} is damaged: it is not a SQLite database. Restore it from a backup.`,
    );
  }
  // SQLite reads a truncated last page as zeros. A crash leaves one only while the log contains it.
  const pageSize = head.readUInt16BE(16) === 1 ? 65_536 : head.readUInt16BE(16);
  const isLogEmpty = (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0;
  if (isLogEmpty && statSync(file).size % pageSize !== 0) {
    throw new StoreError(`The store ${file} is damaged: its end is missing. Restore it from a backup.`);
  }
}

/** Locks the data folder against a second process. */
function lockFolder(dataFolder: string): () => void {
  const file = path.join(dataFolder, 'lock');
  let unlock: (() => void) | undefined;
  try {
    unlock = lockFile(file);
  } catch (cause) {
    throw new StoreError(`The file ${file} cannot be locked.`, { cause });
  }
  if (unlock) return unlock;
  throw new StoreHeldError(
    `Another Mooring process is using ${dataFolder}. Stop it, or choose another --data folder.`,
  );
}

/**
 * Opens the embedded store: WAL, synchronous FULL, foreign keys on. Creates the folder (0700) and the file when
 * there is none. Does not migrate: see {@link migrate}.
 * @throws StoreError
 */
export function openStore({ dataFolder }: { dataFolder: string }): Store {
  makeDataFolder(dataFolder);
  const file = path.join(dataFolder, fileName);
  assertSqliteFile(file);
  const unlock = lockFolder(dataFolder);
  let database: Database.Database;
  try {
    database = new Database(file);
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000; PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 1000',
    );
    for (const suffix of ['', '-wal', '-shm']) if (existsSync(file + suffix)) chmodSync(file + suffix, 0o600);
  } catch (cause) {
    unlock();
    throw new StoreError(`The store ${file} cannot be opened. It may be damaged; restore it from a backup.`, {
      cause,
    });
  }
  // The only process of this store: the machine's clock is the store's.
  const clock = createClock(async () => Date.now());
  const changes = createChangeCounter(database);
  const dialect = new EmbeddedDialect({ database: cacheStatements(database, changes) });
  const db = Object.assign(new Kysely<Tables>({ dialect }), { clock });
  const transaction = createGroupCommit(db);
  const thread = searchThread(file);
  const searches = new Kysely<Tables>({ dialect: thread.dialect });
  return {
    kind: 'sqlite',
    db,
    aside: db,
    clock,
    changes: changes.current,
    transaction,
    // SQLite has one writer at a time.
    lockingTransaction: transaction,
    search: (work) => searches.transaction().execute((tx) => work(Object.assign(tx, { clock }))),
    async durability() {
      const journal = database.prepare('PRAGMA journal_mode').get() as { journal_mode: string };
      const synchronous = database.prepare('PRAGMA synchronous').get() as { synchronous: number };
      return { journalMode: journal.journal_mode, synchronous: synchronous.synchronous };
    },
    async checkpoint() {
      // Through the query queue: SQLite refuses it inside a transaction.
      await thread.whileIdle(() => sql.raw('PRAGMA wal_checkpoint(TRUNCATE)').execute(db));
    },
    async close() {
      clock.stop();
      await searches.destroy();
      await db.destroy();
      unlock();
    },
  };
}

/**
 * Migrations run in one transaction, so that a kill or a full disk leaves nothing half done. Kysely assumes that
 * SQLite cannot do this; it can (https://www.sqlite.org/lang_transaction.html). The event loop gets its turns between
 * uses of the connection.
 */
class EmbeddedDialect extends SqliteDialect {
  override createDriver(): Driver {
    const driver = super.createDriver();
    const loopShare = createLoopShare();
    const acquire = driver.acquireConnection.bind(driver);
    driver.acquireConnection = async () => {
      const connection = await acquire();
      await loopShare();
      return connection;
    };
    return driver;
  }
  override createAdapter(): SqliteAdapter {
    return new (class extends SqliteAdapter {
      override get supportsTransactionalDdl(): boolean {
        return true;
      }
    })();
  }
}

const migrationsMax = 5;

/**
 * Migrates the store to this version.
 * @throws StoreError when the store is from a newer version, or a step fails.
 */
export async function migrate(store: Store): Promise<void> {
  // Nodes that start together on an empty database may collide when they create the lock table.
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await migrateOnce(store);
    } catch (error) {
      const { cause } = error as Error;
      const isCollision = store.kind === 'postgresql' && (isUniqueViolation(cause) || isConflict(cause));
      if (!isCollision || attempt === migrationsMax) throw error;
    }
  }
}

/** Kysely lists only the migrations that this version knows. */
async function appliedNames(store: Store, migrator: Migrator): Promise<string[]> {
  const known = await migrator.getMigrations();
  if (!known.some((migration) => migration.executedAt)) return [];
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(store.db);
  return rows.map(({ name }) => name);
}

const migratorOf = (store: Store): Migrator =>
  new Migrator({ db: store.db, provider: { getMigrations: async () => migrations } });

/** True when the tables of the store are those of this version. */
export async function isOfThisVersion(store: Store): Promise<boolean> {
  const applied = await appliedNames(store, migratorOf(store));
  return applied.length === Object.keys(migrations).length && applied.every((name) => name in migrations);
}

async function migrateOnce(store: Store): Promise<void> {
  const migrator = migratorOf(store);
  const applied = await appliedNames(store, migrator).catch((cause: unknown) => {
    if (cause instanceof StoreUnavailableError) throw cause;
    throw isCorrupt(cause) ? damaged(cause) : new StoreError(notMigrated, { cause });
  });
  if (applied.some((name) => !(name in migrations))) throw new StoreError(fromNewerVersion);
  const { error } = await migrator.migrateToLatest();
  if (isCorrupt(error)) throw damaged(error);
  if (error instanceof StoreUnavailableError) throw error;
  if (error) throw new StoreError(notMigrated, { cause: error });
}

const notMigrated = 'The store could not be migrated to this version; nothing was changed.';

const fromNewerVersion =
  'The store is from a newer version of Mooring. Start that version, or restore a backup.';

const isCorrupt = (error: unknown): boolean =>
  /^SQLITE_(CORRUPT|NOTADB)/.test(String((error as { code?: unknown } | undefined)?.code));

const damaged = (cause: unknown): StoreError =>
  new StoreError('The store is damaged. Restore it from a backup.', { cause });
