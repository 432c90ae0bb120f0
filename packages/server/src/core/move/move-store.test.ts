import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type ApiClient, apiClient } from '../../testing/api-client.js';
import { type DatabaseServer, type FreshDatabase, freshDatabase } from '../../testing/shared-database.js';
import { startServer } from '../../testing/start-server.js';
import { backUp } from '../backup/back-up.js';
import { loadConfig } from '../config/config.js';
import { type FormerStand, formerStore, startFormerStand } from '../store/__fixtures__/former-store.js';
import { moveStore } from './move-store.js';

// A store that 0.1.0 filled and this version upgraded, moved to PostgreSQL.

describe('mooring move', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-move-'));
  const data = path.join(folder, 'data');
  let stand: FormerStand;
  let database: FreshDatabase;
  const fresh = () => freshDatabase(inject('databaseServer') as DatabaseServer);
  /** @param to absent: the embedded store */
  const onServer = async (
    work: (url: string, admin: ApiClient) => Promise<unknown>,
    { to, dataFolder = data }: { to?: FreshDatabase; dataFolder?: string } = {},
  ) => {
    const environment = { ...stand.environment, ...(to ? { MOORING_DATABASE_URL: to.url } : {}) };
    const server = await startServer({ ...stand, environment, dataFolder, database: 'given' });
    await work(server.url, apiClient(server.url, formerStore.keys.admin)).finally(() => server.close());
  };
  const nothing = async () => undefined;
  const move = (to: FreshDatabase, { dataFolder = data, tell = (_: string) => {} } = {}) =>
    moveStore({ config: loadConfig({ data: dataFolder }, {}), to: to.url, tell });
  /** Interrupted where a row cannot be inserted, as a kill would between two statements. */
  const moveUntil = async (to: FreshDatabase, statement: string, undo: string) => {
    await to.run(statement);
    await expect(move(to)).rejects.toThrow(/does not take the rows/);
    await to.run(undo);
  };

  beforeAll(async () => {
    stand = await startFormerStand();
    database = await fresh();
    stand.unpack(data);
  });
  afterAll(async () => {
    await stand.close();
    await database.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('refuses a store of another version, a store that is being served, and a database in use, and changes nothing', async () => {
    // However it was passed; the password is not in it.
    const elsewhere = (url: string) => move({ ...database, url }).catch((error: Error) => error.message);
    const notThere = await elsewhere(`${database.url}_gone`);
    expect(notThere).toMatch(
      /^The database refuses the login, or does not exist\. Check its URL\. It says: .*_gone/,
    );
    expect(await elsewhere('postgres://127.0.0.1/without-a-user')).toBe(
      'The URL of the database must be postgres://user:password@host:port/database.',
    );
    await expect(move(database)).rejects.toThrow(/another version/);
    await onServer(async (url) => {
      await stand.walk(url);
      await expect(move(database)).rejects.toThrow(/Another Mooring process/);
    });
    const taken = await fresh();
    await onServer(nothing, { to: taken, dataFolder: path.join(folder, 'other') });
    await expect(move(taken)).rejects.toThrow(/already has a store/);
    await taken.drop();
  });

  it('resumes where it was interrupted, lets no server use the incomplete copy, and restarts when the store was served since', async () => {
    // The first attempt creates the tables.
    await expect(
      move(database, {
        tell: () => {
          throw new Error('cut off');
        },
      }),
    ).rejects.toThrow('cut off');
    await expect(onServer(nothing, { to: database })).rejects.toThrow(/being moved to this database/);
    await onServer(async (_, admin) => {
      const made = await admin.post('/api/v1/spaces', { name: 'made meanwhile', type: 'shared' });
      expect(made.status, made.text).toBe(201);
    });
    await moveUntil(
      database,
      "alter table secret add constraint stop check (record_kind <> 'use-key') not valid",
      'alter table secret drop constraint stop',
    );
    // As if it had been killed between two statements.
    await database.run("delete from secret where record_kind > 'credential'");
    // A copy that differs is not accepted.
    await database.run("update audit_event set user_id = user_id || '!'");
    await expect(move(database)).rejects.toThrow(/table audit_event of the database differs from the store/);
    await database.run("update audit_event set user_id = rtrim(user_id, '!')");
    const lines: string[] = [];
    const moved = await move(database, { tell: (line) => lines.push(line) });
    expect(moved).toMatchObject({ unreadable: 0, opened: expect.any(Number) });
    expect(moved.opened).toBeGreaterThan(20);
    expect([JSON.stringify(moved), ...lines].join('\n')).not.toContain(new URL(database.url).password);
  });

  it('leaves the folder marked, and everything works on PostgreSQL with it', async () => {
    const { host, pathname } = new URL(database.url);
    const place = `moved to PostgreSQL at ${host}${pathname}`;
    await expect(onServer(nothing)).rejects.toThrow(place);
    await expect(move(database)).rejects.toThrow(place);
    const config = loadConfig({ data }, {});
    const archive = path.join(folder, 'late.db');
    await expect(backUp({ config, archive, keyring: `${archive}.keys` })).rejects.toThrow(place);
    await onServer(
      async (url, admin) => {
        await stand.walk(url);
        const [event] = (await admin.get('/api/v1/audits?eventType=mooring.v1.store.moved')).body.data;
        expect(event.data).toMatchObject({ to: `${host}${pathname}` });
        const spaces = (await admin.get('/api/v1/spaces?limit=100')).body.data;
        expect(spaces.map(({ name }: { name: string }) => name)).toContain('made meanwhile');
      },
      { to: database },
    );
  });
});
