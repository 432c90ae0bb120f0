import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Since when a connection's login is suspended until the user who entered it confirms, and who moved the connection.
const statements = [
  `ALTER TABLE connection ADD COLUMN suspended_at text`,
  `ALTER TABLE connection ADD COLUMN suspended_by text`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
