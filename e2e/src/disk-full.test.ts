import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startPostgres } from '@mooring/lab/postgres';
import { fillDisk, seenBy } from '@mooring/lab/small-disk';
import { type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { freshDatabase } from '@mooring/server/testing/shared-database';
import Database from 'libsql';
import { afterEach, describe, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';

// The kernel refuses to let any file of the process grow, as a full disk or a used up quota does, and then lets it
// again. Nothing is mounted and no rights are needed, so it is the same in CI.

const folder = mkdtempSync(path.join(tmpdir(), 'mooring-disk-'));
let mooring: MooringProcess | undefined;

afterEach(async () => {
  await mooring?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const limitFiles = (pid: number, bytes: number | 'unlimited'): void => {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]);
};

/** Opens a copy of the store as another program would. */
function integrityOf(dataFolder: string): unknown {
  const copy = path.join(mkdtempSync(path.join(tmpdir(), 'mooring-copy-')), 'copy.db');
  for (const suffix of ['', '-wal']) {
    const file = path.join(dataFolder, `mooring.db${suffix}`);
    if (existsSync(file)) copyFileSync(file, copy + suffix);
  }
  const database = new Database(copy);
  try {
    return database.prepare('PRAGMA integrity_check').all();
  } finally {
    database.close();
    rmSync(path.dirname(copy), { recursive: true });
  }
}

const writes = {
  space: ['/api/v1/spaces', (name: string) => ({ name, type: 'shared' })],
  key: ['/api/v1/api-keys', (description: string) => ({ description })],
  connection: [
    '/api/v1/data-connections',
    (qName: string) => ({
      dataSourceId: 'rest',
      qName,
      connectionProperties: { url: 'http://127.0.0.1:9/', separateCredentials: 'false' },
    }),
  ],
} as const;

/** Writes until a hundred writes were refused; every answer must be true. @returns names that were acknowledged */
async function writeUntilRefused(api: ApiClient): Promise<string[]> {
  const acknowledged: string[] = [];
  const codes = new Map<string, number>();
  for (let round = 0; (codes.get('STORE-FULL') ?? 0) < 100; round += 1) {
    expect(round, 'writes that still found room').toBeLessThan(1_500);
    const [at, body] = round % 3 === 0 ? writes.space : writes.connection;
    const answer = await api.post(at, body(`full ${round}`));
    if (answer.status === 201) acknowledged.push(`full ${round}`);
    else {
      const { code } = answer.body.errors[0];
      expect([503, 507], answer.text).toContain(answer.status);
      expect(['STORE-FULL', 'NOT-READY'], answer.text).toContain(code);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    const reads = ['/api/v1/spaces?limit=1', '/api/v1/data-connections?limit=1', '/healthz'];
    for (const read of reads) expect((await api.get(read)).status, read).toBe(200);
  }
  return acknowledged;
}

/** Names of all that was written. */
async function namesAt(api: ApiClient): Promise<string[]> {
  const names: string[] = [];
  for (const [at] of [writes.space, writes.connection]) {
    for (let next: string | undefined = `${at}?limit=100`; next; ) {
      const { body } = await api.get(next);
      for (const { name, qName } of body.data) names.push(qName ?? name);
      const { href } = body.links.next ?? {};
      next = href && new URL(href).pathname + new URL(href).search;
    }
  }
  return names;
}

/** Before, while and after a disk is full for real. @param fill takes all its room, and gives back what ends that */
async function expectTruthOnFullDisk(process: MooringProcess, fill: () => () => void): Promise<void> {
  const api = apiClient(process.url, process.adminKey);
  expect((await api.post(writes.space[0], writes.space[1]('before'))).status).toBe(201);
  const makeRoom = fill();
  const acknowledged = await writeUntilRefused(api);
  makeRoom();
  const write = async () => (await api.post(writes.space[0], writes.space[1]('after'))).status;
  await expect.poll(write).toBe(201);
  expect((await namesAt(api)).toSorted()).toEqual(['after', 'before', ...acknowledged].toSorted());
}

describe('NO10: a disk that is full', () => {
  it('of the embedded store: answers say so and are true, reads go on, and it is over with room', async () => {
    const dataFolder = path.join(folder, 'small');
    mooring = await startMooring({
      dataFolder,
      diskBytes: 24 * 1024 * 1024,
      configuration: { rateLimits: 'off' },
    });
    const { pid } = mooring;
    await expectTruthOnFullDisk(mooring, () => fillDisk(pid, dataFolder));
    expect(integrityOf(seenBy(pid, dataFolder))).toEqual([{ integrity_check: 'ok' }]);
  });

  it('of PostgreSQL: answers say so and are true, reads go on, and it is over with room', async () => {
    const postgres = await startPostgres({ rowsInBig: 1, smallDiskBytes: 32 * 1024 * 1024 });
    const database = await freshDatabase(postgres, 'small');
    mooring = await startMooring({
      environment: {
        MOORING_DATABASE_URL: database.url,
        MOORING_MASTER_KEY: randomBytes(32).toString('base64'),
      },
      configuration: { rateLimits: 'off' },
    });
    await expectTruthOnFullDisk(mooring, postgres.fillSmallDisk);
    await mooring.stop();
    mooring = undefined;
    await database.drop();
    await postgres.close();
  });
});

describe('R10: a disk without room', () => {
  it.each([
    ['for the store', (dataFolder: string) => statSync(path.join(dataFolder, 'mooring.db-wal')).size],
    ['for a single byte, nor for the log', () => 0],
  ])(
    '%s: writes are refused by type, reads go on, and it is over as soon as there is room',
    async (_, limit) => {
      mooring = await startMooring({ dataFolder: path.join(folder, 'data') });
      const { pid, dataFolder } = mooring;
      const api = apiClient(mooring.url, mooring.adminKey);
      const acknowledged: string[] = [];
      const writeAll = async (round: string) => {
        const answers = [];
        for (const [kind, [at, body]] of Object.entries(writes)) {
          const name = `${round} ${kind}`;
          const answer = await api.post(at, body(name));
          if (answer.status === 201) acknowledged.push(name);
          answers.push(answer);
        }
        return answers;
      };
      expect((await writeAll('before')).map(({ status }) => status)).toEqual([201, 201, 201]);

      limitFiles(pid, limit(dataFolder));
      for (let round = 0; round < 5; round += 1) {
        for (const { status, body, headers, text } of await writeAll(`full ${round}`)) {
          expect([503, 507], text).toContain(status);
          expect(['STORE-FULL', 'NOT-READY']).toContain(body.errors[0].code);
          expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
        }
        for (const [at] of Object.values(writes)) expect((await api.get(at)).status).toBe(200);
        expect((await api.get('/healthz')).status).toBe(200);
      }
      expect(integrityOf(dataFolder)).toEqual([{ integrity_check: 'ok' }]);

      limitFiles(pid, 'unlimited');
      expect((await writeAll('after')).map(({ status }) => status)).toEqual([201, 201, 201]);
      const listed = [];
      for (const [at] of Object.values(writes)) {
        for (const { name, qName, description } of (await api.get(`${at}?limit=100`)).body.data) {
          listed.push(qName ?? name ?? description);
        }
      }
      expect(listed).toEqual(expect.arrayContaining(acknowledged));
      expect(listed.filter((name) => name?.startsWith('full'))).toEqual([]);
      expect(integrityOf(dataFolder)).toEqual([{ integrity_check: 'ok' }]);
    },
  );
});
