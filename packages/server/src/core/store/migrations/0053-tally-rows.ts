import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';

// Connection counts are added as rows and folded later: concurrent creates waited for each other on a single row.
const statements = [
  `CREATE TABLE connection_tally_rows (
    tenant_id text NOT NULL REFERENCES tenant (id), scope text NOT NULL, source_id text NOT NULL,
    part text NOT NULL, total integer NOT NULL, PRIMARY KEY (tenant_id, scope, source_id, part))`,
  `INSERT INTO connection_tally_rows (tenant_id, scope, source_id, part, total)
    SELECT tenant_id, scope, source_id, '', total FROM connection_tally`,
  'DROP TABLE connection_tally',
  'ALTER TABLE connection_tally_rows RENAME TO connection_tally',
  `CREATE INDEX connection_tally_unfolded ON connection_tally (tenant_id, scope, source_id) WHERE part <> ''`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await ddl(db, statement);
}
