import { type Kysely, sql } from 'kysely';
import { isPostgres } from './dialect.js';

/**
 * One statement of a migration, in SQLite's dialect. Text compares by code point in every store: a page token or a
 * range must not depend on the locale of a database. Integers have 64 bits.
 */
export async function ddl(db: Kysely<unknown>, statement: string): Promise<void> {
  const text = isPostgres(db)
    ? statement.replace(/\btext\b/g, 'text COLLATE "C"').replace(/\binteger\b/g, 'bigint')
    : statement;
  await sql.raw(text).execute(db);
}
