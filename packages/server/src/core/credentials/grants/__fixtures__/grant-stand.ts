import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Network } from '@mooring/connectors/interface/network';
import { Secret } from '@mooring/connectors/interface/secret';
import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import { manifests } from '@mooring/connectors/registry';
import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { pino } from 'pino';
import { inject } from 'vitest';
import { expectNoSecretIn } from '../../../../testing/secret-scan.js';
import { filesIn } from '../../../../testing/secret-search.js';
import { freshDatabase } from '../../../../testing/shared-database.js';
import { createCatalogue } from '../../../catalogue/catalogue.js';
import { createSourceSettings } from '../../../catalogue/source-settings.js';
import { hiddenClient } from '../../../config/hidden-client.js';
import { newHex, newUuid } from '../../../crypto/random.js';
import { gateOf } from '../../../oauth/__fixtures__/token-server.js';
import { authorizationUrl, createSignInSecrets } from '../../../oauth/authorization-url.js';
import { exchangeCode } from '../../../oauth/code-grant.js';
import type { Clock } from '../../../store/clock.js';
import { openPostgresStore } from '../../../store/postgres-store.js';
import { migrate, openStore, type Store } from '../../../store/store.js';
import type { CredentialTable, GrantStateTable } from '../../../store/tables.js';
import { createVault } from '../../../vault/envelope.js';
import { loadMasterKey } from '../../../vault/keyring.js';
import { insertCredential, replaceCredential, shredCredential } from '../../records/credential-records.js';
import type { ClientConfiguration } from '../client-configuration.js';
import { type StoredGrant, storedGrant } from '../grant-state.js';
import { createGrants, type Grants } from '../grants.js';
import { createKeepAlive, type KeepAlive } from '../keep-alive.js';
import { type RefreshTimes, refreshTimes } from '../refresh-lease.js';
import { createRevoker, type Revoker } from '../revoker.js';

// Grants over a real store, a real authorization server and the real gate. Each `process()` has what one process of the
// service has: it shares only the store with the others.

const at = () => new Date().toISOString();
const network = gateOf();

/** A clock that tests move; it stands for the store's. */
export interface MovableClock extends Clock {
  move(ms: number): void;
  /** Back to the time of this machine. */
  reset(): void;
}

export function movableClock(offsetMs = 0): MovableClock {
  let offset = offsetMs;
  const now = () => Date.now() + offset;
  return {
    now,
    iso: (ms = 0) => new Date(now() + ms).toISOString(),
    align: async () => undefined,
    move(ms) {
      offset += ms;
    },
    reset() {
      offset = 0;
    },
  };
}

/** What a process has of its own, if it differs from the others. */
export interface OwnParts {
  /** A view of the shared store. */
  store?: Store;
  clock?: Clock;
  network?: Network;
  times?: Partial<RefreshTimes>;
  /** A fresh one unless given; it is locked until the grants are closed. */
  dataFolder?: string;
  /** Of another machine's kernel. */
  boot?: string;
}

export interface GrantStand {
  lab: LabAuthorizationServer;
  store: Store;
  setup: ClientConfiguration;
  clock: MovableClock;
  process(own?: OwnParts): Grants;
  /** For a process that is restarted. */
  newFolder(): string;
  /** The revoker of such a process. */
  revoker(closeMs: number): Revoker;
  /** The keeper of idle grants of such a process. */
  keepAlive(): KeepAlive;
  /** How often a keeper has asked for the configuration of a grant. */
  configurationsAsked(): number;
  /** Stores a grant whose client no longer exists. */
  broken(): Promise<void>;
  /** Signs in as a user would; a new grant, stored for a new credential. */
  credential(): Promise<CredentialTable>;
  /** The same user signs in again for the same credential. */
  signInAgain(credential: CredentialTable): Promise<CredentialTable>;
  delete(credential: CredentialTable): Promise<void>;
  stateOf(credential: CredentialTable): Promise<CredentialTable['state'] | undefined>;
  grantState(credential: CredentialTable): Promise<GrantStateTable | undefined>;
  close(): Promise<void>;
}

async function freshStore(): Promise<{ store: Store; drop(): Promise<void> }> {
  const server = inject('databaseServer');
  if (server) {
    const database = await freshDatabase(server, { withTables: true });
    return { store: openPostgresStore({ url: database.url }), drop: database.drop };
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-grants-'));
  return {
    store: openStore({ dataFolder: folder }),
    drop: async () => {
      const files = filesIn(folder);
      rmSync(folder, { recursive: true, force: true });
      expectNoSecretIn(files);
    },
  };
}

/** An authorization server, and a redirect URI that it accepts. */
async function startProvider() {
  const lab = await startAuthorizationServer();
  const application: LoopbackServer = await listenOnLoopback(
    0,
    () => (_, response) => response.end('arrived'),
  );
  const redirectUri = `${application.url}/oauth/callback/lab`;
  lab.addRedirectUri(redirectUri);
  const preset: OAuthPreset = {
    authorizationEndpoint: lab.authorizationEndpoint,
    tokenEndpoint: lab.tokenEndpoint,
    revocationEndpoint: lab.revocationEndpoint,
    issuer: lab.issuer,
    scopes: ['openid', 'read', 'write', 'offline_access'],
    authorizationParameters: { prompt: 'consent' },
    clientAuthentication: 'client_secret_post',
    idleDays: 10,
  };
  const setup: ClientConfiguration = { preset, client: hiddenClient(lab.client) };
  const close = async () => {
    await application.close();
    await lab.close();
  };
  return { lab, redirectUri, setup, close };
}

/** A migrated store with one user, and the vault of its key. */
async function filledStore() {
  const { store, drop } = await freshStore();
  await migrate(store);
  const value = Buffer.from(newHex(32), 'hex').toString('base64');
  const { key } = loadMasterKey({ source: 'environment', value }, true);
  await store.db
    .insertInto('vault_key')
    .values({
      ...{ id: key.id, state: 'active', master_id: '', wrapped_key: '', ciphertext: '' },
      ...{ wraps: 0, created_at: at(), replaced_at: null },
    })
    .execute();
  await store.transaction(async (tx) => {
    await tx.insertInto('tenant').values({ id: 't', name: 't', created_at: at() }).execute();
    const times = { created_at: at(), updated_at: at() };
    const user = { subject: 'alice', name: 'alice', status: 'active' as const, roles: '[]' };
    await tx
      .insertInto('user')
      .values({ id: 'u', tenant_id: 't', ...user, ...times })
      .execute();
  });
  return { store, drop, vault: createVault(key) };
}

type Provider = Awaited<ReturnType<typeof startProvider>>;
type Filled = Pick<Awaited<ReturnType<typeof filledStore>>, 'store' | 'vault'>;

/** A user signs in at the provider. */
async function signIn({ lab, setup, redirectUri }: Provider, clock: Clock): Promise<StoredGrant> {
  const secrets = createSignInSecrets();
  const authUrl = await authorizationUrl({ ...setup, redirectUri, ...secrets });
  const { login, password } = lab.users[0];
  const { finalUrl } = await walkSignIn({ authUrl, login, password });
  const code = new Secret(new URL(finalUrl).searchParams.get('code') ?? '');
  const { codeVerifier } = secrets;
  const call = { ...setup, redirectUri, network, now: clock.now };
  return storedGrant(await exchangeCode({ ...call, code, codeVerifier }), clock.now(), setup.preset);
}

/** @returns id of a new credential */
async function insertGrant({ store, vault }: Filled, grant: StoredGrant): Promise<string> {
  const id = newUuid();
  const of = { tenantId: 't', ownerId: 'u', sourceId: 'rest', separated: true, connectionId: null };
  const secrets = { login: {}, grant };
  await store.transaction((tx) =>
    insertCredential(tx, vault, {
      ...{ id, name: id, ...of },
      ...{ signIn: 'oauth2', destination: 'there', secrets, at: at() },
      by: { userId: 'u' },
    }),
  );
  return id;
}

async function replaceGrant({ store, vault }: Filled, credential: CredentialTable, grant: StoredGrant) {
  const fresh = { signIn: 'oauth2', destination: 'there', secrets: { login: {}, grant }, at: at() };
  const by = { userId: 'u' };
  await store.transaction((tx) => replaceCredential(tx, vault, credential, { ...fresh, by }));
}

/** What a stand can do to stored credentials. */
function credentialsOf(filled: Filled, provider: Provider, clock: MovableClock) {
  const { store } = filled;
  const load = (id: string) =>
    store.db.selectFrom('credential').selectAll().where('id', '=', id).executeTakeFirst();
  return {
    async credential() {
      const id = await insertGrant(filled, await signIn(provider, clock));
      return (await load(id)) as CredentialTable;
    },
    async signInAgain(credential: CredentialTable) {
      await replaceGrant(filled, credential, await signIn(provider, clock));
      return (await load(credential.id)) as CredentialTable;
    },
    delete: (credential: CredentialTable) => store.transaction((tx) => shredCredential(tx, credential)),
    stateOf: async (credential: CredentialTable) => (await load(credential.id))?.state,
    grantState: (credential: CredentialTable) =>
      store.db
        .selectFrom('grant_state')
        .selectAll()
        .where('credential_id', '=', credential.id)
        .executeTakeFirst(),
  };
}

export async function startGrantStand(): Promise<GrantStand> {
  const provider = await startProvider();
  const { lab, setup } = provider;
  const { store, drop, vault } = await filledStore();
  const clock = movableClock();
  const log = pino({ level: 'silent' });
  const catalogue = createCatalogue(manifests, createSourceSettings(store));
  const revokerOf = (own: { closeMs?: number } = {}) =>
    createRevoker({ store, vault, network, log, clients: {}, catalogue, ...own });
  const { revokeTokens, ...revoker } = revokerOf();
  const folders = mkdtempSync(path.join(tmpdir(), 'mooring-nodes-'));
  const begun: Grants[] = [];
  const process = ({ times, ...own }: OwnParts = {}) => {
    const grants = createGrants({
      ...{ store, vault, network, log, revokeTokens, clock, ownVault: vault },
      dataFolder: path.join(folders, newUuid()),
      times: { ...refreshTimes, ...times },
      ...own,
    });
    begun.push(grants);
    return grants;
  };
  const broken = new Set<string>();
  let configurationsAsked = 0;

  return {
    ...{ lab, store, setup, clock, process },
    ...credentialsOf({ store, vault }, provider, clock),
    newFolder: () => path.join(folders, newUuid()),
    revoker: (closeMs) => revokerOf({ closeMs }),
    keepAlive: () =>
      createKeepAlive({
        store: { ...store, clock },
        grants: process(),
        async configurationOf({ id }) {
          configurationsAsked += 1;
          if (broken.has(id)) throw new Error('the client is no longer configured');
          return setup;
        },
        log,
      }),
    configurationsAsked: () => configurationsAsked,
    async broken() {
      const [accessToken, refreshToken] = [new Secret(newUuid()), new Secret(newUuid())];
      const tokens = { accessToken, refreshToken, expiresAt: clock.now() };
      const grant = storedGrant(tokens, clock.now(), setup.preset);
      broken.add(await insertGrant({ store, vault }, grant));
    },
    async close() {
      for (const grants of begun) await grants.close();
      const remains = filesIn(folders);
      rmSync(folders, { recursive: true, force: true });
      expectNoSecretIn(remains);
      await revoker.close();
      await store.close();
      await drop();
      await provider.close();
    },
  };
}
