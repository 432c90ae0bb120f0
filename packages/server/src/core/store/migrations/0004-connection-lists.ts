import type { Kysely } from 'kysely';
import { ddl } from '../ddl.js';
import { nameFold } from '../name-fold.js';
import type { Tables } from '../tables.js';

// Data sources that a tenant has switched off. For lists whose cost does not grow with the number of connections: an
// index for every order, over all connections and within one scope, and counts by scope and source.
const before = [
  `CREATE TABLE source_setting (
    tenant_id text NOT NULL REFERENCES tenant (id), source_id text NOT NULL, disabled integer NOT NULL,
    updated_at text NOT NULL, updated_by text NOT NULL, PRIMARY KEY (tenant_id, source_id))`,
  `ALTER TABLE connection ADD COLUMN name_fold text NOT NULL DEFAULT ''`,
  `CREATE TABLE connection_tally (
    tenant_id text NOT NULL REFERENCES tenant (id), scope text NOT NULL, source_id text NOT NULL,
    total integer NOT NULL, PRIMARY KEY (tenant_id, scope, source_id))`,
];
const after = [
  `INSERT INTO connection_tally
    SELECT tenant_id, scope, source_id, count(*) FROM connection GROUP BY tenant_id, scope, source_id`,
  `CREATE INDEX connection_id ON connection (tenant_id, id)`,
  `CREATE INDEX connection_fold ON connection (tenant_id, name_fold, id)`,
  `CREATE INDEX connection_scope_id ON connection (tenant_id, scope, id)`,
  `CREATE INDEX connection_scope_name ON connection (tenant_id, scope, name_key, id)`,
  `CREATE INDEX connection_scope_fold ON connection (tenant_id, scope, name_fold, id)`,
  `CREATE INDEX connection_scope_created ON connection (tenant_id, scope, created_at, id)`,
  `CREATE INDEX connection_scope_updated ON connection (tenant_id, scope, updated_at, id)`,
];

export async function up(db: Kysely<Tables>): Promise<void> {
  for (const statement of before) await ddl(db as Kysely<unknown>, statement);
  const rows = await db.selectFrom('connection').select(['id', 'name']).execute();
  for (const { id, name } of rows) {
    await db
      .updateTable('connection')
      .set({ name_fold: nameFold(name) })
      .where('id', '=', id)
      .execute();
  }
  for (const statement of after) await ddl(db as Kysely<unknown>, statement);
}
