import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { apiClient } from '@mooring/server/testing/api-client';
import { afterAll, expect, it } from 'vitest';
import { startMooring } from './mooring-process.js';
import { startSealed } from './sealed-mooring.js';

const folder = mkdtempSync(path.join(tmpdir(), 'mooring-backup-'));
const configuration = { egress: { loopback: 'deny' } };
const connectionProperties = {
  ...{ host: '127.0.0.1', port: 9, db: 'd', username: 'u' },
  password: 'canary-of-the-backup',
};
const executable = fileURLToPath(new URL('../../packages/cli/bin/mooring.js', import.meta.url));
const mooringCommand = (...words: string[]) => promisify(execFile)(process.execPath, [executable, ...words]);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('R24: a backup under load has all that was acknowledged before, and opens under the master key alone', async () => {
  const dataFolder = path.join(folder, 'data');
  const mooring = await startMooring({ dataFolder, configuration });
  const api = apiClient(mooring.url, mooring.adminKey);
  const made: string[] = [];
  let isOver = false;
  const writer = async (name: string) => {
    for (let number = 0; !isOver; number += 1) {
      const qName = `${name} ${number}`;
      const answer = await api.post('/api/v1/data-connections', {
        datasourceID: 'postgres',
        qName,
        connectionProperties,
      });
      expect(answer.status, answer.text).toBe(201);
      made.push(answer.body.qID);
    }
  };
  const writers = ['a', 'b', 'c'].map(writer);
  await expect.poll(() => made.length, { timeout: 20_000 }).toBeGreaterThan(100);
  const before = [...made];
  const backup = path.join(folder, 'backup.db');
  await mooringCommand('backup', backup, '--data', dataFolder);
  await expect.poll(() => made.length).toBeGreaterThan(before.length);
  isOver = true;
  await Promise.all(writers);
  await mooring.stop();

  expect(statSync(backup).mode & 0o777).toBe(0o600);
  expect(readFileSync(backup, 'latin1')).not.toContain(connectionProperties.password);
  await expect(mooringCommand('backup', backup, '--data', dataFolder)).rejects.toThrow('is there already');
  await expect(mooringCommand('restore', backup, '--data', dataFolder)).rejects.toThrow('already');

  const elsewhere = path.join(folder, 'restored');
  const { stdout } = await mooringCommand('restore', backup, '--data', elsewhere);
  expect(stdout).toMatch(/Restored to .* in \d+ ms/);
  const withoutKey = await startSealed({ dataFolder: elsewhere });
  await withoutKey.stop();
  copyFileSync(path.join(dataFolder, 'master.key'), path.join(elsewhere, 'master.key'));
  const restored = await startMooring({ dataFolder: elsewhere, configuration });
  const there = apiClient(restored.url, restored.adminKey);
  for (const id of before) {
    const { body } = await there.post(`/api/v1/data-connections/${id}/actions/browse`, {});
    expect(body.errors[0].code).toBe('EGRESS-REFUSED');
  }
  await restored.stop();
}, 120_000);
