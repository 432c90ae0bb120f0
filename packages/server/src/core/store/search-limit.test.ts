import { sql } from 'kysely';
import pg from 'pg';
import { describe, expect, inject, it } from 'vitest';
import { apiClient } from '../../testing/api-client.js';
import { freshDatabase } from '../../testing/shared-database.js';
import { startNodes } from '../../testing/start-nodes.js';
import type { TestServer } from '../../testing/start-server.js';
import { openPostgresStore } from './postgres-store.js';
import { ReadTooLongError, StoreUnavailableError } from './store-error.js';

describe('searches of a shared store', () => {
  it('NO5: end after a second, and say so; the next one runs, and none writes', async () => {
    const server = inject('databaseServer');
    if (!server) throw new Error('no PostgreSQL');
    const database = await freshDatabase(server);
    const store = openPostgresStore({ url: database.url });
    try {
      const long = store.search((tx) => sql`select pg_sleep(3)`.execute(tx));
      await expect(long).rejects.toBeInstanceOf(ReadTooLongError);
      const one = await store.search((tx) => sql<{ n: number }>`select 5 as n`.execute(tx));
      expect(one.rows).toEqual([{ n: 5 }]);
      const write = store.search((tx) => sql`create table t (n integer)`.execute(tx));
      await expect(write).rejects.toBeInstanceOf(StoreUnavailableError);
    } finally {
      await store.close();
      await database.drop();
    }
  });

  it('NO5: a search that takes longer is a 503 that says what to use instead, and holds up no other request', async () => {
    const { nodes, database, close } = await startNodes({ count: 1 });
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      const [{ url, adminKey }] = nodes as [TestServer];
      const admin = apiClient(url, adminKey);
      const list = `/api/v1/data-connections?limit=20&filter=${encodeURIComponent('qName co "a"')}`;
      expect((await admin.get(list)).status).toBe(200);
      // What a scan of very many rows does to the time of the statement.
      await client.query('begin; lock table connection in access exclusive mode');
      const [long, other] = await Promise.all([admin.get(list), admin.get('/api/v1/users/me')]);
      expect(other.status).toBe(200);
      expect(long.status, long.text).toBe(503);
      expect(long.headers.get('retry-after')).toBe('2');
      expect(long.body.errors[0]).toMatchObject({ code: 'BUSY' });
      expect(long.text).toContain('use sw or eq on qName');
      await client.query('rollback');
      expect((await admin.get(list)).status).toBe(200);
    } finally {
      await client.end();
      await close();
    }
  });
});
