import type { SqliteDatabase, SqliteStatement } from 'kysely';
import type Database from 'libsql';
import type { ChangeCounter } from './change-counter.js';
import { diskError } from './store-error.js';

/** Most statements kept. `in` lists produce a statement per length, so the number is not bounded by itself. */
const STATEMENTS_MAX = 500;

/** Statements that read or change rows; others (DDL, PRAGMA, ATTACH) may change the meaning of a cached statement. */
const isKept = /^\s*(?:select|insert|update|delete|with|begin|commit|rollback|savepoint|release)\b/i;

const isRollback = /^\s*rollback\s*$/i;

/**
 * The database for Kysely, with each statement prepared once: preparing costs twice as much as a point read. Kysely
 * finishes a statement before the next, so one per text is enough.
 */
export function cacheStatements(
  database: Database.Database,
  changes: Pick<ChangeCounter, 'executed'>,
): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  const prepare = (sql: string): SqliteStatement => {
    const statement = database.prepare(sql);
    const told = <Result>(work: () => Result): Result => {
      try {
        return work();
      } catch (error) {
        throw diskError(error);
      } finally {
        // Also after a failure: whether it changed anything is not known then.
        changes.executed(sql);
      }
    };
    return {
      reader: statement.reader,
      all: (parameters) => told(() => statement.all(parameters)),
      run(parameters) {
        // On a full disk SQLite rolls back by itself; a second rollback would hide the cause.
        if (isRollback.test(sql) && !database.inTransaction) return { changes: 0, lastInsertRowid: 0 };
        return told(() => statement.run(parameters));
      },
      // An iteration stays open between rows, so it gets its own statement.
      iterate: (parameters) =>
        told(() => database.prepare(sql).iterate(parameters) as IterableIterator<unknown>),
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
