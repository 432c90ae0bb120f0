import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { manifests } from '@mooring/connectors/registry';
import { Secret } from '@mooring/connectors/spec/secret';
import { type LoopbackServer, listenOnLoopback, readRequestBody } from '@mooring/lab/loopback-http';
import { sql } from 'kysely';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { firstStart } from '../../../start/first-start.js';
import type { Caller } from '../../access/caller.js';
import { createCatalogue } from '../../catalogue/catalogue.js';
import { createSourceSettings } from '../../catalogue/source-settings.js';
import { newUuid } from '../../crypto/random.js';
import { createGate } from '../../egress/gate.js';
import { createPolicy } from '../../egress/policy.js';
import { reconcile } from '../../opening/reconcile.js';
import { migrate, openStore, type Store } from '../../store/store.js';
import type { SignInTable } from '../../store/tables.js';
import { createVault, type Vault } from '../../vault/envelope.js';
import { loadMasterKey, newKey } from '../../vault/keyring.js';
import { tokenHasher } from '../../vault/token-hashes.js';
import { createRevoker, type Revoker } from '../grants/revoker.js';
import { createOrphanSweep } from '../records/sealed-orphans.js';
import { createParkedGrants } from './parked-grants.js';
import { purgeSignIns } from './sign-in-store.js';
import { createSignIns, type SignIns } from './sign-ins.js';

const masterKey = 'q0Jv6c8mGZ1k2s4YtPz7xH3dLw9nRb5uEoAiFjKlMVc=';
/** When what may only be told coarsely is told. */
const coarseSeconds = 0.3;
const pending = { status: 400, body: { error: 'authorization_pending' } };
const slower = { status: 400, body: { error: 'slow_down' } };
const granted = {
  status: 200,
  body: {
    access_token: 'canary-access',
    refresh_token: 'canary-refresh',
    token_type: 'bearer',
    expires_in: 600,
  },
};

describe('the life of a sign-in on another device, by the clock', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-device-'));
  const log = pino({ level: 'silent' });
  let store: Store;
  let provider: LoopbackServer;
  let signIns: SignIns;
  let caller: Caller;
  let at: number;
  let answer: { status: number; body: object };
  let asked: number[];
  let revoked: string[];
  let isRevocationDown: boolean;
  let revoker: Revoker;
  let vault: Vault;

  beforeAll(async () => {
    store = openStore({ dataFolder: folder });
    await migrate(store);
    await firstStart(store, tokenHasher(newKey()), 'test-administrator-key-0123456789');
    const user = await store.db.selectFrom('user').selectAll().executeTakeFirstOrThrow();
    const { id: userId, tenant_id: tenantId, name } = user;
    caller = { userId, tenantId, name, roles: [], keyId: 'k', keyKind: 'api-key' };
    provider = await listenOnLoopback(0, () => async (request, response) => {
      const form = new URLSearchParams((await readRequestBody(request)).toString());
      const say = (status: number, body: object) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      };
      if (request.url === '/device') {
        const page = `${provider.url}/page`;
        return say(200, {
          ...{ device_code: 'canary-device', user_code: 'ABCD-EFGH', verification_uri: page },
          ...{ expires_in: 120, interval: 1 },
        });
      }
      if (request.url === '/revoke') {
        if (isRevocationDown) return say(503, {});
        revoked.push(form.get('token') ?? '');
        return say(200, {});
      }
      asked.push(at);
      say(answer.status, answer.body);
    });
    const policy = createPolicy({ allow: [], loopback: 'allow', isOfThisMachine: true });
    vault = createVault(loadMasterKey({ source: 'environment', value: masterKey }, true).key);
    const network = createGate({ policy });
    const catalogue = createCatalogue(manifests, createSourceSettings(store));
    revoker = createRevoker({ ...{ store, vault, network, catalogue, log }, clients: {}, lookMs: 100 });
    const parked = createParkedGrants({ ...{ store, vault, signInMinutes: 10 }, revoker });
    const clock = {
      now: () => at,
      iso: (offsetMs = 0) => new Date(at + offsetMs).toISOString(),
      align: async () => undefined,
    };
    signIns = createSignIns({
      coarseSeconds,
      ...{ parked, revoker, vault, network, log },
      ...{ signInMinutes: 10, publicUrl: () => 'https://m.example' },
      store: { ...store, clock },
    });
  });
  afterAll(async () => {
    await revoker.close();
    await provider.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await store.db.deleteFrom('sign_in').execute();
    await store.db.deleteFrom('secret').execute();
    at = Date.parse('2026-01-02T03:04:05Z');
    answer = pending;
    asked = [];
    revoked = [];
    isRevocationDown = false;
  });

  const request = () => ({
    caller,
    manifest: { id: 'rest' } as Parameters<SignIns['begin']>[0]['manifest'],
    method: { id: 'device', label: 'Device', fields: [], required: [] },
    setup: {
      preset: {
        tokenEndpoint: `${provider.url}/token`,
        revocationEndpoint: `${provider.url}/revoke`,
        deviceAuthorizationEndpoint: `${provider.url}/device`,
        scopes: [],
        clientAuthentication: 'none' as const,
      },
      client: { clientId: 'c' },
    },
    destination: 'rest; somewhere',
    device: true,
  });
  const rowOf = (id: string): Promise<SignInTable> =>
    store.db.selectFrom('sign_in').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const begin = async () => (await signIns.begin(request())).signInId;
  const look = async (id: string) => (await signIns.poll(await rowOf(id))).status;

  it('O31: asks at most every 5 s, 5 s less often after each slow_down, and not at all after the end', async () => {
    const id = await begin();
    const begun = at;
    for (let second = 0; second <= 130; second += 1) {
      at = begun + second * 1000;
      const isSlow = second === 10 || second === 15;
      answer = isSlow ? slower : pending;
      await look(id);
      await look(id);
    }
    const seconds = asked.map((time) => (time - begun) / 1000);
    expect(seconds.slice(0, 6)).toEqual([0, 5, 10, 20, 30, 40]);
    expect(Math.max(...seconds)).toBeLessThan(120);
  });

  it('O31: a second slow_down adds another 5 s', async () => {
    const id = await begin();
    const begun = at;
    answer = slower;
    for (let second = 0; second <= 50; second += 1) {
      at = begun + second * 1000;
      await look(id);
    }
    expect(asked.map((time) => (time - begun) / 1000)).toEqual([0, 10, 25, 45]);
  });

  it('a provider that is down is asked more rarely, and nothing ends', async () => {
    const id = await begin();
    answer = { status: 503, body: {} };
    expect(await look(id)).toBe('pending');
    at += 9_000;
    await look(id);
    expect(asked).toHaveLength(1);
    at += 1_000;
    answer = granted;
    expect(await look(id)).toBe('arrived');
  });

  it('TR12: told coarsely, no failure but the decision of the provider ends it, and all are told at one instant', async () => {
    const { signInId: id } = await signIns.begin({ ...request(), isToldCoarsely: true });
    for (const failure of [
      { status: 503, body: {} },
      { status: 200, body: { no: 'tokens' } },
      { status: 401, body: { error: 'invalid_client' } },
    ]) {
      answer = failure;
      const begun = performance.now();
      expect(await look(id), JSON.stringify(failure)).toBe('pending');
      expect(performance.now() - begun).toBeGreaterThan(coarseSeconds * 1000 - 5);
      at += 30_000;
    }
    expect(asked).toHaveLength(3);
    answer = { status: 400, body: { error: 'access_denied' } };
    expect(await look(id)).toBe('failed');
  });

  it('a code that the provider calls expired ends it at once', async () => {
    const id = await begin();
    answer = { status: 400, body: { error: 'expired_token' } };
    expect(await look(id)).toBe('expired');
    at += 60_000;
    await look(id);
    expect(asked).toHaveLength(1);
  });

  it('LI5: tokens that nobody claims are forgotten, and the provider is told, though it is down at first', async () => {
    const id = await begin();
    answer = granted;
    expect(await look(id)).toBe('arrived');
    at += 121_000;
    await purgeSignIns(store.db, new Date(at));
    isRevocationDown = true;
    await signIns.endUnclaimed();
    isRevocationDown = false;
    await expect.poll(() => revoked, { timeout: 5_000 }).toEqual(['canary-refresh']);
    expect((await rowOf(id)).status).toBe('expired');
    const sealed = await store.db.selectFrom('secret').selectAll().where('record_id', '=', id).execute();
    expect(sealed).toEqual([]);
    await expect(signIns.redeem(request(), new Secret(id))).rejects.toMatchObject({
      code: 'SIGN-IN-INVALID',
    });
  });

  it('O03: of fifty second calls one gets the tokens', async () => {
    const id = await begin();
    answer = granted;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, () => signIns.redeem(request(), new Secret(id))),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(asked).toHaveLength(1);
  });

  it('O18: a process that dies between claim and store loses nothing: the sign-in can be completed again', async () => {
    const id = await begin();
    answer = granted;
    const lost = await signIns.redeem(request(), new Secret(id));
    expect(lost.tokens.accessToken.reveal()).toBe('canary-access');
    await reconcile(store, log);
    const again = await signIns.redeem(request(), new Secret(id));
    expect(again.tokens.accessToken.reveal()).toBe('canary-access');
    expect(asked).toHaveLength(1);
    await store.transaction((tx) => again.complete(tx));
    expect((await rowOf(id)).status).toBe('completed');
  });

  it('LI5: a grant that could not be stored is revoked, though the provider is down at first', async () => {
    const id = await begin();
    answer = granted;
    isRevocationDown = true;
    await (await signIns.redeem(request(), new Secret(id))).abandon('not_stored');
    isRevocationDown = false;
    await expect.poll(() => revoked, { timeout: 5_000 }).toEqual(['canary-refresh']);
    expect((await rowOf(id)).status).toBe('failed');
  });

  it('LI5: a grant that may be stored is revoked if it is not, and left alone if it is', async () => {
    answer = granted;
    const stored = await signIns.redeem(request(), new Secret(await begin()));
    await store.transaction((tx) => stored.complete(tx));
    await stored.abandon('unknown');
    await revoker.settled();
    expect(revoked).toEqual([]);
    const lost = await signIns.redeem(request(), new Secret(await begin()));
    await lost.abandon('unknown');
    await expect.poll(() => revoked).toEqual(['canary-refresh']);
    expect((await rowOf(lost.signInId)).status).toBe('failed');
  });

  it('LI4: a sign-in that was ended while its code was redeemed stores nothing', async () => {
    answer = granted;
    const redeemed = await signIns.redeem(request(), new Secret(await begin()));
    const scope = { tenantId: caller.tenantId, userId: caller.userId };
    await store.transaction((tx) => revoker.end(tx, scope));
    await expect(store.transaction((tx) => redeemed.complete(tx))).rejects.toMatchObject({
      code: 'SIGN-IN-INVALID',
    });
    expect((await rowOf(redeemed.signInId)).status).toBe('failed');
    await revoker.settled();
    expect(revoked).toEqual(['canary-refresh']);
  });

  it('LI4: a tidying round finds what is sealed without its record, and tells the provider of its grants', async () => {
    const { tenantId: tenant_id, userId: owner_id } = caller;
    const [orphan, ended, living] = [await begin(), await begin(), await begin()];
    answer = granted;
    for (const id of [orphan, ended, living]) await look(id);
    await store.db.deleteFrom('sign_in').where('id', '=', orphan).execute();
    await store.db.updateTable('sign_in').set({ status: 'failed' }).where('id', '=', ended).execute();
    const { wrapped_key, ciphertext, key_id } = await store.db
      .selectFrom('secret')
      .selectAll()
      .executeTakeFirstOrThrow();
    const place = { tenant_id, owner_id, version: 1, key_id, wrapped_key, ciphertext };
    for (const record_kind of ['credential', 'connection', 'revocation'] as const) {
      await store.db
        .insertInto('secret')
        .values({ ...place, record_kind, record_id: newUuid(), field: 'x' })
        .execute();
    }
    // TR10: of two tenants with the same id one has the connection.
    const shared = newUuid();
    await sql`insert into connection (id, tenant_id, name, name_key, scope, owner_id, source_id, properties, separated,
        destination, qri, tags, version, created_at, updated_at)
      values (${shared}, ${tenant_id}, 'x', 'x', 'x', ${owner_id}, 'rest', '{}', 0, '', '', '[]', 1, '', '')`.execute(
      store.db,
    );
    for (const tenant of [tenant_id, 'elsewhere']) {
      const sealed = { ...place, tenant_id: tenant, record_kind: 'connection' as const };
      await store.db
        .insertInto('secret')
        .values({ ...sealed, record_id: shared, field: tenant })
        .execute();
    }
    const sweep = createOrphanSweep({ store, vault, revoker, log });
    // It begins anywhere, and comes to the beginning with the second round.
    await sweep();
    await sweep();
    await expect.poll(() => revoked).toEqual(['canary-refresh', 'canary-refresh']);
    await expect
      .poll(() => store.db.selectFrom('secret').select(['record_kind', 'record_id', 'field']).execute())
      .toEqual([
        { record_kind: 'connection', record_id: shared, field: tenant_id },
        { record_kind: 'sign-in', record_id: living, field: 'device' },
        { record_kind: 'sign-in', record_id: living, field: 'tokens' },
      ]);
  });

  it('LI5: tokens are kept until the store is there again, and then told of', async () => {
    const owner = {
      id: '',
      tenant_id: caller.tenantId,
      owner_id: caller.userId,
      source_id: 'rest',
      name: '',
    };
    await store.db.schema.alterTable('revocation').renameTo('away').execute();
    await revoker.revokeTokens(owner, request().setup, {
      accessToken: new Secret('a'),
      refreshToken: new Secret('canary-kept'),
    });
    expect(revoked).toEqual([]);
    await store.db.schema.alterTable('away').renameTo('revocation').execute();
    await expect.poll(() => revoked, { timeout: 5_000 }).toEqual(['canary-kept']);
  });
});
