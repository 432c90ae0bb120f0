import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Open sign-ins are looked for by what they are for, when that is taken away, and by their time, when it is over.
const statements = [
  `CREATE INDEX sign_in_credential ON sign_in (credential_id)`,
  `CREATE INDEX sign_in_connection ON sign_in (connection_id)`,
  `CREATE INDEX sign_in_open ON sign_in (status, expires_at)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
