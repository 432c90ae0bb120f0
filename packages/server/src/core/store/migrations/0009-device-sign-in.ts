import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Device sign-in: polling interval, and when the next poll is allowed. Null for every other sign-in.
const statements = [
  `ALTER TABLE sign_in ADD COLUMN device_interval integer`,
  `ALTER TABLE sign_in ADD COLUMN device_next_at text`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
