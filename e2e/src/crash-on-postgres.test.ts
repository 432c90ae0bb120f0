import { randomBytes } from 'node:crypto';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { full } from '@mooring/lab/test-tier';
import { apiClient } from '@mooring/server/testing/api-client';
import { type FreshDatabase, freshDatabase } from '@mooring/server/testing/shared-database';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { halfMade, killUnderMixedWrites } from './kill-loop.js';
import { gateIsShut, mixedWrites } from './mixed-writes.js';
import { startMooring } from './mooring-process.js';

const rounds = full(15, 2);
const databaseCrashes = full(6, 1);

describe('R01: on PostgreSQL', () => {
  let server: LabPostgres;
  beforeAll(async () => {
    server = await startPostgres({ rowsInBig: 1 });
  });
  afterAll(() => server.close());

  const withDatabase = async (
    work: (database: FreshDatabase, environment: Record<string, string>) => Promise<void>,
  ): Promise<void> => {
    const database = await freshDatabase(server);
    await work(database, {
      MOORING_DATABASE_URL: database.url,
      MOORING_MASTER_KEY: randomBytes(32).toString('base64'),
    });
    await database.drop();
  };

  const asked = async (connectionString: string, sql: string): Promise<Record<string, unknown>[]> => {
    const client = new pg.Client({ connectionString });
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };

  /** Processes of the server that work for Mooring. */
  const sessionsOfMooring = (url: string) =>
    asked(
      url,
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'mooring'`,
    );

  it('keeps every acknowledged write, and nothing half made, while the service is killed', async () => {
    await withDatabase(async ({ url }, environment) => {
      await killUnderMixedWrites(rounds, { environment }, async () => {
        // A commit that was sent before the kill may take effect until its session is gone.
        await expect.poll(() => sessionsOfMooring(url), { interval: 10 }).toEqual([]);
        for (const [what, sql] of Object.entries(halfMade)) expect(await asked(url, sql), what).toEqual([]);
      });
    });
  }, 600_000);

  it('keeps every acknowledged write, and recovers by itself, when the database crashes', async () => {
    await withDatabase(async (database, environment) => {
      const name = new URL(database.url).pathname.slice(1);
      await database.run(`alter database ${name} set synchronous_commit = on`);
      const writes = mixedWrites();
      const mooring = await startMooring({ configuration: gateIsShut, environment });
      const api = apiClient(mooring.url, mooring.adminKey);
      for (let crash = 0; crash < databaseCrashes; crash += 1) {
        let before: unknown[] = [];
        await writes.writeUntil(mooring, async () => {
          before = (await sessionsOfMooring(database.url)).map(({ pid }) => pid);
          // PostgreSQL then ends all sessions, drops what it has in shared memory and recovers from its log:
          // https://www.postgresql.org/docs/current/server-shutdown.html
          process.kill(Number(before[0]), 'SIGKILL');
        });
        await expect
          .poll(async () => (await api.get('/api/v1/spaces')).status, { timeout: 20_000 })
          .toBe(200);
        const after = (await sessionsOfMooring(database.url)).map(({ pid }) => pid);
        expect(after.filter((pid) => before.includes(pid))).toEqual([]);
        await writes.verify(api);
        for (const [what, sql] of Object.entries(halfMade)) {
          expect(await asked(database.url, sql), what).toEqual([]);
        }
      }
      expect(writes.count('created')).toBeGreaterThan(databaseCrashes);
      expect(await mooring.stop()).toBe(0);
    });
  });
});
