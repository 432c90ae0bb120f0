import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { full } from '@mooring/lab/test-tier';
import { type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import Database from 'libsql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inParallel } from './in-parallel.js';
import { startMooring } from './mooring-process.js';

// docs/guides/change-a-password-everywhere.md: all credentials switch or none does, wherever the process is killed.

const rounds = full(15, 3);
const credentials = 200;
/** Of them, on a connection that is rehearsed. */
const connected = 20;
const folder = mkdtempSync(path.join(tmpdir(), 'mooring-change-crash-'));
const dataFolder = path.join(folder, 'data');
const connections: string[] = [];

/** Takes any password and answers with it, so that what a connection uses can be seen. */
const seen = new Map<string, number>();
let onSeen: (password: string) => void = () => undefined;
const source = createServer((request, response) => {
  const basic = Buffer.from((request.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString();
  const password = basic.slice(basic.indexOf(':') + 1);
  seen.set(password, (seen.get(password) ?? 0) + 1);
  onSeen(password);
  response.setHeader('content-type', 'application/json').end(JSON.stringify([{ password }]));
});

beforeAll(async () => {
  await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  source.close();
  rmSync(folder, { recursive: true, force: true });
});

const start = async () => {
  const mooring = await startMooring({ dataFolder });
  return { mooring, api: apiClient(mooring.url, mooring.adminKey) };
};

async function createAll(api: ApiClient, password: string): Promise<void> {
  const url = `http://127.0.0.1:${(source.address() as AddressInfo).port}/items`;
  const tasks = Array.from({ length: credentials }, (_, number) => async () => {
    const login = { url, authSchema: 'basic', username: `user${number}`, password };
    const isConnected = number % (credentials / connected) === 0;
    const answer = isConnected
      ? await api.post('/api/v1/data-connections', {
          datasourceID: 'rest',
          qName: `items ${number}`,
          connectionProperties: { ...login, separateCredentials: true, credentialsName: `login ${number}` },
        })
      : await api.post('/api/v1/data-credentials', {
          ...{ datasourceID: 'rest', qName: `login ${number}`, connectionProperties: login },
        });
    expect(answer.status, answer.text).toBe(201);
    if (isConnected) connections.push(answer.body.qID);
  });
  await inParallel(8, tasks);
}

/** The secrets that the connections use; one, when all use the same. */
async function secretsInUse(api: ApiClient): Promise<string[]> {
  const tasks = connections.map((id) => async () => {
    const url = `/api/v1/data-connections/${id}/actions/read`;
    const answer = await api.post(url, { path: [] }, { accept: 'application/x-ndjson' });
    expect(answer.status, answer.text).toBe(200);
    return /secret \d+/.exec(answer.text)?.[0] ?? answer.text;
  });
  return [...new Set(await inParallel(8, tasks))];
}

/** Each credential is switched as often as every other: also those that no connection shows. */
function versionsInStore(): unknown[] {
  const database = new Database(path.join(dataFolder, 'mooring.db'), { readonly: true });
  try {
    return database.prepare('SELECT version, count(*) AS count FROM credential GROUP BY version').all();
  } finally {
    database.close();
  }
}

const change = (api: ApiClient, qPassword: string) =>
  api.post('/api/v1/data-credentials/actions/change', { datasourceID: 'rest', qPassword });
const changesOf = async (api: ApiClient) => (await api.get('/api/v1/data-credential-changes')).body.data;

/** Resolves when the last connection has been rehearsed with that secret: the switch comes next. */
const rehearsed = (password: string) =>
  new Promise<void>((resolve) => {
    onSeen = (at) => {
      if (at === password && seen.get(password) === connected) resolve();
    };
  });

it('R01: a kill during one change of 200 credentials leaves all with the new secret or all with the former, and what was switched can be undone', async () => {
  let { mooring, api } = await start();
  await createAll(api, 'secret 0');

  const last = rehearsed('secret 1');
  const timed = change(api, 'secret 1');
  await last;
  const begun = performance.now();
  expect((await timed).body.ok).toBe(true);
  const switchMs = performance.now() - begun;
  let current = 'secret 1';
  let known = 1;
  const switched: boolean[] = [];

  for (let round = 1; round <= rounds; round += 1) {
    const next = `secret ${round + 1}`;
    const reached = rehearsed(next);
    const asked = change(api, next).catch(() => undefined);
    await reached;
    // From the first moment to after the end; the last round waits for the answer.
    if (round === rounds) await asked;
    else await pause((1.2 * switchMs * (round - 1)) / rounds);
    await mooring.kill();
    const isAcknowledged = (await asked)?.body.ok === true;
    await mooring.stop();
    ({ mooring, api } = await start());

    const [inUse, ...others] = await secretsInUse(api);
    expect(others, `round ${round}: connections with other secrets`).toEqual([]);
    expect([current, next]).toContain(inUse);
    const isSwitched = inUse === next;
    if (isAcknowledged) expect(isSwitched, `round ${round} was acknowledged`).toBe(true);
    expect(versionsInStore()).toEqual([{ version: expect.any(Number), count: credentials }]);
    known += isSwitched ? 1 : 0;
    const changes = await changesOf(api);
    expect(changes).toHaveLength(known);
    switched.push(isSwitched);
    if (!isSwitched) continue;
    if (round % 2 === 0) {
      current = next;
      continue;
    }
    expect(changes[0].credentialIds).toHaveLength(credentials);
    const undone = await api.post(`/api/v1/data-credential-changes/${changes[0].id}/actions/undo`);
    expect(undone.body.status, undone.text).toBe('undone');
    expect(await secretsInUse(api)).toEqual([current]);
  }
  // The kills say something only if they came on both sides of the commit.
  expect(switched[0]).toBe(false);
  expect(switched.at(-1)).toBe(true);
  expect(await mooring.stop()).toBe(0);
}, 600_000);
