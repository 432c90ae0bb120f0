import type { RunStatement } from '../../families/clickhouse/connection.js';
import { literal } from '../../families/clickhouse/dialect.js';
import type { SystemCatalog } from '../../families/sql/browse.js';
import { ConnectorError } from '../../interface/errors.js';

const databases = (after: string) => `
  SELECT name, name FROM system.databases
  WHERE name NOT IN ('system', 'information_schema', 'INFORMATION_SCHEMA') AND name > ${literal(after)}
  ORDER BY name`;

const tables = (database: string, after: string) => `
  SELECT name, name, engine LIKE '%View' FROM system.tables
  WHERE database = ${literal(database)} AND name > ${literal(after)} AND NOT is_temporary
  ORDER BY name`;

const columns = (database: string, table: string, after: string) => `
  SELECT name, toString(position), type FROM system.columns
  WHERE database = ${literal(database)} AND table = ${literal(table)} AND position > ${after}
    AND default_kind != 'EPHEMERAL'
  ORDER BY position`;

const limited = (sql: string, limit: number) => `${sql}\n  LIMIT ${Math.trunc(limit)}`;

const toNames = ([name, key]: readonly unknown[]) => ({ name, key });

/** Browses the tables of `system`, which show what the login may access. */
export function clickHouseCatalog(run: RunStatement): SystemCatalog {
  return {
    root: 'database',
    schemas: async (_parents, after, limit) =>
      (await run(limited(databases(after ?? ''), limit))).map(toNames),
    tables: async ([database = ''], after, limit) => {
      const rows = await run(limited(tables(database, after ?? ''), limit));
      return rows.map((row) => ({ ...toNames(row), isView: Number(row[2]) === 1 }));
    },
    columns: async ([database = '', table = ''], after, limit) => {
      if (after !== null && !/^\d{1,5}$/.test(after)) {
        throw new ConnectorError('invalid_query', 'Invalid page token. Restart from the first page.');
      }
      const rows = await run(limited(columns(database, table, after ?? '0'), limit));
      return rows.map((row) => {
        const isNullable = /\bNullable\(|^(?:Variant|Dynamic)\b/.test(String(row[2]));
        return { ...toNames(row), type: row[2], isNullable };
      });
    },
  };
}
