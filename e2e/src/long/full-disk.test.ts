import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startPostgres } from '@mooring/lab/postgres';
import { fillDisk, seenBy } from '@mooring/lab/small-disk';
import { type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { freshDatabase } from '@mooring/server/testing/shared-database';
import { afterEach, describe, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from '../mooring-process.js';
import { integrityOf, listed, writes } from '../store-writes.js';

// A disk that is full for real. In the quick tier the kernel refuses to let files grow (`disk-full.test.ts`).

const folder = mkdtempSync(path.join(tmpdir(), 'mooring-disk-'));
let mooring: MooringProcess | undefined;

afterEach(async () => {
  await mooring?.stop();
  rmSync(folder, { recursive: true, force: true });
});

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
  const paths = [writes.space, writes.connection].map(([at]) => `${at}?limit=100`);
  const lists = await Promise.all(paths.map((at) => listed(api, at)));
  return lists.flat().map(({ name, qName }) => qName ?? name ?? '');
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
  it('of the embedded store: answers say so and are true, reads continue, and it is over with room', async () => {
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

  it('of PostgreSQL: answers say so and are true, reads continue, and it is over with room', async () => {
    const postgres = await startPostgres({ rowsInBig: 1, smallDiskBytes: 32 * 1024 * 1024 });
    const database = await freshDatabase(postgres, { tablespace: 'small' });
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
