import { sql } from 'kysely';
import { describe, expect, inject, it } from 'vitest';
import { freshDatabase } from '../../testing/shared-database.js';
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
});
