import type { SqliteDatabase, SqliteStatement } from 'kysely';
import type Database from 'libsql';
import { diskError } from './store-error.js';

/** Texts kept at the most. Lists make a text for each length, so there is no natural end. */
const STATEMENTS_MAX = 500;

/** What reads or changes rows; anything else (DDL, PRAGMA, ATTACH) may change what a kept statement means. */
const isKept = /^\s*(?:select|insert|update|delete|with|begin|commit|rollback)\b/i;

const isRollback = /^\s*rollback\s*$/i;

/**
 * The database as Kysely sees it, with each text prepared once: preparing costs twice as much as a point read.
 * Kysely runs a statement to its end before it asks for another, so one of each text is enough.
 */
export function cacheStatements(database: Database.Database): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  const prepare = (sql: string): SqliteStatement => {
    const statement = database.prepare(sql);
    const told = <Result>(work: () => Result): Result => {
      try {
        return work();
      } catch (error) {
        throw diskError(error);
      }
    };
    return {
      reader: statement.reader,
      all: (parameters) => told(() => statement.all(parameters)),
      run(parameters) {
        // A full disk makes SQLite roll back by itself; to do so again would hide why.
        if (isRollback.test(sql) && !database.inTransaction) return { changes: 0, lastInsertRowid: 0 };
        return told(() => statement.run(parameters));
      },
      // An iteration is left open between its rows, so it gets a statement of its own.
      iterate: (parameters) => database.prepare(sql).iterate(parameters) as IterableIterator<unknown>,
    };
  };
  return {
    prepare(sql) {
      const found = statements.get(sql);
      if (found) return found;
      const prepared = prepare(sql);
      if (!isKept.test(sql) || statements.size >= STATEMENTS_MAX) statements.clear();
      if (isKept.test(sql)) statements.set(sql, prepared);
      return prepared;
    },
    close() {
      statements.clear();
      database.close();
    },
  };
}
