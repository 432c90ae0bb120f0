import { afterAll, beforeAll, expect, it } from 'vitest';
import { newHex } from '../../../core/crypto/random.js';
import { type ApiClient, addUser, apiClient } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const newMasterKey = () => Buffer.from(newHex(32), 'hex').toString('base64');
const environment: Record<string, string> = { MOORING_MASTER_KEY: newMasterKey() };

interface VaultKey {
  id: string;
  state: string;
  records: number;
}

let server: TestServer;
let admin: ApiClient;
const connections: string[] = [];

beforeAll(async () => {
  server = await startServer({ configuration: { egress: { loopback: 'deny' } }, environment });
  admin = apiClient(server.url, server.adminKey);
  for (let number = 1; number <= 120; number += 1) {
    const connectionProperties = { host: '127.0.0.1', port: 9, db: 'd', username: 'u', password: 'p' };
    const made = await admin.post(
      '/api/v1/data-connections',
      { datasourceID: 'postgres', qName: `c${number}`, connectionProperties },
      { 'idempotency-key': `key-${number}` },
    );
    expect(made.status, made.text).toBe(201);
    connections.push(made.body.qID);
  }
});
afterAll(() => server.close());

const keys = async (): Promise<VaultKey[]> => (await admin.get('/api/v1/vault-keys')).body.data;
const rotate = () => admin.post('/api/v1/vault-keys/actions/rotate');
const retire = (id: string) => admin.post(`/api/v1/vault-keys/${id}/actions/retire`);

/** The gate refuses what comes after the credential was opened. */
async function assertAllOpen(): Promise<void> {
  for (const id of connections) {
    const { body } = await admin.post(`/api/v1/data-connections/${id}/actions/browse`);
    expect(body.errors[0].code).toBe('EGRESS-REFUSED');
  }
}

const untilMoved = (id: string) =>
  expect.poll(async () => (await keys()).find((key) => key.id === id)?.records, { timeout: 20_000 }).toBe(0);

it('seals under one key from the first start', async () => {
  const [only, ...others] = await keys();
  expect(others).toEqual([]);
  expect(only).toMatchObject({ state: 'active' });
  expect(only?.records).toBeGreaterThanOrEqual(240);
});

it('is for administrators only', async () => {
  const bob = await addUser(server.url, server.adminKey, 'bob');
  for (const answer of [
    await bob.api.get('/api/v1/vault-keys'),
    await bob.api.post('/api/v1/vault-keys/actions/rotate'),
    await bob.api.post('/api/v1/vault-keys/x/actions/retire'),
  ]) {
    expect(answer.status, answer.text).toBe(403);
  }
});

it('V09: rotates while serving, and retires a key only when nothing is or can be sealed under it', async () => {
  const [before] = await keys();
  if (!before) throw new Error('no key');
  expect((await retire(before.id)).status).toBe(409);
  const rotated = await rotate();
  expect(rotated.status, rotated.text).toBe(200);
  const active = (await keys()).find(({ state }) => state === 'active');
  expect(active?.id).not.toBe(before.id);
  await untilMoved(before.id);
  await assertAllOpen();

  const repeated = await admin.post(
    '/api/v1/data-connections',
    {
      datasourceID: 'postgres',
      qName: 'c1',
      connectionProperties: { host: '127.0.0.1', port: 9, db: 'd', username: 'u', password: 'p' },
    },
    { 'idempotency-key': 'key-1' },
  );
  expect(repeated.body.qID, 'the answer kept for the key').toBe(connections[0]);

  expect((await retire(before.id)).text).toContain('15 seconds');
  // As a node would have left it that was delayed.
  await server.sql(`insert into secret
      (tenant_id, record_kind, record_id, field, owner_id, version, key_id, wrapped_key, ciphertext)
    select tenant_id, record_kind, 'late', field, owner_id, version, '${before.id}', wrapped_key, ciphertext
    from secret where record_kind = 'credential' limit 1`);
  await expect
    .poll(async () => (await retire(before.id)).text, { timeout: 25_000 })
    .toContain('1 records are still under the key');
  await server.sql("delete from secret where record_id = 'late'");
  expect((await retire(before.id)).status).toBe(204);
  expect((await keys()).map(({ id }) => id)).toEqual([active?.id]);
  expect((await retire(before.id)).status).toBe(404);
  await server.restart();
  admin = apiClient(server.url, server.adminKey);
  await assertAllOpen();
});

it('moves the store to a new master key when both are given, and then needs only the new one', async () => {
  const old = environment['MOORING_MASTER_KEY'] ?? '';
  const status = async () => (await fetch(`${server.url}/readyz`)).status;
  environment['MOORING_MASTER_KEY'] = newMasterKey();
  const isRefused = 'is not the one this data was written with';
  await expect(server.restart(), 'a new key alone').rejects.toThrow(isRefused);
  environment['MOORING_MASTER_KEY_PREVIOUS'] = old;
  await server.restart();
  expect(await status(), 'with the one before').toBe(200);
  delete environment['MOORING_MASTER_KEY_PREVIOUS'];
  await server.restart();
  admin = apiClient(server.url, server.adminKey);
  await assertAllOpen();
  const current = environment['MOORING_MASTER_KEY'];
  environment['MOORING_MASTER_KEY'] = old;
  await expect(server.restart(), 'the old key opens nothing').rejects.toThrow(isRefused);
  environment['MOORING_MASTER_KEY'] = current;
  await server.restart();
});

it('rotates automatically when a key approaches its wrap limit', async () => {
  const configuration = { egress: { loopback: 'deny' }, limits: { wrapsPerKey: 1_000 } };
  const limited = await startServer({ configuration });
  try {
    const api = apiClient(limited.url, limited.adminKey);
    const list = async () => (await api.get('/api/v1/vault-keys')).body.data;
    const [first] = await list();
    await limited.sql("update vault_key set wraps = 760 where state = 'active'");
    await expect
      .poll(async () => (await list()).find((key: VaultKey) => key.state === 'active')?.id, {
        timeout: 20_000,
      })
      .not.toBe(first.id);
    expect(limited.logText()).toContain('active key is at 50 % of its wrap limit');
    expect(limited.logText()).toContain('approached its wrap limit and was rotated');
    const connectionProperties = { host: '127.0.0.1', port: 9, db: 'd', username: 'u', password: 'p' };
    const body = { datasourceID: 'postgres', qName: 'after', connectionProperties };
    expect((await api.post('/api/v1/data-connections', body)).status).toBe(201);
  } finally {
    await limited.close();
  }
});
