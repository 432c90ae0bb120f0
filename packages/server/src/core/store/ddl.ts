import { type Kysely, PostgresAdapter, sql } from 'kysely';

/**
 * One statement of a migration, in the words of SQLite. Texts compare by code point in every store: a cursor or a
 * range must not depend on the language a database was made with. Integers have 64 bits.
 */
export async function ddl(db: Kysely<unknown>, statement: string): Promise<void> {
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter;
  const text = isPostgres
    ? statement.replace(/\btext\b/g, 'text COLLATE "C"').replace(/\binteger\b/g, 'bigint')
    : statement;
  await sql.raw(text).execute(db);
}
