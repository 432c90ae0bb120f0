import { PostgresAdapter } from 'kysely';
import type { Queryable } from './queryable.js';

/** True for PostgreSQL's dialect, false for SQLite: for the few statements that one of them cannot plan. */
export const isPostgres = (db: Queryable): boolean => db.getExecutor().adapter instanceof PostgresAdapter;
