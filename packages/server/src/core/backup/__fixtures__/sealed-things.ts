import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { startBigQuery } from '@mooring/lab/bigquery';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { expect } from 'vitest';
import {
  type Answer,
  type ApiClient,
  addUser,
  apiClient,
  type TestUser,
} from '../../../testing/api-client.js';
import {
  adminKey,
  startServer,
  type TestServer,
  type TestServerOptions,
} from '../../../testing/start-server.js';

// A server with one sealed record of every kind, and a walk through all flows that need them.

const codeOf = (html: string): string => /id="auth-code"[^>]*>([^<]+)</.exec(html)?.[1] ?? '';

export interface SealedThings {
  server: TestServer;
  /** On another data folder, with the same configuration; the environment names a store, if any. */
  startOn(dataFolder: string, environment?: TestServerOptions['environment']): Promise<TestServer>;
  /** Goes through every flow. `isWhole`: everything still opens; otherwise nothing that was sealed does. */
  walk(url: string, isWhole: boolean): Promise<void>;
  close(): Promise<void>;
}

const postgres = { host: '127.0.0.1', port: 9, db: 'd', username: 'u', password: 'canary-of-the-drill' };
const idempotent = { 'idempotency-key': 'made-once' };

async function startLab() {
  const server = await startAuthorizationServer();
  const bigQuery = await startBigQuery({ verifyAccessToken: server.verifyAccessToken });
  const { client, issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint } = server;
  const google = { ...client, issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint };
  const configuration = {
    oauth: { clients: { google } },
    sources: { gbq: { apiEndpoint: bigQuery.url } },
    egress: { allow: [new URL(server.issuer).host, new URL(bigQuery.url).host], loopback: 'deny' },
  };
  return { server, bigQuery, configuration };
}

type Lab = Awaited<ReturnType<typeof startLab>>;

async function pageOf(lab: Lab, authUrl: string, login: 'alice' | 'bob'): Promise<string> {
  const user = lab.server.users.find((one) => one.login === login);
  return (await walkSignIn({ authUrl, login, password: user?.password ?? '' })).html;
}

/** An answer that is not a failure of the server. */
function sane(answer: Answer): Answer {
  expect(answer.status, answer.text).toBeLessThan(500);
  return answer;
}

const browse = (api: ApiClient, id: string) => api.post(`/api/v1/data-connections/${id}/actions/browse`, {});
const codeFrom = (answer: Answer): string => answer.body.errors?.[0]?.code;
const reasonFrom = (answer: Answer): string => answer.body.errors?.[0]?.meta?.reason;

async function connectPostgres(api: ApiClient, qName: string): Promise<string> {
  const made = sane(
    await api.post('/api/v1/data-connections', {
      datasourceID: 'postgres',
      qName,
      connectionProperties: postgres,
    }),
  );
  expect(made.status, made.text).toBe(201);
  return made.body.qID;
}

interface Made {
  alice: TestUser;
  owner: TestUser;
  embedded: string;
  warehouse: string;
  machine: { clientId: string; clientSecret: string };
  token: string;
  /** Under way, and of one that has arrived, the code. */
  pending: { signInId: string };
  arrivedCode: string;
}

const tokenOf = (url: string, { clientId, clientSecret }: Made['machine']) =>
  apiClient(url, undefined).post('/oauth/token', {
    ...{ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret },
  });

async function bringGrant(lab: Lab, api: ApiClient, warehouse: string, login: 'alice' | 'bob') {
  const begun = sane(await api.put(`${warehouse}/credential`, { authUrlOnly: true }));
  const authCode = codeOf(await pageOf(lab, begun.body.authUrl, login));
  return sane(await api.put(`${warehouse}/credential`, { connectionProperties: { authCode } }));
}

async function fill(lab: Lab, server: TestServer): Promise<Made> {
  const admin = apiClient(server.url, adminKey);
  const owner = await addUser(server.url, adminKey, 'owner');
  const alice = await addUser(server.url, adminKey, 'alice');
  const embedded = await connectPostgres(admin, 'embedded');
  expect(codeFrom(await browse(admin, embedded))).toBe('EGRESS-REFUSED');
  const machine = (await admin.post('/api/v1/oauth-clients', { clientName: 'm', appType: 'web' })).body;
  const token = (await tokenOf(server.url, machine)).body.access_token;

  const space = (await owner.api.post('/api/v1/spaces', { name: 'Warehouse', type: 'shared' })).body.id;
  await owner.api.post(`/api/v1/spaces/${space}/assignments`, {
    ...{ type: 'user', assigneeId: alice.id, roles: ['dataconsumer'] },
  });
  const properties = { OAuthMechanism: '1', Catalog: lab.bigQuery.projectId, separateCredentials: true };
  const body = { datasourceID: 'gbq', qName: 'warehouse', space };
  const begin = (connectionProperties: object, authUrlOnly: boolean) =>
    owner.api.post('/api/v1/data-connections', { ...body, connectionProperties, authUrlOnly });
  const authCode = codeOf(await pageOf(lab, (await begin(properties, true)).body.authUrl, 'bob'));
  const made = await begin({ ...properties, authCode }, false);
  expect(made.status, made.text).toBe(201);
  const warehouse = `/api/v1/data-connections/${made.body.qID}`;
  expect((await bringGrant(lab, alice.api, warehouse, 'alice')).status).toBe(200);

  // A grant whose revocation is still queued.
  lab.server.switches.revocationAlways = { status: 503, body: '{}' };
  const own = (await owner.api.get('/api/v1/data-credentials')).body.data;
  for (const { qID } of own)
    expect((await owner.api.delete(`/api/v1/data-credentials/${qID}`)).status).toBe(204);
  // Another account, which waits for a choice.
  const parked = await bringGrant(lab, alice.api, warehouse, 'bob');
  expect(codeFrom(parked), parked.text).toBe('SIGN-IN-ACCOUNT-DIFFERS');
  const pending = (await alice.api.put(`${warehouse}/credential`, { authUrlOnly: true })).body;
  const arrived = (await alice.api.put(`${warehouse}/credential`, { authUrlOnly: true })).body;
  const arrivedCode = codeOf(await pageOf(lab, arrived.authUrl, 'alice'));
  const once = await admin.post('/api/v1/spaces', { name: 'once', type: 'shared' }, idempotent);
  expect(once.status).toBe(201);
  return { alice, owner, embedded, warehouse, machine, token, pending, arrivedCode };
}

async function walkOwnFlows(url: string, admin: ApiClient, made: Made, isWhole: boolean): Promise<void> {
  const ready = sane(await admin.get('/readyz'));
  expect(ready.status, ready.text).toBe(200);
  const machineStatus = async (token: string) =>
    sane(await apiClient(url, token).get('/api/v1/data-connections')).status;
  // Tokens of the old server name it as their issuer; its key would be good.
  expect(await machineStatus(made.token)).toBe(401);
  const issued = sane(await tokenOf(url, made.machine));
  expect(issued.status, issued.text).toBe(200);
  expect(await machineStatus(issued.body.access_token)).toBe(200);
  const again = sane(await admin.post('/api/v1/spaces', { name: 'once', type: 'shared' }, idempotent));
  expect([again.status, codeFrom(again)]).toEqual(
    isWhole ? [201, undefined] : [409, 'IDEMPOTENCY-OUTCOME-UNKNOWN'],
  );
  const fresh = await connectPostgres(admin, `after ${url}`);
  expect(codeFrom(sane(await browse(admin, fresh)))).toBe('EGRESS-REFUSED');
  const record = sane(await admin.post('/api/v1/data-credentials/actions/verify-uses', {}));
  expect(record.body, record.text).toMatchObject({ ok: true });
  expect(sane(await admin.post('/api/v1/vault-keys/actions/rotate')).status).toBe(200);
  const events = (await admin.get('/api/v1/audits?source=mooring/sealed-record&limit=100')).body.data;
  const kinds = new Set(events.map((event: { data: { kind: string } }) => event.data.kind));
  expect(kinds).toEqual(
    new Set(isWhole ? [] : ['sign-in', 'revocation', 'idempotent-answer', 'signing-key', 'use-key']),
  );
}

async function walkBrought(lab: Lab, admin: ApiClient, made: Made, isWhole: boolean): Promise<void> {
  const { alice, embedded, warehouse, pending, arrivedCode } = made;
  const api = { admin, alice: alice.api };
  const opened = sane(await browse(api.admin, embedded));
  const asked = sane(
    await api.alice.post(`${warehouse}/actions/preview`, { query: 'SELECT SESSION_USER() AS who' }),
  );
  const path = (id: string) => `/api/v1/sign-ins/${id}`;
  const state = sane(await api.alice.get(path(pending.signInId))).body.state;
  const paste = sane(
    await api.alice.put(`${warehouse}/credential`, { connectionProperties: { authCode: arrivedCode } }),
  );
  if (isWhole) {
    expect(codeFrom(opened)).toBe('EGRESS-REFUSED');
    expect(asked.status, asked.text).toBe(200);
    expect(state).toBe('pending');
    // The provider takes a code once, and the drills share one.
    expect([undefined, 'PROVIDER-REFUSED'], paste.text).toContain(codeFrom(paste));
    return;
  }
  for (const refused of [opened, asked]) {
    expect([refused.status, reasonFrom(refused)], refused.text).toEqual([403, 'unreadable']);
  }
  expect(state).toBe('failed');
  expect([paste.status, codeFrom(paste)], paste.text).toEqual([400, 'SIGN-IN-INVALID']);
  // Enter again what was lost.
  const mended = sane(
    await api.admin.patch(`/api/v1/data-connections/${embedded}`, [
      { op: 'replace', path: '/connectionProperties', value: postgres },
    ]),
  );
  expect(mended.status, mended.text).toBeLessThan(300);
  expect(codeFrom(sane(await browse(api.admin, embedded)))).toBe('EGRESS-REFUSED');
  const brought = await bringGrant(lab, api.alice, warehouse, 'alice');
  expect(brought.status, brought.text).toBe(200);
  const answered = await api.alice.post(`${warehouse}/actions/preview`, {
    query: 'SELECT SESSION_USER() AS who',
  });
  expect(answered.body?.rows?.[0]?.[0], answered.text).toContain('alice');
}

async function walkEnds(admin: ApiClient, { embedded }: Made): Promise<void> {
  expect(sane(await admin.delete(`/api/v1/data-connections/${embedded}`)).status).toBe(204);
  const tenant = (await admin.get('/api/v1/tenants/me')).body.id;
  const revoked = sane(await admin.post('/api/v1/data-credentials/actions/revoke', { all: tenant }));
  expect(revoked.status, revoked.text).toBe(200);
}

/** @param environment names the store, if any */
export async function startSealedThings(
  environment?: TestServerOptions['environment'],
): Promise<SealedThings> {
  const lab = await startLab();
  const startOn = async (dataFolder?: string, given = environment): Promise<TestServer> => {
    const { configuration } = lab;
    const server = await startServer({
      configuration,
      ...(dataFolder === undefined ? {} : { dataFolder }),
      ...(given === undefined ? {} : { environment: given, database: 'given' as const }),
    });
    lab.server.addRedirectUri(`${server.url}/oauth/callback/google`);
    return server;
  };
  const server = await startOn();
  const made = await fill(lab, server);
  return {
    server,
    startOn,
    async walk(url, isWhole) {
      const admin = apiClient(url, adminKey);
      const there = { ...made, alice: { ...made.alice, api: apiClient(url, made.alice.key) } };
      await walkOwnFlows(url, admin, there, isWhole);
      await walkBrought(lab, admin, there, isWhole);
      await walkEnds(admin, there);
    },
    async close() {
      await server.close();
      await Promise.all([lab.server.close(), lab.bigQuery.close()]);
    },
  };
}
