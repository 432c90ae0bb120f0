import { startDatabaseRelay } from '@mooring/lab/postgres/relay';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { type ApiClient, apiClient } from '../../testing/api-client.js';
import { type DatabaseServer, type FreshDatabase, freshDatabase } from '../../testing/shared-database.js';
import { startServer, type TestServer } from '../../testing/start-server.js';
import { newHex } from '../crypto/random.js';

const newKey = () => Buffer.from(newHex(32), 'hex').toString('base64');

describe('a node that starts on a shared database', () => {
  let server: DatabaseServer;
  let database: FreshDatabase;
  let masterKey: string;
  const running: TestServer[] = [];

  beforeEach(async () => {
    const found = inject('databaseServer');
    if (!found) throw new Error('these tests belong to the project "PostgreSQL store"');
    server = found;
    database = await freshDatabase(server);
    masterKey = newKey();
  });
  afterEach(async () => {
    for (const node of running.splice(0)) await node.close();
    await database.drop();
  });

  const start = async (environment: Readonly<Record<string, string>> = {}): Promise<TestServer> => {
    const node = await startServer({
      database: 'given',
      environment: {
        MOORING_DATABASE_URL: database.url,
        MOORING_MASTER_KEY: masterKey,
        ...environment,
      },
    });
    running.push(node);
    return node;
  };
  const query = async (text: string): Promise<unknown[]> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  };
  const nobody = (node: TestServer): ApiClient => apiClient(node.url, undefined);
  const changed = (change: (url: URL) => void): string => {
    const url = new URL(database.url);
    change(url);
    return url.href;
  };

  /** Everything that is stored, except the lease of the clean-up, which a running node keeps renewing. */
  const storedText = async () =>
    (await database.text())
      .split('\n')
      .filter((row) => !row.includes('"name":"tidying"'))
      .join('\n');

  /** A node that has finished the writes of a start; the usage log is created afterwards. */
  const settledStart = async () => {
    await start();
    await expect.poll(() => query('select number from use_checkpoint')).not.toEqual([]);
  };

  it('V06, LI9: under another key does not start, and writes nothing', async () => {
    await settledStart();
    const before = await storedText();
    await expect(start({ MOORING_MASTER_KEY: newKey() })).rejects.toThrow(
      'The master key is not the one this data was written with',
    );
    expect(await storedText()).toBe(before);
  });

  it('creates no key for a database that already has one', async () => {
    await start();
    await expect(start({ MOORING_MASTER_KEY: '' })).rejects.toThrow('The master key is missing');
  });

  it('R03: of an older version refuses a database of a newer one, and changes nothing', async () => {
    await settledStart();
    await query("insert into kysely_migration (name, timestamp) values ('9999-newer', '2030-01-01')");
    const before = await storedText();
    await expect(start()).rejects.toThrow('The store is from a newer version of Mooring');
    expect(await storedText()).toBe(before);
  });

  it('R03: leaves no trace of an interrupted migration, and the next one completes', async () => {
    const relay = await startDatabaseRelay(server);
    relay.cutBefore('idempotent_request');
    const url = changed((through) => {
      through.port = String(relay.port);
    });
    const cut = await start({ MOORING_DATABASE_URL: url });
    expect(cut.logText()).toContain('sealed');
    await expect.poll(async () => (await nobody(cut).get('/readyz')).status, { timeout: 10_000 }).toBe(200);
    expect(await query('select id from tenant')).toHaveLength(1);
    await running.pop()?.close();
    await relay.close();
  });

  it('R32: waits for a database that comes up later than itself', async () => {
    const relay = await startDatabaseRelay(server);
    const { port } = relay;
    await relay.close();
    const early = await start({
      MOORING_DATABASE_URL: changed((through) => {
        through.port = String(port);
      }),
    });
    expect((await nobody(early).get('/healthz')).status).toBe(200);
    expect((await nobody(early).get('/readyz')).status).toBe(503);
    const late = await startDatabaseRelay(server, port);
    await expect
      .poll(
        async () =>
          (
            await nobody(early)
              .get('/readyz')
              .catch(() => undefined)
          )?.status,
        {
          timeout: 10_000,
        },
      )
      .toBe(200);
    expect((await apiClient(early.url, early.adminKey).get('/api/v1/spaces')).status).toBe(200);
    await running.pop()?.close();
    await late.close();
  });

  it('exits at once when the database refuses its login, and reveals no password', async () => {
    const password = `wrong-${newHex(8)}`;
    const url = changed((through) => {
      through.password = password;
    });
    const refused = await start({ MOORING_DATABASE_URL: url }).catch((error: unknown) => String(error));
    expect(refused).toContain('refuses the login');
    expect(refused).not.toContain(password);
  });

  it('takes nothing from the environment that the driver would read', async () => {
    const names = {
      PGHOST: 'nowhere.invalid',
      PGPORT: '1',
      PGUSER: 'nobody',
      PGDATABASE: 'nothing',
      PGPASSWORD: 'nonsense',
      PGOPTIONS: '-c nonsense=1',
      PGSSLMODE: 'require',
      PGAPPNAME: 'another',
    };
    Object.assign(process.env, names);
    try {
      const node = await start();
      const ready = await nobody(node).get('/readyz');
      expect(ready.status, ready.text).toBe(200);
    } finally {
      for (const name of Object.keys(names)) delete process.env[name];
    }
    const used = await query(
      'select distinct application_name from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    expect(used).toEqual([{ application_name: 'mooring' }]);
  });

  it('R02: warns of a database that acknowledges what a crash can lose', async () => {
    const name = new URL(database.url).pathname.slice(1);
    // The database of the tests runs without durability.
    for (const setting of ['off', 'on']) {
      await query(`alter database ${name} set synchronous_commit = ${setting}`);
      const logged = (await start()).logText();
      expect(logged).toContain('set synchronous_commit and fsync to on');
      expect(logged).toContain(`"synchronousCommit":"${setting}","fsync":"off"`);
    }
  });
});
