import { PostgresAdapter } from 'kysely';
import type { Queryable } from './queryable.js';

/** True on PostgreSQL and what speaks its dialect, false on SQLite: for the few statements that one of them cannot plan. */
export const isPostgres = (db: Queryable): boolean => db.getExecutor().adapter instanceof PostgresAdapter;
