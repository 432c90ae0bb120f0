import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { seededInt } from '@mooring/lab/seeded';
import { full } from '@mooring/lab/test-tier';
import { type Answer, type ApiClient, apiClient } from '@mooring/server/testing/api-client';
import Database from 'libsql';
import { afterAll, expect, it } from 'vitest';
import { type MooringProcess, startMooring } from './mooring-process.js';

// Keys are rotated under fifty requests a second, and the process is killed in the middle, again and again. What was
// answered must have been answered right, and at the end everything opens without the keys of before.

const rounds = full(50, 4);
const randomInt = seededInt();
const betweenRequestsMs = 20;
const seeded = full(150, 60);
const folder = mkdtempSync(path.join(tmpdir(), 'mooring-rotation-'));
const dataFolder = path.join(folder, 'data');
/** A use ends at the gate, after the credential was opened. */
const configuration = { egress: { loopback: 'deny' } };
const connectionProperties = { host: '127.0.0.1', port: 9, db: 'd', username: 'u', password: 'p' };

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = () => startMooring({ dataFolder, configuration });
/** Ids of connections whose creation was acknowledged. */
const acknowledged: string[] = [];
const wrong: string[] = [];
let answered = 0;

const answeredOne = () => {
  answered += 1;
};
/** A connection that broke with the process has no answer that could be wrong. */
const brokenOff = (error: unknown) => {
  if (!(error instanceof TypeError)) throw error;
};

const browse = (api: ApiClient, id: string) => api.post(`/api/v1/data-connections/${id}/actions/browse`, {});
const opened = ({ body }: Answer): boolean => body.errors?.[0]?.code === 'EGRESS-REFUSED';

async function create(api: ApiClient, qName: string): Promise<void> {
  const answer = await api.post('/api/v1/data-connections', {
    datasourceID: 'postgres',
    qName,
    connectionProperties,
  });
  if (answer.status === 201) acknowledged.push(answer.body.qID);
  else wrong.push(`create: ${answer.status} ${answer.text}`);
}

async function use(api: ApiClient, action: 'browse' | 'read' | 'test'): Promise<void> {
  const id = acknowledged[randomInt(0, acknowledged.length)] ?? '';
  const body = action === 'read' ? { query: 'select 1' } : {};
  const answer = await api.post(`/api/v1/data-connections/${id}/actions/${action}`, body);
  const isRight = action === 'test' ? answer.status === 200 || opened(answer) : opened(answer);
  if (!isRight) wrong.push(`${action}: ${answer.status} ${answer.text}`);
}

/** A request each 20 ms, none waiting for another, until the process is gone. */
async function load(mooring: MooringProcess, round: number, until: Promise<unknown>): Promise<void> {
  const api = apiClient(mooring.url, mooring.adminKey);
  const requests: Promise<void>[] = [];
  let isOver = false;
  void until.then(() => {
    isOver = true;
  });
  for (let number = 0; !isOver; number += 1) {
    const kind = number % 4;
    const request =
      kind === 0
        ? create(api, `r${round}-${number}`)
        : use(api, (['browse', 'read', 'test'] as const)[kind - 1] ?? 'browse');
    requests.push(request.then(answeredOne, brokenOff));
    await pause(betweenRequestsMs);
  }
  await Promise.all(requests);
}

interface VaultKey {
  id: string;
  state: string;
  records: number;
}

const keysOf = async (api: ApiClient): Promise<VaultKey[]> => (await api.get('/api/v1/vault-keys')).body.data;

function query(sql: string, ...values: unknown[]): Record<string, string>[] {
  const database = new Database(path.join(dataFolder, 'mooring.db'));
  try {
    const statement = database.prepare(sql);
    if (/^SELECT/.test(sql)) return statement.all(...values) as Record<string, string>[];
    statement.run(...values);
    return [];
  } finally {
    database.close();
  }
}

function storedText(): string {
  const files = ['mooring.db', 'mooring.db-wal'].map((name) => path.join(dataFolder, name));
  return files.map((file) => (existsSync(file) ? readFileSync(file, 'latin1') : '')).join('');
}

it('V09, V10, V13: no request fails and no record is lost through kills during rotations under load; retired keys open nothing', async () => {
  let mooring = await start();
  const first = apiClient(mooring.url, mooring.adminKey);
  for (let number = 0; number < seeded; number += 1) await create(first, `seed ${number}`);
  const [, kept] = query(
    'SELECT * FROM secret WHERE record_id IN (SELECT id FROM credential) ORDER BY record_id',
  );

  for (let round = 1; round <= rounds; round += 1) {
    const api = apiClient(mooring.url, mooring.adminKey);
    const dying = (async () => {
      const enough = answered + randomInt(8, 24);
      while (answered < enough) await pause(5);
      // Not awaited: the kill is to fall anywhere in and after it.
      const rotating = api.post('/api/v1/vault-keys/actions/rotate').catch((error: unknown) => error);
      await pause(randomInt(0, 400));
      await mooring.kill();
      await rotating;
    })();
    await load(mooring, round, dying);
    mooring = await start();
    const unlisted = query('SELECT record_id FROM secret WHERE key_id NOT IN (SELECT id FROM vault_key)');
    expect(unlisted, `round ${round}: records under a key that is not there`).toEqual([]);
  }
  expect(wrong).toEqual([]);
  expect(answered).toBeGreaterThan(rounds * 10);

  const api = apiClient(mooring.url, mooring.adminKey);
  const previous = (await keysOf(api)).filter(({ state }) => state === 'previous');
  expect(previous.length).toBeGreaterThan(Math.floor(rounds / 10));
  const sealedKeys = query("SELECT ciphertext FROM vault_key WHERE state = 'previous'");
  await expect
    .poll(
      async () => {
        const statuses = [];
        for (const { id } of previous) {
          statuses.push((await api.post(`/api/v1/vault-keys/${id}/actions/retire`)).status);
        }
        return statuses.every((status) => status === 204 || status === 404);
      },
      { timeout: 40_000, interval: 1_000 },
    )
    .toBe(true);
  expect(sealedKeys.length).toBeGreaterThan(0);
  const stored = storedText();
  for (const { ciphertext = '' } of sealedKeys) {
    expect(stored.includes(ciphertext), 'a retired key in the files').toBe(false);
  }

  await mooring.stop();
  mooring = await start();
  const last = apiClient(mooring.url, mooring.adminKey);
  for (const id of acknowledged) {
    const answer = await browse(last, id);
    expect(opened(answer), answer.text).toBe(true);
  }
  if (!kept) throw new Error('no row was kept');
  query(
    'UPDATE secret SET key_id = ?, wrapped_key = ?, ciphertext = ? WHERE record_id = ? AND field = ?',
    ...[kept['key_id'], kept['wrapped_key'], kept['ciphertext'], kept['record_id'], kept['field']],
  );
  const [owner] = query('SELECT connection_id FROM credential WHERE id = ?', kept['record_id']);
  const copiedBack = await browse(last, owner?.['connection_id'] ?? '');
  expect(opened(copiedBack), 'a row from under a retired key').toBe(false);
  expect(copiedBack.status).toBeGreaterThanOrEqual(400);
  await mooring.stop();
}, 900_000);
