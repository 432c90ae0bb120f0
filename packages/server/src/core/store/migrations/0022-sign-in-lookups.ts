import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Open sign-ins are looked up by their target, when it is deleted, and by expiry.
const statements = [
  `CREATE INDEX sign_in_credential ON sign_in (credential_id)`,
  `CREATE INDEX sign_in_connection ON sign_in (connection_id)`,
  `CREATE INDEX sign_in_open ON sign_in (status, expires_at)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
