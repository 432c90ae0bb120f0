import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { startBigQuery } from '@mooring/lab/bigquery';
import { listenOnLoopback, readRequestBody } from '@mooring/lab/loopback-http';
import { expect } from 'vitest';
import { type Answer, apiClient } from '../../../testing/api-client.js';
import { runOnFile } from '../../../testing/embedded-sql.js';

// A store that the release 0.1.0 filled, what it needs outside, and a walk over everything that was in it.

const fixture = new URL('0.1.0/', import.meta.url);

interface Known {
  keys: Record<'admin' | 'alice' | 'bob' | 'revoked', string>;
  logins: Record<string, Record<string, string>>;
  refreshTokens: string[];
  masterKey: string;
  once: { id: string };
  machine: { clientId: string; clientSecret: string };
  ids: Record<'spaces' | 'users' | 'connections' | 'credentials', Record<string, string>>;
  uses: { head: { seq: number; hash: string } };
}

export const formerStore = JSON.parse(readFileSync(new URL('known.json', fixture), 'utf8')) as Known;

const { keys, ids, logins } = formerStore;
const connections = '/api/v1/data-connections';

export interface FormerStand {
  configuration: object;
  environment: Readonly<Record<string, string>>;
  /** Creates a data folder from it whose orders are served by this stand, as if it had been stopped a moment ago. */
  unpack(dataFolder: string): void;
  /** Goes through everything that existed, as its users would. */
  walk(url: string): Promise<void>;
  close(): Promise<void>;
}

/** The provider of its grants. It takes each refresh token once, so what was renewed and not stored is lost. */
async function startProvider() {
  const good = new Set(formerStore.refreshTokens);
  let issued = 0;
  return listenOnLoopback(0, () => async (request, response) => {
    const form = new URLSearchParams((await readRequestBody(request)).toString());
    const token = form.get('refresh_token') ?? '';
    const isGood = request.url === '/token' && good.delete(token);
    response.writeHead(request.url === '/revoke' || isGood ? 200 : 400, {
      'content-type': 'application/json',
    });
    if (!isGood) return void response.end('{"error":"invalid_grant"}');
    issued += 1;
    const next = `refresh-of-the-former-store-${issued}`;
    good.add(next);
    const tokens = { access_token: `access-of-the-former-store-${issued}`, refresh_token: next };
    response.end(JSON.stringify({ ...tokens, token_type: 'bearer', expires_in: 2 }));
  });
}

/** Takes the 80 KB of query parameters that a large definition of the fixture has. */
async function startOrders() {
  const seen: string[] = [];
  const server = createServer({ maxHeaderSize: 200_000 }, (request, response) => {
    seen.push(Buffer.from((request.headers.authorization ?? '').split(' ')[1] ?? '', 'base64').toString());
    response.writeHead(200, { 'content-type': 'application/json' }).end('[{"id":1},{"id":2}]');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, seen, close };
}

/** Moves expiries to where they were when the release stopped, because the fixture ages. */
function makeYoung(file: string): void {
  const now = new Date().toISOString();
  const later = new Date(Date.now() + 600_000).toISOString();
  runOnFile(file, `update idempotent_request set created_at = '${now}'`);
  runOnFile(file, `update sign_in set created_at = '${now}', expires_at = '${later}'`);
  runOnFile(file, `update api_key set expires_at = '${later}' where expires_at is not null`);
}

function unpack(dataFolder: string, ordersUrl: string): void {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  writeFileSync(path.join(dataFolder, 'master.key'), `${formerStore.masterKey}\n`, { mode: 0o600 });
  const file = path.join(dataFolder, 'mooring.db');
  writeFileSync(file, gunzipSync(readFileSync(new URL('mooring.db.gz', fixture))), { mode: 0o600 });
  const here = (column: string) => `${column} = replace(${column}, 'http://127.0.0.1:45871', '${ordersUrl}')`;
  runOnFile(file, `update connection set ${here('properties')}, ${here('destination')}`);
  runOnFile(file, `update credential_destination set ${here('destination')}`);
  makeYoung(file);
}

const codeOf = (answer: Answer): string | undefined => answer.body?.errors?.[0]?.code;

async function walkLists(url: string): Promise<void> {
  const places = {
    spaces: '/api/v1/spaces',
    users: '/api/v1/users',
    connections,
    credentials: '/api/v1/data-credentials',
  };
  for (const [kind, place] of Object.entries(places)) {
    const rows = await Promise.all(
      (['alice', 'bob'] as const).map(async (name) => {
        const answer = await apiClient(url, keys[name]).get(`${place}?limit=100`);
        expect(answer.status, answer.text).toBe(200);
        return answer.body.data as { qName?: string; name: string; qID?: string; id: string }[];
      }),
    );
    const found = Object.fromEntries(rows.flat().map((row) => [row.qName ?? row.name, row.qID ?? row.id]));
    expect(found, kind).toMatchObject(ids[kind as keyof Known['ids']]);
  }
  expect((await apiClient(url, keys.revoked).get('/api/v1/users/me')).status).toBe(401);
  expect((await apiClient(url, keys.admin).get('/readyz')).status).toBe(200);
}

/** Every credential is ready, and those of the owner open: the refusal is one of the network, which comes after. */
async function walkCredentials(url: string): Promise<void> {
  for (const [name, id] of Object.entries(ids.connections)) {
    for (const user of name.endsWith('embedded') ? (['alice'] as const) : (['alice', 'bob'] as const)) {
      const api = apiClient(url, keys[user]);
      const credential = await api.get(`${connections}/${id}/credential`);
      expect(credential.body, `${name}, ${user}`).toMatchObject({ state: 'ready' });
      // A user who may not edit learns nothing about the network, and gets the answer after three seconds.
      if (user === 'bob' || !/^(postgres|mysql|s3)/.test(name)) continue;
      const refused = await api.post(`${connections}/${id}/actions/browse`, {});
      expect(codeOf(refused), `${name}: ${refused.text}`).toBe('EGRESS-REFUSED');
    }
  }
}

async function walkLargeDefinition(url: string): Promise<void> {
  const api = apiClient(url, keys.alice);
  const id = ids.connections['large embedded'];
  const used = await api.post(`${connections}/${id}/actions/preview`, { path: [] });
  expect(used.status, used.text).toBe(200);
  const patch = (path: string, value: unknown) =>
    api.patch(`${connections}/${id}`, [{ op: 'replace', path, value }]);
  expect((await patch('/qName', 'large embedded')).status).toBe(204);
  const pairs = (value: string) => Array.from({ length: 20 }, (_, i) => ({ name: `q${i}`, value }));
  const grown = await patch('/connectionProperties/queryParameters', pairs('x'.repeat(4_001)));
  expect([grown.status, grown.text]).toEqual([400, expect.stringContaining('may have 65536 bytes')]);
}

async function walkOwnSecrets(url: string): Promise<void> {
  const admin = apiClient(url, keys.admin);
  const once = await admin.post(
    '/api/v1/spaces',
    { name: 'once', type: 'shared' },
    { 'idempotency-key': 'made-once' },
  );
  expect([once.status, once.body.id], once.text).toEqual([201, formerStore.once.id]);
  const { clientId: client_id, clientSecret: client_secret } = formerStore.machine;
  const token = await apiClient(url, undefined).post('/oauth/token', {
    ...{ grant_type: 'client_credentials', client_id, client_secret },
  });
  expect(token.status, token.text).toBe(200);
  const { seq, hash } = formerStore.uses.head;
  const verified = await admin.post('/api/v1/data-credentials/actions/verify-uses', { head: { seq, hash } });
  expect(verified.body, verified.text).toMatchObject({ ok: true, done: true });
  const first = (await admin.get('/api/v1/data-uses?limit=100')).body.data;
  expect(first.length).toBeGreaterThan(0);
}

export async function startFormerStand(): Promise<FormerStand> {
  const orders = await startOrders();
  const provider = await startProvider();
  const isOurs = (token: string) => token.startsWith('access-of-the-former-store-');
  const bigQuery = await startBigQuery({
    verifyAccessToken: async (token) => ({ active: isOurs(token), sub: 'bob' }),
  });
  const endpoint = (at: string) => `${provider.url}/${at}`;
  const google = {
    ...{ clientId: 'mooring', clientSecret: 'secret-of-the-former-store', issuer: provider.url },
    ...{ authorizationEndpoint: endpoint('auth'), tokenEndpoint: endpoint('token') },
    revocationEndpoint: endpoint('revoke'),
  };
  return {
    environment: { MOORING_ADMIN_KEY: keys.admin },
    configuration: {
      oauth: { clients: { google } },
      sources: { gbq: { apiEndpoint: bigQuery.url } },
      limits: { useDays: 36_500, auditDays: 36_500 },
      egress: { allow: [orders, provider, bigQuery].map((one) => new URL(one.url).host), loopback: 'deny' },
    },
    unpack: (dataFolder) => unpack(dataFolder, orders.url),
    async walk(url) {
      await walkLists(url);
      await walkCredentials(url);
      for (const [user, name, login] of [
        ['alice', 'orders embedded', 'orders embedded'],
        ['bob', 'orders separated', 'orders of bob'],
      ] as const) {
        const path = `${connections}/${ids.connections[name]}/actions/preview`;
        const answer = await apiClient(url, keys[user]).post(path, { path: [] });
        expect(answer.status, answer.text).toBe(200);
        const { username, password } = logins[login] ?? {};
        expect(orders.seen.at(-1)).toBe(`${username}:${password}`);
      }
      for (const [user, name] of [
        ['alice', 'warehouse embedded'],
        ['bob', 'warehouse separated'],
      ] as const) {
        const path = `${connections}/${ids.connections[name]}/actions/preview`;
        const answer = await apiClient(url, keys[user]).post(path, { query: 'SELECT SESSION_USER() AS who' });
        expect(answer.status, answer.text).toBe(200);
      }
      await walkLargeDefinition(url);
      await walkOwnSecrets(url);
    },
    async close() {
      await Promise.all([orders.close(), provider.close(), bigQuery.close()]);
    },
  };
}
