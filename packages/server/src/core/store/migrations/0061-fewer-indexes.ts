import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Each create writes every index. Names are unique in a scope, so the index of that constraint gives their order as well
// as one with the id behind them. `space_id` comes first, as the foreign key looks it up when a space is deleted: with the
// tenant first, SQLite read every connection for that.
const statements = [
  `DROP INDEX connection_scope_name`,
  `DROP INDEX connection_space`,
  `CREATE INDEX connection_space ON connection (space_id, tenant_id)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
