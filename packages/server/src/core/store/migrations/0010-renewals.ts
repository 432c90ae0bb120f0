import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Sign-ins that renew a credential, and the account that signed in if it differs from the former one.
const statements = [
  `ALTER TABLE sign_in ADD COLUMN credential_id text`,
  `ALTER TABLE sign_in ADD COLUMN account_issuer text`,
  `ALTER TABLE sign_in ADD COLUMN account_subject text`,
  `ALTER TABLE sign_in ADD COLUMN account_email text`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
