import { type Expression, type SqlBool, sql } from 'kysely';
import type { Db } from './queryable.js';
import type { Tables } from './tables.js';

// Work on many rows in batches, so that no statement comes near its timeout and others get a turn in between.

const rowsPerStatement = 1_000;

export interface Due<Name extends keyof Tables> {
  table: Name;
  /** Column that identifies a row; has an index. */
  key: keyof Tables[Name] & string;
  /** Condition over columns of the table that have an index. */
  where: Expression<SqlBool>;
}

/**
 * Deletes matching rows.
 * @param until by `performance.now()`; rows left then are left for the next call
 */
export async function deleteInBatches<Name extends keyof Tables>(
  db: Db,
  { table, key, where }: Due<Name>,
  until = Number.POSITIVE_INFINITY,
): Promise<void> {
  const from = sql.table(table);
  const id = sql.ref(key);
  for (;;) {
    const { numAffectedRows } = await sql`delete from ${from} where ${id} in
      (select ${id} from ${from} where ${where} limit ${rowsPerStatement})`.execute(db);
    if (Number(numAffectedRows ?? 0) < rowsPerStatement || performance.now() > until) return;
  }
}

/**
 * Does the work for each row, also when it fails for others.
 * @throws AggregateError with every failure, after the last row
 */
export async function eachByItself<Row>(
  rows: readonly Row[],
  work: (row: Row) => Promise<unknown>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const row of rows) await work(row).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} of ${rows.length} failed`);
}
