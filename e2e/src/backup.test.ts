import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { full } from '@mooring/lab/test-tier';
import { type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import { afterAll, expect, it } from 'vitest';
import { startMooring } from './mooring-process.js';
import { executable } from './product.js';

const folder = mkdtempSync(path.join(tmpdir(), 'mooring-backup-'));
const configuration = { egress: { loopback: 'deny' } };
const connectionProperties = {
  ...{ host: '127.0.0.1', port: 9, db: 'd', username: 'u' },
  password: 'canary-of-the-backup',
};
const mooringCommand = (words: string[], environment: Record<string, string> = {}) =>
  promisify(execFile)(process.execPath, [executable, ...words], {
    env: { ...process.env, ...environment },
  });
const masterKeyTo = (from: string, to: string) => {
  mkdirSync(to, { mode: 0o700 });
  copyFileSync(path.join(from, 'master.key'), path.join(to, 'master.key'));
};

async function connect(api: ApiClient, qName: string): Promise<string> {
  const answer = await api.post('/api/v1/data-connections', {
    datasourceID: 'postgres',
    qName,
    connectionProperties,
  });
  expect(answer.status, answer.text).toBe(201);
  return answer.body.qID;
}

const browse = (api: ApiClient, id: string) => api.post(`/api/v1/data-connections/${id}/actions/browse`, {});
/** The gate refuses what comes after the credential was opened. */
const opens = async (api: ApiClient, id: string): Promise<boolean> =>
  (await browse(api, id)).body.errors?.[0]?.code === 'EGRESS-REFUSED';

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('R24: a backup under load has all that was acknowledged before, and opens under the master key alone', async () => {
  const dataFolder = path.join(folder, 'data');
  const mooring = await startMooring({ dataFolder, configuration });
  const api = apiClient(mooring.url, mooring.adminKey);
  const made: string[] = [];
  let isOver = false;
  const writer = async (name: string) => {
    for (let number = 0; !isOver; number += 1) {
      made.push(await connect(api, `${name} ${number}`));
    }
  };
  const writers = ['a', 'b', 'c'].map(writer);
  await expect.poll(() => made.length, { timeout: 20_000 }).toBeGreaterThan(full(100, 30));
  const before = [...made];
  const backup = path.join(folder, 'backup.db');
  const keyring = path.join(folder, 'keyring.json');
  await mooringCommand(['backup', backup, '--keyring', keyring, '--data', dataFolder]);
  await expect.poll(() => made.length).toBeGreaterThan(before.length);
  isOver = true;
  await Promise.all(writers);
  await mooring.stop();

  for (const file of [backup, keyring]) {
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'latin1')).not.toContain(connectionProperties.password);
  }
  const { keys } = JSON.parse(readFileSync(keyring, 'utf8')) as { keys: { ciphertext: string }[] };
  expect(keys.length).toBeGreaterThan(0);
  for (const key of keys) expect(readFileSync(backup, 'latin1')).not.toContain(key.ciphertext);
  const again = ['--keyring', keyring, '--data', dataFolder];
  await expect(mooringCommand(['backup', backup, ...again])).rejects.toThrow('already exists');
  await expect(mooringCommand(['restore', backup, ...again])).rejects.toThrow('already');

  const elsewhere = path.join(folder, 'restored');
  const toElsewhere = ['restore', backup, '--keyring', keyring, '--data', elsewhere];
  await expect(mooringCommand(toElsewhere)).rejects.toThrow('The master key is missing');
  masterKeyTo(dataFolder, elsewhere);
  const { stdout } = await mooringCommand(toElsewhere);
  expect(stdout).not.toContain('Lost');
  expect(stdout).toMatch(/Restored to .* in \d+ ms/);
  const restored = await startMooring({ dataFolder: elsewhere, configuration });
  const there = apiClient(restored.url, restored.adminKey);
  for (const id of before) {
    expect(await opens(there, id)).toBe(true);
  }
  await restored.stop();
});

it('V13, V14: what was deleted and shredded opens in no backup with the current keys', async () => {
  const dataFolder = path.join(folder, 'shredded');
  const mooring = await startMooring({ dataFolder, configuration });
  const api = apiClient(mooring.url, mooring.adminKey);
  const deleted = [await connect(api, 'deleted 1'), await connect(api, 'deleted 2')];
  const [before, after, keyring, oldKeyring] = ['before.db', 'after.db', 'now.json', 'old.json'].map((name) =>
    path.join(folder, name),
  ) as [string, string, string, string];
  await mooringCommand(['backup', before, '--keyring', keyring, '--data', dataFolder]);
  copyFileSync(keyring, oldKeyring);

  const access = { MOORING_URL: mooring.url, MOORING_API_KEY: mooring.adminKey };
  await mooringCommand(['revoke', '--all'], access);
  const kept = await connect(api, 'kept');
  const { stdout: said } = await mooringCommand(['keys', 'shred'], access);
  expect(said).toContain('cannot be decrypted with the current keyring');
  expect(await opens(api, kept), 'while it is served').toBe(true);
  await mooringCommand(['backup', after, '--keyring', keyring, '--data', dataFolder]);
  await mooring.stop();

  const restored = async (archive: string, keys: string) => {
    const data = path.join(folder, `of-${path.basename(archive)}-${path.basename(keys)}`);
    masterKeyTo(dataFolder, data);
    const { stdout, code } = await mooringCommand([
      'restore',
      archive,
      '--keyring',
      keys,
      '--data',
      data,
    ]).then(
      (done) => ({ ...done, code: 0 }),
      (failed: { stdout: string; code: number }) => failed,
    );
    const there = await startMooring({ dataFolder: data, configuration });
    return { there, stdout, code, api: apiClient(there.url, there.adminKey) };
  };
  const old = await restored(before, keyring);
  expect(old.code, 'LI3: restored, and some of it is lost').toBe(2);
  expect(old.stdout).toMatch(/Lost: 2 logins of credentials/);
  for (const id of deleted) {
    const answer = await browse(old.api, id);
    expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
    expect(answer.text).not.toContain('EGRESS-REFUSED');
  }
  await old.there.stop();
  const now = await restored(after, keyring);
  expect([now.code, now.stdout]).toEqual([0, expect.not.stringContaining('Lost')]);
  expect(await opens(now.api, kept)).toBe(true);
  await now.there.stop();
  // It is the keyring that decides: with a copy from before, which the operator must destroy, they would open.
  const copied = await restored(before, oldKeyring);
  for (const id of deleted) expect(await opens(copied.api, id)).toBe(true);
  await copied.there.stop();
});
