import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { apiClient } from '../../testing/api-client.js';
import { type DatabaseServer, type FreshDatabase, freshDatabase } from '../../testing/shared-database.js';
import { adminKey } from '../../testing/start-server.js';
import { copyTable, type TableShape, tablesOf } from '../move/tables.js';
import { lowerKeyFence, raiseKeyFence } from '../store/key-fence.js';
import { openPostgresStore } from '../store/postgres-store.js';
import { migrate, openStore } from '../store/store.js';
import { type SealedThings, startSealedThings } from './__fixtures__/sealed-things.js';

// A PostgreSQL store is backed up with its own tools, in two parts: all rows but those of `vault_key`, and these. Every
// archive with every keyring, as `pg_dump --exclude-table-data=vault_key` and `--data-only --table=vault_key` write them.

const moments = ['before', 'rotated', 'retired'] as const;
type Moment = (typeof moments)[number];

describe('restore drills on PostgreSQL', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-database-drills-'));
  const masterKey = 'ZGF0YWJhc2UtZHJpbGxzLW1hc3Rlci1rZXktMDEyMzQ=';
  const dumps = new Map<Moment, FreshDatabase>();
  const made: FreshDatabase[] = [];
  let things: SealedThings;
  let source: FreshDatabase;
  let tables: TableShape[];

  const fresh = async () => {
    const database = await freshDatabase(inject('databaseServer') as DatabaseServer);
    made.push(database);
    return database;
  };
  const environmentOf = ({ url }: FreshDatabase) => ({
    MOORING_DATABASE_URL: url,
    MOORING_MASTER_KEY: masterKey,
  });

  /** Copies some tables of one database to another. */
  const copy = async (from: FreshDatabase, to: FreshDatabase, which: (name: string) => boolean) => {
    const [one, other] = [from, to].map(({ url }) => openPostgresStore({ url, connectionsMax: 1 }));
    if (!one || !other) return;
    await migrate(other);
    await lowerKeyFence(other.db);
    for (const table of tables) if (which(table.name)) await copyTable(one.db, other.db, table);
    await raiseKeyFence(other.db);
    await Promise.all([one.close(), other.close()]);
  };
  const dump = async (moment: Moment) => {
    const database = await fresh();
    await copy(source, database, () => true);
    dumps.set(moment, database);
  };

  beforeAll(async () => {
    const embedded = openStore({ dataFolder: path.join(folder, 'shapes') });
    await migrate(embedded);
    tables = await tablesOf(embedded.db);
    await embedded.close();
    source = await fresh();
    things = await startSealedThings(environmentOf(source));
  });
  afterAll(async () => {
    await things.close();
    for (const database of made) await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is dumped before a rotation, while both keys are there, and after the first is retired', async () => {
    const admin = apiClient(things.server.url, adminKey);
    const keys = async (): Promise<{ id: string; state: string; records: number }[]> =>
      (await admin.get('/api/v1/vault-keys')).body.data;
    await dump('before');
    await admin.post('/api/v1/vault-keys/actions/rotate');
    await expect
      .poll(async () => (await keys()).filter(({ state, records }) => state === 'previous' && records > 0))
      .toEqual([]);
    await dump('rotated');
    await source.run(
      "update vault_key set replaced_at = '2026-01-01T00:00:00.000Z' where state = 'previous'",
    );
    for (const { id, state } of await keys())
      if (state === 'previous') await admin.post(`/api/v1/vault-keys/${id}/actions/retire`);
    await dump('retired');
  });

  const lostPairs = ['before retired', 'rotated before', 'retired before'];
  const pairs = moments.flatMap((archive) => moments.map((keyring) => [archive, keyring] as const));

  it.each(pairs)(
    'LI1: the dump of %s with the keyring of %s: every flow works, or the log of the first start says what is lost',
    async (archive, keyring) => {
      const isWhole = !lostPairs.includes(`${archive} ${keyring}`);
      const restored = await fresh();
      const of = (moment: Moment) => dumps.get(moment) as FreshDatabase;
      await copy(of(archive), restored, (name) => name !== 'vault_key');
      await copy(of(keyring), restored, (name) => name === 'vault_key');
      const there = await things.startOn(path.join(folder, `${archive}-${keyring}`), environmentOf(restored));
      try {
        expect(there.logText().includes('do not open:')).toBe(!isWhole);
        await things.walk(there.url, isWhole);
        await there.restart();
        expect((await apiClient(there.url, adminKey).get('/readyz')).status).toBe(200);
      } finally {
        await there.close();
      }
    },
  );
});
