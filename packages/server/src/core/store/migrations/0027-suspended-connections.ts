import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Since when the login that a connection keeps waits for the person who gave it, and who moved the connection.
const statements = [
  `ALTER TABLE connection ADD COLUMN suspended_at text`,
  `ALTER TABLE connection ADD COLUMN suspended_by text`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
