import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { type FormerStand, startFormerStand } from '@mooring/server/core/store/__fixtures__/former-store';
import { type FreshDatabase, freshDatabase } from '@mooring/server/testing/shared-database';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMooring } from '../mooring-process.js';
import { executable } from '../product.js';

// The upgrade of a store of 0.1.0 and its move to PostgreSQL, each killed in the middle of it, again and again.

describe('a store of 0.1.0', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-upgrade-'));
  const dataFolder = path.join(folder, 'data');
  const configFile = path.join(folder, 'config.yaml');
  let stand: FormerStand;
  let server: LabPostgres;
  let database: FreshDatabase;

  beforeAll(async () => {
    [stand, server] = await Promise.all([startFormerStand(), startPostgres({ rowsInBig: 1 })]);
    database = await freshDatabase(server);
    stand.unpack(dataFolder);
    writeFileSync(configFile, JSON.stringify(stand.configuration), { mode: 0o600 });
  });
  afterAll(async () => {
    await database.drop();
    await Promise.all([stand.close(), server.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (words: readonly string[], environment: Readonly<Record<string, string>> = {}) => {
    const { PATH = '' } = process.env;
    const child = spawn(
      process.execPath,
      [executable, ...words, '--data', dataFolder, '--config', configFile],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH, HOME: folder, ...stand.environment, ...environment },
      },
    );
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    }
    const ended = once(child, 'close').then(([code]) => code as number | null);
    return { child, ended, said: () => said };
  };

  it('is upgraded by the start that is not killed, whenever the ones before were', async () => {
    const rounds = 24;
    const begun = performance.now();
    const probe = run(['serve', '--port', '0']);
    await once(probe.child.stderr, 'data');
    probe.child.kill('SIGKILL');
    await probe.ended;
    const untilItWorks = performance.now() - begun;
    for (let round = 0; round < rounds; round += 1) {
      const { child, ended } = run(['serve', '--port', '0']);
      const timer = setTimeout(() => child.kill('SIGKILL'), untilItWorks * (0.7 + (0.6 * round) / rounds));
      child.stdout.once('data', () => child.kill('SIGKILL'));
      await ended;
      clearTimeout(timer);
    }
    const mooring = await startMooring({ ...stand, dataFolder });
    await stand.walk(mooring.url);
    expect(await mooring.stop()).toBe(0);
  }, 600_000);

  const hasRows = async (client: pg.Client, table: string): Promise<boolean> => {
    const { rows } = await client.query(`select to_regclass('"${table}"') is not null as is_there`);
    return rows[0].is_there && (await client.query(`select 1 from "${table}" limit 1`)).rows.length > 0;
  };

  it('is moved to PostgreSQL by the move that is not killed, and by no other; its password is not printed', async () => {
    const given = { MOORING_DATABASE_URL: database.url };
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    for (const table of ['kysely_migration', 'audit_event', 'tenant', 'connection', 'secret', 'use_record']) {
      const { child, ended } = run(['move'], given);
      let code: number | null | undefined;
      void ended.then((ending) => {
        code = ending;
      });
      await expect.poll(() => code !== undefined || hasRows(client, table), { interval: 2 }).toBe(true);
      child.kill('SIGKILL');
      await ended;
    }
    await client.end();
    const half = run(['serve', '--port', '0'], given);
    const last = await half.ended;
    if (last !== null) expect([last, half.said()]).toEqual([1, expect.stringContaining('being moved')]);
    const { ended, said } = run(['move', '--to', database.url]);
    expect([await ended, said()]).toEqual([0, expect.stringContaining('sealed records verified')]);
    expect(said()).not.toContain(new URL(database.url).password);
    const former = run(['serve', '--port', '0']);
    expect([await former.ended, former.said()]).toEqual([
      1,
      expect.stringContaining('was moved to PostgreSQL'),
    ]);
    const mooring = await startMooring({
      ...stand,
      environment: { ...stand.environment, ...given },
      dataFolder,
    });
    await stand.walk(mooring.url);
    expect(await mooring.stop()).toBe(0);
  }, 600_000);
});
