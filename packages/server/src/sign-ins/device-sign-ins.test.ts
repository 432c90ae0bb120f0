import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type LoopbackServer, listenOnLoopback, readRequestBody } from '@mooring/lab/loopback-http';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createGate } from '../egress/gate.js';
import { createPolicy } from '../egress/policy.js';
import { firstStart } from '../first-start.js';
import type { Caller } from '../http/handler.js';
import { reconcile } from '../reconcile.js';
import { migrate, openStore, type Store } from '../store/store.js';
import type { SignInTable } from '../store/tables.js';
import { createVault } from '../vault/envelope.js';
import { loadMasterKey } from '../vault/keyring.js';
import { createParkedGrants } from './parked-grants.js';
import { purgeSignIns } from './sign-in-store.js';
import { createSignIns, type SignIns } from './sign-ins.js';

const masterKey = 'q0Jv6c8mGZ1k2s4YtPz7xH3dLw9nRb5uEoAiFjKlMVc=';
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

  beforeAll(async () => {
    store = openStore({ dataFolder: folder });
    await migrate(store);
    await firstStart(store, 'test-administrator-key-0123456789');
    const user = await store.db.selectFrom('user').selectAll().executeTakeFirstOrThrow();
    caller = { userId: user.id, tenantId: user.tenant_id, name: user.name, roles: [], keyId: 'k' };
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
        revoked.push(form.get('token') ?? '');
        return say(200, {});
      }
      asked.push(at);
      say(answer.status, answer.body);
    });
    const policy = createPolicy({ allow: [], loopback: 'allow', isOfThisMachine: true });
    const vault = createVault(loadMasterKey({ source: 'environment', value: masterKey }, true).key);
    const parked = createParkedGrants({
      ...{ store, vault, signInMinutes: 10 },
      revoker: { noteTokens: async () => undefined, kick: () => undefined },
    });
    signIns = createSignIns({
      parked,
      vault,
      ...{ store, log, signInMinutes: 10, publicUrl: () => 'https://m.example' },
      network: createGate({ policy }),
      now: () => new Date(at),
    });
  });
  afterAll(async () => {
    await provider.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await store.db.deleteFrom('sign_in').execute();
    at = Date.parse('2026-01-02T03:04:05Z');
    answer = pending;
    asked = [];
    revoked = [];
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

  it('a code that the provider calls expired ends it at once', async () => {
    const id = await begin();
    answer = { status: 400, body: { error: 'expired_token' } };
    expect(await look(id)).toBe('expired');
    at += 60_000;
    await look(id);
    expect(asked).toHaveLength(1);
  });

  it('tokens that nobody claims are revoked at the provider and forgotten', async () => {
    const id = await begin();
    answer = granted;
    expect(await look(id)).toBe('arrived');
    at += 121_000;
    await purgeSignIns(store.db, new Date(at));
    await signIns.endUnclaimed();
    expect(revoked).toEqual(['canary-refresh']);
    expect((await rowOf(id)).status).toBe('expired');
    const sealed = await store.db.selectFrom('secret').selectAll().where('record_id', '=', id).execute();
    expect(sealed).toEqual([]);
    await expect(signIns.redeem(request(), id)).rejects.toMatchObject({ code: 'SIGN-IN-INVALID' });
  });

  it('O03: of fifty second calls one gets the tokens', async () => {
    const id = await begin();
    answer = granted;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, () => signIns.redeem(request(), id)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(asked).toHaveLength(1);
  });

  it('O18: a process that dies between claim and store loses nothing: the sign-in can be completed again', async () => {
    const id = await begin();
    answer = granted;
    const lost = await signIns.redeem(request(), id);
    expect(lost.tokens.accessToken).toBe('canary-access');
    await reconcile(store, log);
    const again = await signIns.redeem(request(), id);
    expect(again.tokens.accessToken).toBe('canary-access');
    expect(asked).toHaveLength(1);
    await store.transaction((tx) => again.complete(tx));
    expect((await rowOf(id)).status).toBe('completed');
  });

  it('a grant that could not be stored is revoked', async () => {
    const id = await begin();
    answer = granted;
    await (await signIns.redeem(request(), id)).abandon();
    expect(revoked).toEqual(['canary-refresh']);
    expect((await rowOf(id)).status).toBe('failed');
  });
});
