import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// When a grant ends that its provider gave no way to renew. Null for grants that are renewed, or that have no end.
export const up = (db: Kysely<unknown>): Promise<void> =>
  ddl(db, `ALTER TABLE grant_state ADD COLUMN ends_at text`);
