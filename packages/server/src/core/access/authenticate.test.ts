import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate, openStore, type Store } from '../store/store.js';
import { newKey } from '../vault/keyring.js';
import { tokenHasher } from '../vault/token-hashes.js';
import type { AccessTokens } from './access-tokens.js';
import { type Authenticator, createAuthenticator } from './authenticate.js';

describe('authentication', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-authenticate-'));
  const token = 'authenticated-key-0123456789abcdef';
  const hashToken = tokenHasher(newKey());
  let store: Store;
  let authenticator: Authenticator;
  let now = Date.parse('2026-01-01T00:00:00Z');

  beforeAll(async () => {
    store = openStore({ dataFolder: folder });
    await migrate(store);
    for (const id of ['here', 'elsewhere']) {
      await store.db.insertInto('tenant').values({ id, name: id, created_at: '' }).execute();
    }
    await store.db
      .insertInto('user')
      .values({
        ...{ id: 'ann', tenant_id: 'here', subject: 'ann', name: 'ann', email: null, client_id: null },
        ...{ status: 'active', roles: '[]', created_at: '', updated_at: '' },
      })
      .execute();
    await store.db
      .insertInto('api_key')
      .values({
        ...{ id: 'key', tenant_id: 'here', user_id: 'ann', token_hash: hashToken(token), description: '' },
        ...{ created_by: 'ann', created_at: '', updated_at: null, expires_at: null, revoked_at: null },
      })
      .execute();
    authenticator = createAuthenticator({
      ...{ db: store.db, changes: store.changes, accessTokens: {} as AccessTokens, hashToken },
      clock: { now: () => now, iso: () => new Date(now).toISOString() },
    });
  });
  afterAll(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const status = (value: 'active' | 'disabled') =>
    store.db.updateTable('user').set({ status: value }).where('id', '=', 'ann').execute();

  it('M: a key of a disabled user is refused within a second of its last successful use', async () => {
    expect(await authenticator.authenticate(token)).toMatchObject({ userId: 'ann' });
    await status('disabled');
    now += 1_000;
    expect(await authenticator.authenticate(token)).toBeUndefined();
    await status('active');
    expect(await authenticator.authenticate(token)).toMatchObject({ userId: 'ann' });
  });

  it('M: a key and a user are valid in their own tenant only', async () => {
    const caller = { keyId: 'key', userId: 'ann', tenantId: 'here' };
    expect(await authenticator.isAlive(store.db, caller)).toBe(true);
    expect(await authenticator.isAlive(store.db, { ...caller, tenantId: 'elsewhere' })).toBe(false);
    // A key moved to another tenant, as by tampering with the row.
    await store.db.updateTable('api_key').set({ tenant_id: 'elsewhere' }).execute();
    expect(await authenticator.isAlive(store.db, caller)).toBe(false);
    await store.db.updateTable('api_key').set({ tenant_id: 'here' }).execute();
    const moveTo = (tenant_id: string) => store.db.updateTable('user').set({ tenant_id }).execute();
    await moveTo('elsewhere');
    expect(await authenticator.isAlive(store.db, caller)).toBe(false);
    await moveTo('here');
    expect(await authenticator.isAlive(store.db, caller)).toBe(true);
    await status('disabled');
    expect(await authenticator.isAlive(store.db, caller)).toBe(false);
  });

  it('M: a key is alive until it is revoked or expires, and so is the token of a machine', async () => {
    const at = (ms: number) => new Date(now + ms).toISOString();
    const key = { keyId: 'key', userId: 'ann', tenantId: 'here' };
    const change = (change: { expires_at?: string | null; revoked_at?: string | null }) =>
      store.db.updateTable('api_key').set(change).where('id', '=', 'key').execute();
    const isAlive = (keyId = 'key') => authenticator.isAlive(store.db, { ...key, keyId });
    await status('active');
    await change({ expires_at: at(1) });
    expect(await isAlive()).toBe(true);
    await change({ expires_at: at(0) });
    expect(await isAlive()).toBe(false);
    authenticator.forget();
    expect(await authenticator.authenticate(token)).toBeUndefined();
    await change({ expires_at: null, revoked_at: at(0) });
    expect(await isAlive()).toBe(false);
    await change({ revoked_at: null });
    expect(await isAlive()).toBe(true);

    await store.db
      .insertInto('oauth_client')
      .values({
        ...{ id: 'client', tenant_id: 'here', user_id: 'ann', name: '', description: '', app_type: 'web' },
        ...{ allowed_scopes: '[]', client_uri: '', logo_uri: '', created_by: 'ann' },
        ...{ created_at: '', updated_at: '' },
      })
      .execute();
    for (const [id, expires_at] of [
      ['token', at(1)],
      ['old token', at(0)],
    ] as const)
      await store.db
        .insertInto('oauth_token')
        .values({
          ...{ id, tenant_id: 'here', client_id: 'client', user_id: 'ann', scope: '', created_at: '' },
          expires_at,
        })
        .execute();
    expect(await Promise.all(['token', 'old token', 'unknown'].map(isAlive))).toEqual([true, false, false]);
  });

  it('M: a key whose row names another tenant than its user is refused', async () => {
    const moveKeyTo = (tenant_id: string) =>
      store.db.updateTable('api_key').set({ tenant_id }).where('id', '=', 'key').execute();
    await status('active');
    await moveKeyTo('elsewhere');
    authenticator.forget();
    expect(await authenticator.authenticate(token)).toBeUndefined();
    await moveKeyTo('here');
    expect(await authenticator.authenticate(token)).toMatchObject({ userId: 'ann', tenantId: 'here' });
  });
});
