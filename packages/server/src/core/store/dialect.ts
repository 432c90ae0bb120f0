import { PostgresAdapter, type QueryExecutorProvider } from 'kysely';

/** True for PostgreSQL's dialect, false for SQLite: for the few statements that one of them cannot plan. */
export const isPostgres = (db: QueryExecutorProvider): boolean =>
  db.getExecutor().adapter instanceof PostgresAdapter;
