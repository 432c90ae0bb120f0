import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { manifests } from '@mooring/connectors/registry';
import { type LoopbackServer, listenOnLoopback, readRequestBody } from '@mooring/lab/loopback-http';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { firstStart } from '../../../../start/first-start.js';
import type { Caller } from '../../../access/caller.js';
import { createCatalogue } from '../../../catalogue/catalogue.js';
import { createSourceSettings } from '../../../catalogue/source-settings.js';
import { createGate } from '../../../egress/gate.js';
import { createPolicy } from '../../../egress/policy.js';
import { migrate, openStore, type Store } from '../../../store/store.js';
import type { SignInTable } from '../../../store/tables.js';
import { createVault, type Vault } from '../../../vault/envelope.js';
import { loadMasterKey, newKey } from '../../../vault/keyring.js';
import { tokenHasher } from '../../../vault/token-hashes.js';
import { createRevoker, type Revoker } from '../../grants/revoker.js';
import { createParkedGrants } from '../parked-grants.js';
import { createSignIns, type SignIns } from '../sign-ins.js';

// Sign-ins on another device over a real store, by a clock that tests set.

const masterKey = 'q0Jv6c8mGZ1k2s4YtPz7xH3dLw9nRb5uEoAiFjKlMVc=';
/** When a coarse failure is reported. */
export const coarseSeconds = 0.3;
export const log = pino({ level: 'silent' });

export const pending = { status: 400, body: { error: 'authorization_pending' } };
export const slower = { status: 400, body: { error: 'slow_down' } };
export const granted = {
  status: 200,
  body: {
    access_token: 'canary-access',
    refresh_token: 'canary-refresh',
    token_type: 'bearer',
    expires_in: 600,
  },
};

interface DeviceParts {
  store: Store;
  vault: Vault;
  provider: LoopbackServer;
  revoker: Revoker;
  signIns: SignIns;
  caller: Caller;
  /** The time, in milliseconds since the epoch. */
  at: number;
  /** Of the token endpoint. */
  answer: { status: number; body: object };
  /** When the token endpoint was asked. */
  asked: number[];
  /** Tokens that the provider was asked to revoke. */
  revoked: string[];
  isRevocationDown: boolean;
}

const startProvider = (given: DeviceParts): Promise<LoopbackServer> =>
  listenOnLoopback(0, () => async (request, response) => {
    const form = new URLSearchParams((await readRequestBody(request)).toString());
    const say = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (request.url === '/device') {
      const page = `${given.provider.url}/page`;
      return say(200, {
        ...{ device_code: 'canary-device', user_code: 'ABCD-EFGH', verification_uri: page },
        ...{ expires_in: 120, interval: 1 },
      });
    }
    if (request.url === '/revoke') {
      if (given.isRevocationDown) return say(503, {});
      given.revoked.push(form.get('token') ?? '');
      return say(200, {});
    }
    given.asked.push(given.at);
    say(given.answer.status, given.answer.body);
  });

async function fill(given: DeviceParts, dataFolder: string): Promise<void> {
  const store = openStore({ dataFolder });
  await migrate(store);
  await firstStart(store, tokenHasher(newKey()), 'test-administrator-key-0123456789');
  const user = await store.db.selectFrom('user').selectAll().executeTakeFirstOrThrow();
  const { id: userId, tenant_id: tenantId, name } = user;
  const policy = createPolicy({ allow: [], loopback: 'allow', isOfThisMachine: true });
  const vault = createVault(loadMasterKey({ source: 'environment', value: masterKey }, true).key);
  const network = createGate({ policy });
  const catalogue = createCatalogue(manifests, createSourceSettings(store));
  const revoker = createRevoker({ ...{ store, vault, network, catalogue, log }, clients: {}, lookMs: 100 });
  const parked = createParkedGrants({ ...{ store, vault, signInMinutes: 10 }, revoker });
  const clock = {
    now: () => given.at,
    iso: (offsetMs = 0) => new Date(given.at + offsetMs).toISOString(),
    align: async () => undefined,
  };
  const signIns = createSignIns({
    coarseSeconds,
    ...{ parked, revoker, vault, network, log },
    ...{ signInMinutes: 10, publicUrl: () => 'https://m.example' },
    store: { ...store, clock },
  });
  const caller: Caller = { userId, tenantId, name, roles: [], keyId: 'k', keyKind: 'api-key' };
  Object.assign(given, { store, vault, revoker, signIns, caller, provider: await startProvider(given) });
}

export function deviceCase() {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-device-'));
  const given = {} as DeviceParts;

  beforeAll(() => fill(given, folder));
  afterAll(async () => {
    await given.revoker.close();
    await given.provider.close();
    await given.store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await given.store.db.deleteFrom('sign_in').execute();
    await given.store.db.deleteFrom('secret').execute();
    const at = Date.parse('2026-01-02T03:04:05Z');
    Object.assign(given, { at, answer: pending, asked: [], revoked: [], isRevocationDown: false });
  });

  const request = () => ({
    caller: given.caller,
    manifest: { id: 'rest' } as Parameters<SignIns['begin']>[0]['manifest'],
    method: { id: 'device', label: 'Device', fields: [], required: [] },
    setup: {
      preset: {
        tokenEndpoint: `${given.provider.url}/token`,
        revocationEndpoint: `${given.provider.url}/revoke`,
        deviceAuthorizationEndpoint: `${given.provider.url}/device`,
        scopes: [],
        clientAuthentication: 'none' as const,
      },
      client: { clientId: 'c' },
    },
    destination: 'rest; somewhere',
    device: true,
  });
  const rowOf = (id: string): Promise<SignInTable> =>
    given.store.db.selectFrom('sign_in').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const begin = async () => (await given.signIns.begin(request())).signInId;
  const look = async (id: string) => (await given.signIns.poll(await rowOf(id))).status;
  return { given, request, rowOf, begin, look };
}
