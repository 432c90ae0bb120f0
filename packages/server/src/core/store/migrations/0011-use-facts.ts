import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// What a use was for, as a keyed hash; with which key it was asked for; how much was given.
const statements = [
  `ALTER TABLE use ADD COLUMN key_id text`,
  `ALTER TABLE use ADD COLUMN credential_version integer`,
  `ALTER TABLE use ADD COLUMN what_hash text`,
  `ALTER TABLE use ADD COLUMN bytes integer`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
