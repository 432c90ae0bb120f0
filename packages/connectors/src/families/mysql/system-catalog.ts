import { ConnectorError } from '../../interface/errors.js';
import type { SystemCatalog } from '../sql/browse.js';
import type { RunStatement } from './connection.js';

/** Names compare by bytes: the server's own collation does not distinguish `Orders` from `orders`. */
const SCHEMAS = `
  select schema_name, schema_name
  from information_schema.schemata
  where schema_name not in ('information_schema', 'performance_schema', 'mysql', 'sys')
    and cast(schema_name as binary) > cast(? as binary)
  order by cast(schema_name as binary)`;

const TABLES = `
  select table_name, table_name, table_type like '%VIEW'
  from information_schema.tables
  where cast(table_schema as binary) = cast(? as binary) and cast(table_name as binary) > cast(? as binary)
  order by cast(table_name as binary)`;

const COLUMNS = `
  select column_name, cast(ordinal_position as char), column_type, is_nullable = 'YES'
  from information_schema.columns
  where cast(table_schema as binary) = cast(? as binary) and cast(table_name as binary) = cast(? as binary)
    and ordinal_position > ?
  order by ordinal_position`;

/** Some versions reject a LIMIT parameter that arrives as text or float. */
const limited = (sql: string, limit: number) => `${sql} limit ${Math.trunc(limit)}`;

const toNames = ([name, key]: readonly unknown[]) => ({ name, key });

/** Browses `information_schema`, which shows what the login may access. */
export function mySqlCatalog(run: RunStatement): SystemCatalog {
  return {
    schemas: async (_parents, after, limit) =>
      (await run(limited(SCHEMAS, limit), [after ?? ''])).map(toNames),
    tables: async ([schema = ''], after, limit) => {
      const rows = await run(limited(TABLES, limit), [schema, after ?? '']);
      return rows.map((row) => ({ ...toNames(row), isView: Number(row[2]) === 1 }));
    },
    columns: async ([schema = '', table = ''], after, limit) => {
      if (after !== null && !/^\d{1,5}$/.test(after)) {
        throw new ConnectorError('invalid_query', 'Invalid page token. Restart from the first page.');
      }
      const rows = await run(limited(COLUMNS, limit), [schema, table, after ?? '0']);
      return rows.map((row) => ({ ...toNames(row), type: row[2], isNullable: Number(row[3]) === 1 }));
    },
  };
}
