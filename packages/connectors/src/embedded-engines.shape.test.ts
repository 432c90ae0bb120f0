import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { manifestOf } from './kit/manifest.js';
import { withDefaults } from './kit/properties.js';
import { endpointsOf } from './kit/typed-input.js';
import { manifests, sourceOf } from './registry.js';
import { harnesses } from './suite/harnesses.js';

const engine =
  /sqlite|duckdb|libsql|chdb|clickhouse-local|pglite|sql\.?js|alasql|datafusion|odbc|jdbc|realm|leveldb|lmdb/i;

it('D06: no source runs a database engine in the process, so no SQL of a user reaches its files', () => {
  const own = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const libraries = Object.keys(own.dependencies);
  expect(libraries.length).toBeGreaterThan(5);
  expect(libraries.filter((name) => engine.test(name))).toEqual([]);
});

const place = { host: '127.0.0.1', port: 1, url: 'http://127.0.0.1:1' };
const querying = manifests.filter(({ abilities }) => abilities.query).map(({ id }) => id);

it.each(querying)('D06: %s sends the queries of users to a server', (id) => {
  const harness = new Map(harnesses).get(id);
  const { definition } = harness?.destinations({ here: place, there: place, certificate: '' }) ?? {};
  const source = sourceOf(id);
  const endpoints = endpointsOf(source, withDefaults(manifestOf(source), definition ?? {}), {});
  expect(endpoints.filter(({ role, host, port }) => role === 'data' && host !== '' && port > 0)).toHaveLength(
    1,
  );
});
