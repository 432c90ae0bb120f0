import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// When a non-renewable grant ends. Null for grants that are renewed, or have no end.
export const up = (db: Kysely<unknown>): Promise<void> =>
  ddl(db, `ALTER TABLE grant_state ADD COLUMN ends_at text`);
