import { AsyncLocalStorage } from 'node:async_hooks';
import { sha256 } from '../crypto/digest.js';
import type { Tx } from './queryable.js';
import type { Tables } from './tables.js';

// What a client saw of a row, and whether the row is still so when it is written. A request that names the state it
// expects is compared when its row is loaded, and again inside each of its transactions, so that nobody's change can
// slip in between. Handlers know nothing of it: they load rows and open transactions as always.

/** Tables whose rows clients may write on condition. */
export type VersionedTable = 'connection' | 'credential' | 'space';

/** The row is not as the client saw it. */
export class RowChangedError extends Error {
  override name = 'RowChangedError';
}

export interface RowWatch {
  /** The first row of the table that the request loaded. */
  readonly seen: { id: string; version: string } | undefined;
}

interface SeenRow {
  id: string;
  tenantId: string;
  version: string;
}

interface ActiveWatch {
  readonly table: VersionedTable;
  readonly expected: ReadonlySet<string> | undefined;
  seen: SeenRow | undefined;
}

const byCaller = new WeakMap<object, ActiveWatch>();
const conditional = new AsyncLocalStorage<ActiveWatch>();
let conditionalCount = 0;

/** Changes whenever a column does. Rows of these tables hold no secret. */
const versionOf = (row: Tables[VersionedTable]): string => sha256(JSON.stringify(row)).slice(0, 27);

/**
 * Runs a request whose `caller` object is its own. With `expected`, rows of the table must be in one of these
 * versions.
 * @throws RowChangedError
 */
export async function watchRow<Result>(
  caller: object,
  table: VersionedTable,
  expected: ReadonlySet<string> | undefined,
  work: () => Promise<Result>,
): Promise<{ result: Result; watch: RowWatch }> {
  const watch: ActiveWatch = { table, expected, seen: undefined };
  byCaller.set(caller, watch);
  if (!expected) return { result: await work(), watch };
  conditionalCount += 1;
  try {
    const result = await conditional.run(watch, work);
    if (!watch.seen) throw new Error(`a conditional request loaded no ${table}`);
    return { result, watch };
  } finally {
    conditionalCount -= 1;
    // An enabled storage costs every promise of the process a little.
    if (conditionalCount === 0) conditional.disable();
  }
}

/**
 * Called where a request loads the row it is about.
 * @throws RowChangedError
 */
export function observeRow<Table extends VersionedTable>(
  caller: object,
  table: Table,
  row: Tables[Table],
): void {
  const watch = byCaller.get(caller);
  if (!watch || watch.table !== table || watch.seen) return;
  const version = versionOf(row);
  if (watch.expected && !watch.expected.has(version)) throw new RowChangedError();
  watch.seen = { id: row.id, tenantId: row.tenant_id, version };
}

async function currentVersion(
  tx: Tx,
  table: VersionedTable,
  { id, tenantId }: SeenRow,
): Promise<string | undefined> {
  const row = await tx
    .selectFrom(table)
    .selectAll()
    .where('id', '=', id)
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst();
  return row && versionOf(row);
}

type Run = <Result>(work: (tx: Tx) => Promise<Result>) => Promise<Result>;

/** Runs a transaction that fails when the row was changed since the request last saw it. */
export async function guardedTransaction<Result>(
  run: Run,
  work: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  const watch = conditional.getStore();
  const seen = watch?.seen;
  if (!watch || !seen) return run(work);
  let after: string | undefined;
  try {
    // The store may run this more than once, so what was seen changes only when it has been committed.
    const result = await run(async (tx) => {
      if ((await currentVersion(tx, watch.table, seen)) !== seen.version) throw new RowChangedError();
      const done = await work(tx);
      after = await currentVersion(tx, watch.table, seen);
      return done;
    });
    watch.seen = { ...seen, version: after ?? '' };
    return result;
  } catch (error) {
    // What the request does now is to clean up after itself, which must not fail too.
    if (error instanceof RowChangedError) watch.seen = undefined;
    throw error;
  }
}
