import { type Kysely, type RawBuilder, sql } from 'kysely';
import { settingsOfOneStore } from '../store/move-marks.js';
import type { Db } from '../store/queryable.js';
import {
  OutcomeUnknownError,
  StoreError,
  StoreFullError,
  StoreUnavailableError,
} from '../store/store-error.js';

// Rows of every table, from the embedded store to PostgreSQL, in the order of their primary keys, which both stores
// sort alike. Each statement commits by itself, so that the copied rows show the progress.

export interface TableShape {
  name: string;
  columns: readonly string[];
  primaryKey: readonly string[];
}

type Row = Record<string, unknown>;

/** Small, because definitions can be large. */
const rowsAtOnce = 200;

const namesOf = (names: readonly string[]): RawBuilder<unknown> =>
  sql.join(names.map((name) => sql.ref(name)));

/** All tables of an embedded store, each after the tables that it refers to. */
export async function tablesOf(db: Db): Promise<TableShape[]> {
  const { rows: tables } = await sql<{ name: string }>`select name from sqlite_master
    where type = 'table' and substr(name, 1, 7) not in ('sqlite_', 'kysely_')
    order by name`.execute(db);
  const left = await Promise.all(
    tables.map(async ({ name }) => {
      const columns = await sql<{ name: string; pk: number }>`
        select name, pk from pragma_table_info(${name})`.execute(db);
      const refers = await sql<{ to: string }>`
        select distinct "table" as "to" from pragma_foreign_key_list(${name})`.execute(db);
      const keys = columns.rows.filter(({ pk }) => pk > 0).toSorted((a, b) => a.pk - b.pk);
      const shape: TableShape = {
        name,
        columns: columns.rows.map((column) => column.name),
        primaryKey: keys.map((column) => column.name),
      };
      return { shape, refersTo: refers.rows.map(({ to }) => to) };
    }),
  );
  const placed: TableShape[] = [];
  while (left.length > 0) {
    const index = left.findIndex(({ refersTo }) =>
      refersTo.every((to) => placed.some(({ name }) => name === to)),
    );
    const [next] = left.splice(index, 1);
    if (index < 0 || !next) throw new StoreError('The tables of the store have circular references.');
    placed.push(next.shape);
  }
  return placed;
}

async function rowsAfter(db: Db, { name, columns, primaryKey }: TableShape, last?: Row): Promise<Row[]> {
  const isLater = last
    ? sql`(${namesOf(primaryKey)}) > (${sql.join(primaryKey.map((column) => last[column]))})`
    : sql`1 = 1`;
  const isShared = name === 'setting' ? sql`name not in (${sql.join([...settingsOfOneStore])})` : sql`1 = 1`;
  const { rows } = await sql<Row>`select ${namesOf(columns)} from ${sql.table(name)}
    where ${isLater} and ${isShared} order by ${namesOf(primaryKey)} limit ${rowsAtOnce}`.execute(db);
  return rows;
}

async function lastRow(db: Db, { name, columns, primaryKey }: TableShape): Promise<Row | undefined> {
  const isShared = name === 'setting' ? sql`where name not in (${sql.join([...settingsOfOneStore])})` : sql``;
  const descending = sql.join(primaryKey.map((column) => sql`${sql.ref(column)} desc`));
  const { rows } = await sql<Row>`select ${namesOf(columns)} from ${sql.table(name)} ${isShared}
    order by ${descending} limit 1`.execute(db);
  return rows[0];
}

const insertInto = (db: Db, { name }: TableShape, rows: Row[]) =>
  (db as unknown as Kysely<Record<string, Row>>).insertInto(name).values(rows).execute();

/** Store errors pass unchanged; any other error names the table, and never a value. */
const failed = (name: string, cause: unknown): unknown =>
  cause instanceof StoreUnavailableError ||
  cause instanceof OutcomeUnknownError ||
  cause instanceof StoreFullError
    ? cause
    : new StoreError(`PostgreSQL does not take the rows of the table ${name}.`, { cause });

/** Copies the rows that are missing. */
export async function copyTable(from: Db, to: Db, table: TableShape): Promise<void> {
  let last = await lastRow(to, table);
  for (;;) {
    const rows = await rowsAfter(from, table, last);
    if (rows.length === 0) return;
    await insertInto(to, table, rows).catch((cause: unknown) => {
      throw failed(table.name, cause);
    });
    last = rows.at(-1);
  }
}

/**
 * Compares every row of the two stores.
 * @returns number of rows
 * @throws StoreError at the first that differs
 */
export async function compareTable(one: Db, other: Db, table: TableShape): Promise<number> {
  let count = 0;
  for (let last: Row | undefined; ; ) {
    const rows = await rowsAfter(one, table, last);
    const copies = await rowsAfter(other, table, last);
    if (JSON.stringify(rows) !== JSON.stringify(copies)) {
      throw new StoreError(
        `The table ${table.name} of the database differs from the store. Empty the database and move again.`,
      );
    }
    count += rows.length;
    last = rows.at(-1);
    if (!last) return count;
  }
}

/** Deletes the rows of an outdated copy, in an order that references allow. */
export async function emptyTables(db: Db, tables: readonly TableShape[]): Promise<void> {
  for (const { name } of tables.toReversed()) await sql`delete from ${sql.table(name)}`.execute(db);
}
