import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { decodeJwt, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate, openStore, type Store } from '../store/store.js';
import { createVault } from '../vault/envelope.js';
import { loadMasterKey } from '../vault/keyring.js';
import { createOwnSecrets, type OwnSecretsDependencies } from '../vault/own-secrets.js';
import { type AccessTokens, createAccessTokens } from './access-tokens.js';
import { createSigningKeys, type SigningKeys } from './signing-key.js';

const masterKey = 'q0Jv6c8mGZ1k2s4YtPz7xH3dLw9nRb5uEoAiFjKlMVc=';
const client = { clientId: 'client', userId: 'user', tenantId: 'tenant', scope: 'user_default' };

describe('access tokens', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-tokens-'));
  const vault = createVault(loadMasterKey({ source: 'environment', value: masterKey }, true).key);
  let store: Store;
  let keys: SigningKeys;
  let tokens: AccessTokens;
  let now = Date.parse('2026-01-01T00:00:00Z');

  const newKeys = (recordDropped: OwnSecretsDependencies['recordDropped'] = async () => undefined) =>
    createSigningKeys(createOwnSecrets({ store, vault, recordDropped }));

  beforeAll(async () => {
    store = openStore({ dataFolder: folder });
    await migrate(store);
    keys = newKeys();
    tokens = createAccessTokens(
      keys,
      () => 'https://mooring.example',
      () => now,
    );
  });
  afterAll(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Signed with the right key, but with other claims. */
  const signed = async (
    change: (claims: JWTPayload) => JWTPayload,
    changedHeader: object = {},
  ): Promise<string> => {
    const { token } = await tokens.issue(client);
    const { kid, privateKey } = await keys.current();
    const header = { alg: 'ES256', kid, typ: 'at+jwt', ...changedHeader };
    return new SignJWT(change(decodeJwt(token))).setProtectedHeader(header).sign(privateKey);
  };

  it('are accepted by every node with the same store and key', async () => {
    const { token, id } = await tokens.issue(client);
    const otherNode = newKeys();
    const there = createAccessTokens(
      otherNode,
      () => 'https://mooring.example',
      () => now,
    );
    expect(await there.verify(token)).toBe(id);
    expect((await otherNode.current()).kid).toBe((await keys.current()).kid);
  });

  it('two nodes that need the first key at the same time get the same one', async () => {
    await store.db.deleteFrom('secret').execute();
    const nodes = [newKeys(), newKeys()];
    const [one, two] = await Promise.all(nodes.map((node) => node.current()));
    expect(one?.kid).toBe(two?.kid);
    keys = newKeys();
    tokens = createAccessTokens(
      keys,
      () => 'https://mooring.example',
      () => now,
    );
  });

  it("QL11: end after six hours, as those of Qlik's do", async () => {
    const { token, id, lifeSeconds } = await tokens.issue(client);
    expect(lifeSeconds).toBe(6 * 3600);
    now += 6 * 3600_000 - 1000;
    expect(await tokens.verify(token)).toBe(id);
    now += 1000;
    expect(await tokens.verify(token)).toBeUndefined();
  });

  it.each([
    ['no exp', ({ exp, ...claims }: JWTPayload) => claims],
    ['no nbf', ({ nbf, ...claims }: JWTPayload) => claims],
    ['no iat', ({ iat, ...claims }: JWTPayload) => claims],
    ['no sub', ({ sub, ...claims }: JWTPayload) => claims],
    ['no jti', ({ jti, ...claims }: JWTPayload) => claims],
    ['no client_id', ({ client_id, ...claims }: JWTPayload) => claims],
    ['nbf in the future', (claims: JWTPayload) => ({ ...claims, nbf: Number(claims.nbf) + 60 })],
    ['another issuer', (claims: JWTPayload) => ({ ...claims, iss: 'https://other.example' })],
    ['another audience', (claims: JWTPayload) => ({ ...claims, aud: 'other' })],
  ])('W17: are refused with %s, even under the right key', async (_what, change) => {
    expect(await tokens.verify(await signed((claims) => claims))).toBeDefined();
    expect(await tokens.verify(await signed(change))).toBeUndefined();
  });

  it.each([
    ['the id of another key', { kid: 'another' }],
    ['no id of a key', { kid: undefined }],
    ['another type', { typ: 'JWT' }],
    ['a key of its own', { jwk: { kty: 'EC' } }],
    ['an address of a key', { jku: 'https://mooring.example/keys' }],
  ])('W17: are refused with %s in the header, even under the right key', async (_what, header) => {
    const claims = (same: JWTPayload) => same;
    expect(await tokens.verify(await signed(claims))).toBeDefined();
    expect(await tokens.verify(await signed(claims, header))).toBeUndefined();
    // A node that has not loaded the key yet.
    const fresh = createAccessTokens(
      newKeys(),
      () => 'https://mooring.example',
      () => now,
    );
    expect(await fresh.verify(await signed(claims, header))).toBeUndefined();
  });

  it('W17: one that was never signed is refused without creating a key', async () => {
    const { token } = await tokens.issue(client);
    await store.db.deleteFrom('secret').execute();
    const fresh = createAccessTokens(
      newKeys(),
      () => 'https://mooring.example',
      () => now,
    );
    expect(await fresh.verify(token)).toBeUndefined();
    expect(await fresh.verify('eyJub3QgYSBoZWFkZXI.e30.AA')).toBeUndefined();
    expect(await store.db.selectFrom('secret').selectAll().execute()).toEqual([]);
    keys = newKeys();
    tokens = createAccessTokens(
      keys,
      () => 'https://mooring.example',
      () => now,
    );
  });

  it('V02, LI1: a signing key that was changed at rest is not used: tokens signed with it are refused, and a new key is created', async () => {
    const { token } = await tokens.issue(client);
    const dropped: string[] = [];
    await store.db.updateTable('secret').set({ owner_id: 'x', ciphertext: 'AAAA' }).execute();
    const reopened = createAccessTokens(
      newKeys(async (_tx, { recordKind }) => void dropped.push(recordKind)),
      () => 'https://mooring.example',
      () => now,
    );
    expect(await reopened.verify(token)).toBeUndefined();
    const fresh = await reopened.issue(client);
    expect(await reopened.verify(fresh.token)).toBe(fresh.id);
    expect(dropped, 'once').toEqual(['signing-key']);
    // The node that had the old key loads the new one with the next token that it issues or verifies.
    expect(await tokens.verify(fresh.token)).toBe(fresh.id);
    expect(await tokens.verify(token)).toBeUndefined();
    const again = await tokens.issue(client);
    expect(await reopened.verify(again.token)).toBe(again.id);
  });
});
