import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { apiClient } from '@mooring/server/testing/api-client';
import { afterAll, expect, it } from 'vitest';
import { startMooring } from './mooring-process.js';
import { executable } from './product.js';
import { askWho, connectWarehouse, startSignInLab } from './sign-in-lab.js';
import { refusalOf } from './vault-stand.js';

const folder = mkdtempSync(path.join(tmpdir(), 'mooring-backup-grants-'));
const mooringCommand = (...words: string[]) => promisify(execFile)(process.execPath, [executable, ...words]);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('R25: a restored refresh token that was rotated since asks for a new sign-in, without a storm or a loop of token calls', async () => {
  const dataFolder = path.join(folder, 'data');
  const lab = await startSignInLab({ dataFolder });
  const { authorizationServer } = lab;
  const api = apiClient(lab.mooring.url, lab.mooring.adminKey);
  const connection = await connectWarehouse(lab, api);

  const [archive, keyring, elsewhere] = ['grants.db', 'keyring.json', 'restored'].map((name) =>
    path.join(folder, name),
  ) as [string, string, string];
  await mooringCommand('backup', archive, '--keyring', keyring, '--data', dataFolder);
  authorizationServer.expireAccessTokens();
  expect((await askWho(api, connection)).status, 'rotates the token').toBe(200);
  await lab.mooring.stop();

  mkdirSync(elsewhere, { mode: 0o700 });
  copyFileSync(path.join(dataFolder, 'master.key'), path.join(elsewhere, 'master.key'));
  await mooringCommand('restore', archive, '--keyring', keyring, '--data', elsewhere);
  authorizationServer.expireAccessTokens();
  authorizationServer.resetCounts();
  const restored = await startMooring({ dataFolder: elsewhere, configuration: lab.configuration });
  const there = apiClient(restored.url, restored.adminKey);
  const answers = await Promise.all(Array.from({ length: 30 }, () => askWho(there, connection)));
  expect(new Set(answers.map(refusalOf))).toEqual(new Set(['needs_sign_in']));
  const calls = authorizationServer.counts().token.refresh_token;
  expect(calls, 'far fewer than reads').toBeLessThan(answers.length / 5);
  for (let time = 0; time < 5; time += 1)
    expect(refusalOf(await askWho(there, connection))).toBe('needs_sign_in');
  expect(authorizationServer.counts().token.refresh_token, 'a dead grant is not tried again').toBe(calls);
  await restored.stop();
  await Promise.all([authorizationServer.close(), lab.bigquery.close()]);
});
