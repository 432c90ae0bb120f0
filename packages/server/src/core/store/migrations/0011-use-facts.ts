import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// For each use: path or query as a keyed hash, the API key, and how much was returned.
const statements = [
  `ALTER TABLE use ADD COLUMN key_id text`,
  `ALTER TABLE use ADD COLUMN credential_version integer`,
  `ALTER TABLE use ADD COLUMN what_hash text`,
  `ALTER TABLE use ADD COLUMN bytes integer`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
