import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { apiClient } from '@mooring/server/testing/api-client';
import { afterEach, describe, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';
import { integrityOf, writes } from './store-writes.js';

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

describe('R10: a disk without room', () => {
  it.each([
    ['for the store', (dataFolder: string) => statSync(path.join(dataFolder, 'mooring.db-wal')).size],
    ['for a single byte, nor for the log', () => 0],
  ])(
    '%s: writes are refused by type, reads continue, and it is over as soon as there is room',
    async (_, limit) => {
      mooring = await startMooring({
        dataFolder: path.join(folder, 'data'),
        environment: { MOORING_LOG_LEVEL: 'debug' },
      });
      const { pid, dataFolder, logText } = mooring;
      // It ends with a checkpoint, which empties the log whose size is the limit.
      await expect.poll(logText).toContain('the store was cleaned up');
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
