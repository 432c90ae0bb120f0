import { record } from '../audit/record.js';
import type { Config } from '../config/config.js';
import { newUuid } from '../crypto/random.js';
import { loadMaster, migrationMs, waitForDatabase } from '../opening/open-store.js';
import { lowerKeyFence, raiseKeyFence } from '../store/key-fence.js';
import {
  type Arriving,
  forgetMarks,
  type Leaving,
  movedTo,
  readArriving,
  readLeaving,
  writeArriving,
  writeLeaving,
} from '../store/move-marks.js';
import { openPostgresStore } from '../store/postgres-store.js';
import { isOfThisVersion, migrate, openStore, type Store, storeExists } from '../store/store.js';
import { StoreError } from '../store/store-error.js';
import { checkMaster, hasKeyCheck } from '../vault/key-check.js';
import { type Master, readOwnKey } from '../vault/keyring-rows.js';
import { type OpenedRecords, openEveryRecord } from './sealed-records.js';
import { compareTable, copyTable, emptyTables, type TableShape, tablesOf } from './tables.js';

// Moves the embedded store of a data folder to PostgreSQL while neither is served. It can be interrupted anywhere and
// run again. The folder keeps the unchanged store, marked as moved, and everything else of a node: its key, its id,
// kept tokens.

export interface MoveRequest {
  /** Configuration of the data folder. */
  config: Config;
  /** `postgres://user:password@host:port/database`; the password goes only to the database. */
  to: string;
  tell(line: string): void;
}

export interface Moved extends OpenedRecords {
  /** `host:port/database` */
  to: string;
  tables: number;
  rows: number;
}

function placeOf(url: string): string {
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    throw new StoreError('The target must be postgres://user:password@host:port/database.');
  }
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}:${port || 5432}${pathname}`;
}

/** @returns the id of the store's own key */
async function assertMovable(source: Store, master: Master): Promise<string> {
  await checkMaster(source, master);
  const isReady = await isOfThisVersion(source);
  const own = isReady ? await readOwnKey(source.db, master) : undefined;
  if (own) return own.id;
  throw new StoreError(
    'The store is of another version of Mooring. Start this version on it once (mooring serve), stop it, then move.',
  );
}

/** No lease in the embedded store can be held by a running process: its folder is locked. */
const freeLeases = (source: Store) =>
  source.db.updateTable('grant_state').set({ holder: null, lease_until: null }).execute();

async function markLeaving(source: Store, to: string): Promise<Leaving> {
  const found = await readLeaving(source.db);
  if (found && (found.to === to || found.leftAt !== undefined)) return found;
  const mark = { id: newUuid(), to };
  await writeLeaving(source.db, mark);
  return mark;
}

/** @throws StoreError for a database that has a store, or to which another one is being moved */
async function markArriving(
  target: Store,
  tables: readonly TableShape[],
  { id, storeKey }: Arriving,
): Promise<void> {
  const found = await readArriving(target.db);
  if (!found && (await hasKeyCheck(target.db))) {
    throw new StoreError('The database already has a store. Name an empty database.');
  }
  if (found && found.storeKey !== storeKey) {
    throw new StoreError('Another store is being moved to this database. Name an empty one.');
  }
  await migrate(target);
  await lowerKeyFence(target.db);
  if (found?.id === id) return;
  // An earlier copy of the same store, which was served since: the copy is outdated.
  await emptyTables(target.db, tables);
  await writeArriving(target.db, { id, storeKey });
}

async function copyAndProve(
  { source, target, tables }: { source: Store; target: Store; tables: readonly TableShape[] },
  master: Master,
  tell: MoveRequest['tell'],
): Promise<OpenedRecords & { rows: number }> {
  for (const table of tables) await copyTable(source.db, target.db, table);
  let rows = 0;
  for (const table of tables) {
    const count = await compareTable(source.db, target.db, table);
    if (count > 0) tell(`${table.name}: ${count} rows, each as it was`);
    rows += count;
  }
  await checkMaster(target, master);
  return { ...(await openEveryRecord(target.db, master)), rows };
}

/** Records the move; from then on the database can be served. */
async function letServe(target: Store, to: string): Promise<void> {
  await target.transaction(async (tx) => {
    for (const { id } of await tx.selectFrom('tenant').select('id').execute()) {
      const by = { tenantId: id, userId: 'system' };
      await record(tx, { name: 'store.moved', by, resourceId: id, data: { to } });
    }
    await forgetMarks(tx);
  });
}

async function moveTo(
  target: Store,
  { source, to, master, tell }: { source: Store; to: string; master: Master; tell: MoveRequest['tell'] },
): Promise<Moved> {
  const storeKey = await assertMovable(source, master);
  const leaving = await markLeaving(source, to);
  const tables = await tablesOf(source.db);
  if (leaving.leftAt !== undefined) {
    const isLast = leaving.to === to && (await readArriving(target.db))?.id === leaving.id;
    if (!isLast) throw movedTo(leaving);
  } else {
    await freeLeases(source);
    await markArriving(target, tables, { id: leaving.id, storeKey });
  }
  const proven = await copyAndProve({ source, target, tables }, master, tell);
  if (leaving.leftAt === undefined) {
    await raiseKeyFence(target.db);
    await writeLeaving(source.db, { ...leaving, leftAt: source.clock.iso() });
    await source.checkpoint();
  }
  await letServe(target, to);
  return { ...proven, to, tables: tables.length };
}

/**
 * @throws StoreError, StoreHeldError while a process has the folder, KeyError, KeyServiceError, StoreUnavailableError
 */
export async function moveStore({ config, to: url, tell }: MoveRequest): Promise<Moved> {
  const to = placeOf(url);
  if (!storeExists(config.dataFolder)) {
    throw new StoreError(`There is no embedded store in ${config.dataFolder}. Name its folder with --data.`);
  }
  const { master } = await loadMaster(config, true);
  // Before the folder is locked: these connect on first use, and refuse a URL that is not valid.
  const impatient = openPostgresStore({ url, connectionsMax: 1 });
  const target = openPostgresStore({ url, connectionsMax: 1, patienceMs: migrationMs });
  const source = openStore({ dataFolder: config.dataFolder });
  try {
    await waitForDatabase(impatient);
    return await moveTo(target, { source, to, master, tell });
  } finally {
    await Promise.all([source.close(), impatient.close(), target.close()]);
  }
}
