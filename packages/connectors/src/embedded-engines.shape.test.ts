import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { manifests } from './registry.js';

const engine =
  /sqlite|duckdb|libsql|chdb|clickhouse-local|pglite|sql\.?js|alasql|datafusion|odbc|jdbc|realm|leveldb|lmdb/i;

it('D06: no source runs a database engine in the process, so no SQL of a user reaches its files', () => {
  const own = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const libraries = Object.keys(own.dependencies);
  expect(libraries.length).toBeGreaterThan(5);
  expect(libraries.filter((name) => engine.test(name))).toEqual([]);
  // Every source that takes a query sends it to a server that is reached through the gate.
  const querying = manifests.filter(({ abilities }) => abilities.query).map(({ id }) => id);
  expect(querying.toSorted()).toEqual(['clickhouse', 'gbq', 'mariadb', 'mysql', 'postgres']);
});
