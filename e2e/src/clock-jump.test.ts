import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { apiClient } from '@mooring/server/testing/api-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { preloads } from './product.js';
import { askWho, connectWarehouse, type SignInLab, startSignInLab } from './sign-in-lab.js';

// The wall clock of the machine jumps an hour ahead, back, and an hour behind, under a running process.

const hourMs = 3_600_000;

let folder: string;
let skewFile: string;
let lab: SignInLab;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'mooring-clock-'));
  skewFile = path.join(folder, 'skew');
  writeFileSync(skewFile, '0');
  const environment = {
    NODE_OPTIONS: `--import=${pathToFileURL(preloads.clockSkew).href}`,
    CLOCK_SKEW_FILE: skewFile,
  };
  lab = await startSignInLab({ environment });
});
afterAll(async () => {
  await lab?.close();
  rmSync(folder, { recursive: true, force: true });
});

it('R26: an hour ahead, back and behind costs at most one token call, no grant, no write and no wait', async () => {
  const { mooring, authorizationServer: server } = lab;
  const api = apiClient(mooring.url, mooring.adminKey);
  let keys = 0;
  /** A write, whose time of making shows the clock that the process has. */
  const aheadMs = async (): Promise<number> => {
    keys += 1;
    const made = await api.post('/api/v1/spaces', { name: `space ${keys}`, type: 'shared' });
    expect(made.status, made.text).toBe(201);
    return Date.parse(made.body.createdAt) - Date.now();
  };
  const jumpTo = async (skewMs: number) => {
    writeFileSync(skewFile, String(skewMs));
    await expect.poll(async () => Math.round(Math.abs((await aheadMs()) - skewMs) / hourMs)).toBe(0);
    server.resetCounts();
  };

  const connection = await connectWarehouse(lab, api);
  const readAll = async () => {
    for (const answer of await Promise.all(Array.from({ length: 20 }, () => askWho(api, connection)))) {
      expect(answer.status, answer.text).toBe(200);
    }
  };
  await readAll();
  const left = await api.post('/api/v1/data-connections', {
    datasourceID: 'gbq',
    qName: 'left open',
    connectionProperties: { OAuthMechanism: '1', Catalog: lab.bigquery.projectId },
    authUrlOnly: true,
  });

  await jumpTo(hourMs);
  await readAll();
  await readAll();
  expect(server.counts().token.refresh_token, 'no storm').toBeLessThanOrEqual(1);
  // Ten minutes are over by any clock that it could have: the safe side.
  expect((await api.get(`/api/v1/sign-ins/${left.body.signInId}`)).body.state).toBe('expired');

  await jumpTo(0);
  await readAll();
  expect(server.counts().token.refresh_token).toBeLessThanOrEqual(1);

  await jumpTo(-hourMs);
  await readAll();
  // The stored end of the token lies far ahead by this clock: only the source can tell, and its 401 is enough.
  server.expireAccessTokens();
  await readAll();
  expect(server.counts().token.refresh_token).toBeLessThanOrEqual(2);
  expect(server.counts().token.refresh_token).toBeGreaterThanOrEqual(1);

  await jumpTo(0);
  server.expireAccessTokens();
  await readAll();
  expect((await api.get(`${connection}/credential`)).body.state).toBe('ready');
  expect((await api.get('/readyz')).status).toBe(200);
  expect((await api.get('/api/v1/spaces?limit=100')).body.data).toHaveLength(keys);
});

it('LI8: after two hours in which the machine slept, what is judged by time has the right one within seconds', async () => {
  const api = apiClient(lab.mooring.url, lab.mooring.adminKey);
  // As after a sleep: the wall clock has gone on, the monotonic one has not.
  for (const skewMs of [2 * hourMs, 0]) {
    writeFileSync(skewFile, String(skewMs));
    const behindMs = async (): Promise<number> => {
      const { data } = (await api.post('/api/v1/vault-keys/actions/rotate')).body;
      const { createdAt } = data.find((key: { state: string }) => key.state === 'active');
      return Math.abs(Date.now() + skewMs - Date.parse(createdAt));
    };
    await expect.poll(behindMs, { timeout: 10_000, interval: 1_000 }).toBeLessThan(60_000);
  }
});
