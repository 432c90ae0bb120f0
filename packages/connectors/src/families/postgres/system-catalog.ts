import { ConnectorError } from '../../interface/errors.js';
import type { SystemCatalog } from '../sql/browse.js';
import type { RunStatement } from './connection.js';

const SCHEMAS = `
  select nspname as name, nspname as key
  from pg_catalog.pg_namespace
  where nspname !~ '^pg_' and nspname <> 'information_schema'
    and pg_catalog.has_schema_privilege(oid, 'usage') and ($1::name is null or nspname > $1::name)
  order by nspname limit $2`;

/** Tables, partitioned and foreign tables; views and materialized views. */
const TABLES = `
  select c.relname as name, c.relname as key, c.relkind in ('v', 'm') as "isView",
    pg_catalog.has_any_column_privilege(c.oid, 'select') as "isReadable"
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $3::name and c.relkind in ('r', 'p', 'f', 'v', 'm') and not c.relispartition
    and ($1::name is null or c.relname > $1::name)
  order by c.relname limit $2`;

const COLUMNS = `
  select a.attname as name, a.attnum::text as key, pg_catalog.format_type(a.atttypid, a.atttypmod) as type,
    not a.attnotnull as "isNullable"
  from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $3::name and c.relname = $4::name and c.relkind in ('r', 'p', 'f', 'v', 'm')
    and a.attnum > coalesce($1::int, 0) and not a.attisdropped
  order by a.attnum limit $2`;

/** Browses `pg_catalog`, which lists more than `information_schema` and is faster. */
export function postgresCatalog(run: RunStatement): SystemCatalog {
  return {
    schemas: (_parents, after, limit) => run(SCHEMAS, [after, limit]),
    tables: ([schema], after, limit) => run(TABLES, [after, limit, schema]),
    columns: ([schema, table], after, limit) => {
      if (after !== null && !/^\d{1,5}$/.test(after)) {
        throw new ConnectorError('invalid_query', 'Invalid page token. Restart from the first page.');
      }
      return run(COLUMNS, [after, limit, schema, table]);
    },
  };
}
