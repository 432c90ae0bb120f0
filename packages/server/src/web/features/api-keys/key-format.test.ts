import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { durationMs } from '../../../core/access/key-limits.js';
import {
  isAccessToken,
  isWeakChoice,
  mayBeClientSecret,
  mayBeInvitation,
  mayBeToken,
  newApiKeyToken,
  newClientSecret,
  newInvitationToken,
} from '../../../core/access/token.js';
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
  const day = 86_400_000;

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

  it('W09: keys of earlier releases keep their checksum, and a key, a secret and an invitation differ', () => {
    for (const [body, checksum] of [
      ['0'.repeat(32), '2wjyrI'],
      ['0123456789ABCDEFGHIJKLMNOPQRSTUV', '1ggZdL'],
      ['zyxwvutsrqponmlkjihgfedcbaZYXWVU', '1qCLcL'],
      ['0000000000000000000000000000001F', '00dRxQ'],
    ])
      expect(mayBeToken(`mrg_${body}_${checksum}`), body).toBe(true);
    const made = { mrg: newApiKeyToken(), mrs: newClientSecret(), mri: newInvitationToken() };
    const isKey = (text: string) => text.startsWith('mrg_') && mayBeToken(text);
    for (const [prefix, is] of Object.entries({
      mrg: isKey,
      mrs: mayBeClientSecret,
      mri: mayBeInvitation,
    })) {
      for (const [other, token] of Object.entries(made)) {
        expect(is(token), `${prefix} ${other}`).toBe(other === prefix);
        for (const odd of [` ${token}`, `${token} `, `${token}0`, token.slice(0, -1), token.toUpperCase()])
          expect(is(odd), odd).toBe(false);
      }
    }
    expect(['x'.repeat(15), 'x'.repeat(16), ''].map(mayBeToken)).toEqual([false, true, false]);
    expect(
      [
        'eyJhb.eyJh.A-_9',
        'eyJh.eyJh.',
        'xeyJh.eyJh.A',
        'eyJh.eyJh.A.',
        'eyJh.eyJh',
        'eyJ.eyJh.A',
        'eyJh..A',
      ].map(isAccessToken),
    ).toEqual([true, true, false, false, false, false, false]);
  });

  it('W09: a key that the operator chooses is weak if it is short, of few characters, repeated or of one kind', () => {
    const strong = 'a1b2c3d4e5f6g7h8i9j0klmn';
    const doubled = strong.replace(/mn$/, 'mm');
    for (const key of [strong, strong.toUpperCase(), doubled, `${'a'.repeat(13)}bcdefghij12`])
      expect(isWeakChoice(key), key).toBe(false);
    for (const key of [
      strong.slice(1),
      `${'a'.repeat(14)}bcdefghi12`,
      'abcdefghijklmnopqrstuvwx',
      '0123456789-_+*=!?#$%&/()',
      'a1b2c3d4e5f6'.repeat(2),
      'a1b2c3d4e5f6g7h8'.repeat(3),
    ])
      expect(isWeakChoice(key), key).toBe(true);
  });

  it('W10: a lifetime is an ISO 8601 duration from one second to ten years', () => {
    const seconds = { Y: 365 * 86_400, M: 30 * 86_400, W: 7 * 86_400, D: 86_400 };
    for (const [unit, length] of Object.entries(seconds))
      for (const count of [1, 12]) {
        if (unit === 'Y' && count > 1) continue;
        expect(durationMs(`P${count}${unit}`, 'expiry'), unit).toBe(count * length * 1000);
      }
    expect(durationMs('P1Y2M3W4DT5H6M7S', 'expiry')).toBe(
      ((365 + 60 + 21 + 4) * 86_400 + 5 * 3600 + 6 * 60 + 7) * 1000,
    );
    expect(durationMs('PT25H61M61S', 'expiry')).toBe((25 * 3600 + 61 * 60 + 61) * 1000);
    expect(durationMs('PT1S', 'expiry')).toBe(1000);
    expect(durationMs('PT90.25S', 'expiry')).toBe(90_000);
    expect(durationMs('P3650D', 'expiry')).toBe(3650 * day);
    for (const text of [
      ...[
        '',
        'P',
        'PT',
        'PT0S',
        'PT0.9S',
        'P3650DT1S',
        'P11Y',
        '1D',
        'P1',
        'P-1D',
        'P1.5D',
        'P1D2W',
        'PT1M1H',
      ],
      ...['xP1D', 'P1Dx', 'P1H', 'PT1D', 'PxD', 'PxM', 'PTxM', 'PT1.S', 'PT1.xS', 'p1d', ' P1D', 'P1D P1D'],
    ])
      expect(() => durationMs(text, 'expiry'), text).toThrow(
        expect.objectContaining({ problems: [expect.objectContaining({ field: 'expiry' })] }),
      );
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
