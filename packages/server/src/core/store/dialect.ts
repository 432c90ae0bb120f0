import { type Kysely, PostgresAdapter } from 'kysely';

/** True for PostgreSQL's dialect, false for SQLite: for the few statements that one of them cannot plan. */
export const isPostgres = <Schema>(db: Kysely<Schema>): boolean =>
  db.getExecutor().adapter instanceof PostgresAdapter;
