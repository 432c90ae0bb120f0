import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Canary, startCanary } from '@mooring/lab/canary';
import { newApiKeyToken } from '@mooring/server/core/access/token';
import { newObjectId, newToken, newUuid } from '@mooring/server/core/crypto/random';
import { openStore } from '@mooring/server/core/store/store';
import { loadMasterKey } from '@mooring/server/core/vault/keyring';
import { openKeyring } from '@mooring/server/core/vault/open-keyring';
import { type Answer, type ApiClient, addUser, apiClient } from '@mooring/server/testing/api-client';
import { type MooringProcess, startMooring } from './mooring-process.js';

/** One of everything that a user can have. */
export interface Belongings {
  tenantId: string;
  userId: string;
  spaceId: string;
  spaceName: string;
  /** Of another member of the space. */
  assignmentId: string;
  memberId: string;
  /** Properties of a PostgreSQL that resets every connection and counts it; creating dials nothing. */
  sourceProperties: Readonly<Record<string, string | number>>;
  /** Separated, to that PostgreSQL. */
  connectionId: string;
  connectionName: string;
  destination: string;
  credentialId: string;
  credentialsName: string;
  apiKeyId: string;
  signInId: string;
}

export interface Resident {
  api: ApiClient;
  has: Belongings;
}

export interface PopulatedMooring {
  mooring: MooringProcess;
  /** Tenant administrator. */
  admin: Resident;
  /** Without a tenant role; alice and bob share no space. */
  alice: Resident;
  bob: Resident;
  /** Administrator of another tenant. */
  mallory: Resident;
  /** Target of all their connections and sign-ins. */
  source: Canary;
  close(): Promise<void>;
}

async function made(answer: Promise<Answer>): Promise<Answer['body']> {
  const { status, body, text } = await answer;
  if (status !== 200 && status !== 201) throw new Error(`Answered ${status}: ${text}`);
  return body;
}

interface Furnishing {
  api: ApiClient;
  name: string;
  memberId: string;
  source: Canary;
}

async function furnish({ api, name, memberId, source }: Furnishing): Promise<Belongings> {
  const me = await made(api.get('/api/v1/users/me'));
  const spaceName = `space of ${name}`;
  const space = await made(api.post('/api/v1/spaces', { name: spaceName, type: 'shared' }));
  const member = { type: 'user', assigneeId: memberId, roles: ['dataconsumer'] };
  const assignment = await made(api.post(`/api/v1/spaces/${space.id}/assignments`, member));
  const login = { username: name, password: `canary-password-of-${name}` };
  const credentialsName = `login of ${name}`;
  const sourceProperties = { host: source.host, port: source.port, db: 'lab', sslmode: 'disable' };
  const connection = await made(
    api.post('/api/v1/data-connections', {
      datasourceID: 'postgres',
      qName: `connection of ${name}`,
      space: space.id,
      connectionProperties: { ...sourceProperties, ...login, separateCredentials: true, credentialsName },
    }),
  );
  const state = await made(api.get(`/api/v1/data-connections/${connection.qID}/credential`));
  const key = await made(api.post('/api/v1/api-keys', { description: `second key of ${name}` }));
  const provider = source.url;
  const signIn = await made(
    api.post('/api/v1/data-credentials', {
      datasourceID: 'rest',
      authUrlOnly: true,
      connectionProperties: {
        url: `${provider}/`,
        authSchema: 'oauth2',
        authorizationUrl: `${provider}/auth`,
        tokenUrl: `${provider}/token`,
        clientId: 'client',
      },
    }),
  );
  return {
    tenantId: me.tenantId,
    userId: me.id,
    spaceId: space.id,
    spaceName,
    assignmentId: assignment.id,
    memberId,
    sourceProperties,
    connectionId: connection.qID,
    connectionName: connection.qName,
    destination: state.destination,
    credentialId: connection.qCredentialsID,
    credentialsName,
    apiKeyId: key.id,
    signInId: signIn.signInId,
  };
}

/** Inserts a second tenant with an administrator into a closed store; the API cannot do that. */
export async function addTenant(dataFolder: string, name: string): Promise<string> {
  const store = openStore({ dataFolder });
  const keyFile = { source: 'file', path: path.join(dataFolder, 'master.key'), mayCreate: false } as const;
  const { hashToken } = await openKeyring(store, loadMasterKey(keyFile, true), { wrapsMax: 2 ** 32 });
  const token = newApiKeyToken();
  const at = new Date().toISOString();
  const [tenant_id, user_id] = [newToken(24), newObjectId()];
  await store.transaction(async (tx) => {
    await tx.insertInto('tenant').values({ id: tenant_id, name, created_at: at }).execute();
    const roles = JSON.stringify(['TenantAdmin']);
    const user = { id: user_id, tenant_id, subject: name, name, email: null, roles };
    await tx
      .insertInto('user')
      .values({ ...user, status: 'active', created_at: at, updated_at: at })
      .execute();
    const key = { id: newUuid(), tenant_id, user_id, token_hash: hashToken(token), description: name };
    const life = { created_by: user_id, created_at: at, expires_at: null, revoked_at: null };
    await tx
      .insertInto('api_key')
      .values({ ...key, ...life })
      .execute();
  });
  await store.close();
  return token;
}

/** Mooring with two tenants and four users, each with one of everything. */
export async function startPopulatedMooring(): Promise<PopulatedMooring> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-populated-'));
  const dataFolder = path.join(folder, 'data');
  await (await startMooring({ dataFolder })).stop();
  const malloryKey = await addTenant(dataFolder, 'mallory');
  // Its sources are closed ports: the circuit breaker would pause them.
  const configuration = { limits: { pauseAfter: 1_000_000 } };
  const mooring = await startMooring({ dataFolder, configuration });
  const { url, adminKey } = mooring;
  const admin = apiClient(url, adminKey);
  const mallory = apiClient(url, malloryKey);
  const member = await addUser(url, adminKey, 'member');
  const foreignMember = await made(mallory.post('/api/v1/users', { subject: 'foreign member' }));
  const alice = await addUser(url, adminKey, 'alice');
  const bob = await addUser(url, adminKey, 'bob');
  const source = await startCanary();
  const resident = async (name: string, api: ApiClient, memberId: string): Promise<Resident> => ({
    api,
    has: await furnish({ api, name, memberId, source }),
  });
  return {
    mooring,
    admin: await resident('admin', admin, member.id),
    alice: await resident('alice', alice.api, member.id),
    bob: await resident('bob', bob.api, member.id),
    mallory: await resident('mallory', mallory, foreignMember.id),
    source,
    async close() {
      await mooring.stop();
      await source.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** All lists and details that a tenant administrator sees; equal before and after requests that store nothing. */
export async function inventory({ api, has }: Resident): Promise<unknown> {
  const paths = [
    '/api/v1/users',
    '/api/v1/spaces',
    '/api/v1/api-keys',
    '/api/v1/data-connections',
    '/api/v1/data-credentials',
    `/api/v1/spaces/${has.spaceId}/assignments`,
    `/api/v1/data-connections/${has.connectionId}/credential`,
  ];
  const lists = await Promise.all(paths.map((one) => made(api.get(one))));
  const orphans = await made(api.post('/api/v1/data-credentials/actions/filter-orphan', {}));
  return [...lists.map((list) => list.data ?? list), orphans.data];
}
