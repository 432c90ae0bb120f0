import { type Kysely, PostgresAdapter, sql } from 'kysely';

/**
 * One statement of a migration, in SQLite's dialect. Text compares by code point in every store: a page token or a
 * range must not depend on the locale of a database. Integers have 64 bits.
 */
export async function ddl(db: Kysely<unknown>, statement: string): Promise<void> {
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter;
  const text = isPostgres
    ? statement.replace(/\btext\b/g, 'text COLLATE "C"').replace(/\binteger\b/g, 'bigint')
    : statement;
  await sql.raw(text).execute(db);
}
