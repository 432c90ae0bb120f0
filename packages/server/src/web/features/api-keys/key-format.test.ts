import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newApiKeyToken } from '../../../core/access/token.js';
import { addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

describe('format and lifetime of API keys', () => {
  let server: TestServer;
  let alice: TestUser;
  beforeAll(async () => {
    server = await startServer();
    alice = await addUser(server.url, server.adminKey, 'alice');
  });
  afterAll(() => server.close());

  const statusWith = async (key: string) => (await apiClient(server.url, key).get('/api/v1/users/me')).status;
  const keys = '/api/v1/api-keys';

  it('W09: ten thousand keys are unique, have the published format and use every character equally', () => {
    const made = Array.from({ length: 10_000 }, newApiKeyToken);
    expect(new Set(made).size).toBe(made.length);
    for (const key of made) expect(key).toMatch(/^mrg_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$/);
    expect(alice.key).toMatch(/^mrg_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$/);
    const counts = new Map<string, number>();
    for (const key of made)
      for (const character of key.slice(4, 36)) counts.set(character, (counts.get(character) ?? 0) + 1);
    const expected = (made.length * 32) / 62;
    expect(counts.size).toBe(62);
    // Chi-squared with 61 degrees of freedom; above 130 is one run in a million.
    const chiSquared = [...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    expect(chiSquared).toBeLessThan(130);
  });

  it('W09: refuses a wrong checksum without asking the store', async () => {
    const real = newApiKeyToken();
    const last = real.endsWith('0') ? '1' : '0';
    const mistyped = [
      real.slice(0, -1) + last,
      `${real}0`,
      real.slice(0, -1),
      real.replace(/_(.)/, (_, first: string) => `_${first === 'A' ? 'B' : 'A'}`),
    ];
    // Without its table every query fails, so a 401 was sent before any query.
    await server.sql('ALTER TABLE api_key RENAME TO api_key_away');
    try {
      for (const key of mistyped) expect([key, await statusWith(key)]).toEqual([key, 401]);
      expect(await statusWith(real)).toBeGreaterThanOrEqual(500);
    } finally {
      await server.sql('ALTER TABLE api_key_away RENAME TO api_key');
    }
    expect(await statusWith(real)).toBe(401);
    expect(await statusWith(alice.key)).toBe(200);
  });

  it('W10: refuses a key from the moment it expires', async () => {
    const made = await alice.api.post(keys, { description: 'short', expiry: 'PT2S' });
    expect(made.status, made.text).toBe(201);
    expect(await statusWith(made.body.token)).toBe(200);
    await expect.poll(() => statusWith(made.body.token), { timeout: 10_000 }).toBe(401);
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(made.body.expiry));
    expect(await statusWith(alice.key)).toBe(200);
  });

  it('W12: a new key replaces an old one under load without a failed request', async () => {
    const first = (await alice.api.post(keys, { description: 'first' })).body;
    let current: string = first.token;
    let isOver = false;
    const statuses: number[] = [];
    const load = Array.from({ length: 6 }, async () => {
      while (!isOver) statuses.push(await statusWith(current));
    });
    try {
      await expect.poll(() => statuses.length, { timeout: 20_000 }).toBeGreaterThan(50);
      const second = (await alice.api.post(keys, { description: 'second' })).body;
      // Both work while programs switch to the new one.
      expect([await statusWith(first.token), await statusWith(second.token)]).toEqual([200, 200]);
      current = second.token;
      const switchedAt = statuses.length;
      await expect.poll(() => statuses.length, { timeout: 20_000 }).toBeGreaterThan(switchedAt + 50);
      expect((await alice.api.delete(`${keys}/${first.id}`)).status).toBe(204);
      expect(await statusWith(first.token)).toBe(401);
      const revokedAt = statuses.length;
      await expect.poll(() => statuses.length, { timeout: 20_000 }).toBeGreaterThan(revokedAt + 50);
    } finally {
      isOver = true;
      await Promise.all(load);
    }
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });
});
