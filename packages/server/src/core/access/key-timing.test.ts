import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { comparingTimes } from '@mooring/lab/comparing-times';
import { full } from '@mooring/lab/test-tier';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newToken, newUuid } from '../crypto/random.js';
import { migrate, openStore, type Store } from '../store/store.js';
import { createVault } from '../vault/envelope.js';
import { loadMasterKey, newKey } from '../vault/keyring.js';
import { createOwnSecrets } from '../vault/own-secrets.js';
import { tokenHasher } from '../vault/token-hashes.js';
import { createAccessTokens } from './access-tokens.js';
import { type Authenticator, createAuthenticator } from './authenticate.js';
import { createSigningKeys } from './signing-key.js';

describe('the time that a wrong key takes', () => {
  // Chosen by an operator, so without a checksum: every wrong key is looked up in the store.
  const real = 'operators-own-key-7f3a9c1e5b8d2046';
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-timing-'));
  let store: Store;
  let authenticator: Authenticator;

  beforeAll(async () => {
    store = openStore({ dataFolder: folder });
    await migrate(store);
    const masterKey = { source: 'environment', value: newToken() } as const;
    const vault = createVault(loadMasterKey(masterKey, false).key);
    const hashToken = tokenHasher(newKey());
    const accessTokens = createAccessTokens(
      createSigningKeys(createOwnSecrets({ store, vault, recordDropped: async () => undefined })),
      () => 'http://localhost',
      store.clock.now,
    );
    authenticator = createAuthenticator({ ...store, accessTokens, hashToken });
    const at = new Date().toISOString();
    const [tenantId, userId] = [newUuid(), newUuid()];
    await store.db.insertInto('tenant').values({ id: tenantId, name: 'tenant', created_at: at }).execute();
    await store.db
      .insertInto('user')
      .values({
        ...{ id: userId, tenant_id: tenantId, subject: 'a', name: 'a', email: null, roles: '[]' },
        ...{ status: 'active', client_id: null, created_at: at, updated_at: at },
      })
      .execute();
    await store.db
      .insertInto('api_key')
      .values({
        id: newUuid(),
        tenant_id: tenantId,
        user_id: userId,
        token_hash: hashToken(real),
        description: '',
        created_by: userId,
        created_at: at,
        updated_at: null,
        expires_at: null,
        revoked_at: null,
        scopes: null,
      })
      .execute();
  });
  afterAll(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('W14: does not depend on how much of a real key it repeats', comparingTimes, async () => {
    const turns = full(10_000, 4_000);
    expect(await authenticator.authenticate(real)).toBeDefined();
    const shared = [0, 8, 16, 24, real.length - 1];
    const times = new Map<number, number[]>(shared.map((length) => [length, []]));
    const guess = (length: number, turn: number) => {
      const rest = turn
        .toString(36)
        .padStart(real.length, 'z')
        .slice(length - real.length);
      const wrong = real.slice(0, length) + (length === real.length ? '' : rest);
      return wrong === real ? `${real.slice(0, -1)}z` : wrong;
    };
    for (let turn = 0; turn < turns + 500; turn += 1) {
      // In a different order each turn, so that other load on the machine affects all equally.
      const order = shared.map((_, index) => shared[(index + turn) % shared.length] ?? 0);
      for (const length of order) {
        const key = guess(length, turn);
        const since = performance.now();
        const found = await authenticator.authenticate(key);
        const ms = performance.now() - since;
        if (found !== undefined) throw new Error(`${key} was taken for a key`);
        // The first turns warm up.
        if (turn >= 500) times.get(length)?.push(ms);
      }
    }
    const medians = [...times.values()].map((each) => each.toSorted((a, b) => a - b)[each.length / 2] ?? 0);
    expect(Math.max(...medians) / Math.min(...medians), medians.join(' ')).toBeLessThan(1.1);
  });
});
