// Creates the store of version 0.1.0 for the upgrade test: packages/server/src/core/store/__fixtures__/0.1.0.
//
//   git worktree add ../mooring-0.1.0 17267f5 && cd ../mooring-0.1.0 && npm ci && npm run build
//   node scripts/make-upgrade-fixture.mjs ../mooring-0.1.0
//
// Fills the release's own server through its own API. All secrets exist only in this fixture and protect nothing.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

const release = path.resolve(process.argv[2] ?? '');
const target = fileURLToPath(
  new URL('../packages/server/src/core/store/__fixtures__/0.1.0/', import.meta.url),
);
const labOf = (name) => import(pathToFileURL(path.join(release, 'packages/lab/dist', `${name}.js`)).href);
const [{ startAuthorizationServer }, { startBigQuery }, { walkSignIn }] = await Promise.all(
  ['authorization-server', 'bigquery', 'sign-in-walk'].map(labOf),
);

const known = {
  note: 'Test-only secrets of a store that holds nothing real; see README.md.',
  adminKey: 'administrator-of-the-upgrade-fixture-0123456789',
  keys: {},
  logins: {},
  refreshTokens: [],
};

/** Serves the rows of one connection. The test uses a server of its own on this port. */
async function serveOrders() {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json').end('[{"id":1}]');
  });
  server.listen(45_871, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** A proxy for the lab's token endpoint: the test must know the issued tokens. */
async function watchTokens(endpoint) {
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    const { authorization, 'content-type': type } = request.headers;
    const headers = { 'content-type': type, ...(authorization ? { authorization } : {}) };
    const answer = await fetch(endpoint, { method: 'POST', headers, body });
    const text = await answer.text();
    const { refresh_token: token } = JSON.parse(text);
    if (token) known.refreshTokens.push(token);
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${server.address().port}/token`, close: () => server.close() };
}

const folder = mkdtempSync(path.join(tmpdir(), 'mooring-fixture-'));
const data = path.join(folder, 'data');
const lab = await startAuthorizationServer();
const bigQuery = await startBigQuery({ verifyAccessToken: lab.verifyAccessToken });
const tokens = await watchTokens(lab.tokenEndpoint);
const orders = await serveOrders();
const { client, issuer, authorizationEndpoint, revocationEndpoint } = lab;
const google = { ...client, issuer, authorizationEndpoint, tokenEndpoint: tokens.url, revocationEndpoint };
const config = path.join(folder, 'config.json');
writeFileSync(
  config,
  JSON.stringify({ oauth: { clients: { google } }, sources: { gbq: { apiEndpoint: bigQuery.url } } }),
);

const child = spawn(
  process.execPath,
  [
    path.join(release, 'packages/cli/bin/mooring.js'),
    'serve',
    '--port',
    '0',
    '--data',
    data,
    '--config',
    config,
  ],
  { stdio: ['ignore', 'pipe', 'ignore'], env: { PATH: process.env.PATH, MOORING_ADMIN_KEY: known.adminKey } },
);
const [ready] = await once(createInterface(child.stdout), 'line');
const url = ready.slice(ready.indexOf('http'));
lab.addRedirectUri(`${url}/oauth/callback/google`);

const clientOf = (key) => {
  const call =
    (method) =>
    async (where, body, headers = {}) => {
      const answer = await fetch(url + where, {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        ...(method === 'GET' || method === 'DELETE' ? {} : { body: JSON.stringify(body ?? {}) }),
      });
      const text = await answer.text();
      const isJson = answer.headers.get('content-type')?.startsWith('application/json');
      return { status: answer.status, text, body: isJson && text !== '' ? JSON.parse(text) : undefined };
    };
  return { get: call('GET'), post: call('POST'), put: call('PUT'), delete: call('DELETE') };
};
const expectStatus = (answer, ...statuses) => {
  if (!statuses.includes(answer.status)) throw new Error(`Answered ${answer.status}: ${answer.text}`);
  return answer.body;
};

const admin = clientOf(known.adminKey);
known.keys.admin = known.adminKey;
async function addUser(name) {
  const { id } = expectStatus(await admin.post('/api/v1/users', { subject: name, name }), 201);
  const { token } = expectStatus(
    await admin.post('/api/v1/api-keys', { description: name, sub: id }),
    200,
    201,
  );
  known.keys[name] = token;
  return { id, api: clientOf(token) };
}

const alice = await addUser('alice');
const bob = await addUser('bob');
const space = expectStatus(await alice.api.post('/api/v1/spaces', { name: 'Team', type: 'shared' }), 201);
const member = { type: 'user', assigneeId: bob.id, roles: ['dataconsumer'] };
expectStatus(await alice.api.post(`/api/v1/spaces/${space.id}/assignments`, member), 201);
const again = { 'idempotency-key': 'made-once' };
known.once = expectStatus(await admin.post('/api/v1/spaces', { name: 'once', type: 'shared' }, again), 201);

const nowhere = { host: '127.0.0.1', port: 9 };
const bucket = { endpoint: 'http://127.0.0.1:9', region: 'eu-west-1', bucketName: 'bucket' };
const large = Array.from({ length: 20 }, (_, i) => ({ name: `q${i}`, value: 'x'.repeat(4_000) }));
const password = (of) => ({ username: of, password: `fixture-password-of-${of}` });
const s3 = (of) => ({ accessKey: `AKIA${of}`, secretKey: `fixture-secret-of-${of}` });
const sources = {
  postgres: ['postgres', { ...nowhere, db: 'd' }, password],
  mysql: ['mysql', { ...nowhere, database: 'd' }, password],
  s3: ['File_AmazonS3Connector', bucket, s3],
  s3v2: ['File_AmazonS3ConnectorV2', bucket, s3],
  orders: ['rest', { url: 'http://127.0.0.1:45871/orders', authSchema: 'basic' }, password],
  large: [
    'rest',
    { url: 'http://127.0.0.1:45871/large', authSchema: 'basic', queryParameters: large },
    password,
  ],
};
const connections = '/api/v1/data-connections';
for (const [name, [datasourceID, properties, loginOf]] of Object.entries(sources)) {
  const make = async (qName, login, more) => {
    known.logins[qName] = login;
    const connectionProperties = { ...properties, ...login, ...more };
    const body = { datasourceID, qName, space: space.id, connectionProperties };
    return expectStatus(await alice.api.post(connections, body), 201).qID;
  };
  await make(`${name} embedded`, loginOf(`${name}-embedded`));
  const own = { separateCredentials: true, credentialsName: `${name} of alice` };
  const separated = await make(`${name} separated`, loginOf(`${name}-alice`), own);
  const bobs = loginOf(`${name}-bob`);
  known.logins[`${name} of bob`] = bobs;
  const brought = { credentialsName: `${name} of bob`, connectionProperties: bobs };
  expectStatus(await bob.api.put(`${connections}/${separated}/credential`, brought), 200);
}

const codeOf = async (authUrl, login) => {
  const { html } = await walkSignIn({
    authUrl,
    login,
    password: lab.users.find((one) => one.login === login).password,
  });
  return /id="auth-code"[^>]*>([^<]+)</.exec(html)[1];
};
const catalog = { OAuthMechanism: '1', Catalog: bigQuery.projectId };
async function connectWarehouse(qName, properties, login) {
  const body = { datasourceID: 'gbq', qName, space: space.id };
  const begun = await alice.api.post(connections, {
    ...body,
    authUrlOnly: true,
    connectionProperties: properties,
  });
  const authCode = await codeOf(expectStatus(begun, 200, 201).authUrl, login);
  const made = await alice.api.post(connections, {
    ...body,
    connectionProperties: { ...properties, authCode },
  });
  return `${connections}/${expectStatus(made, 201).qID}`;
}
async function signIn({ api }, warehouse, login) {
  const { authUrl } = expectStatus(await api.put(`${warehouse}/credential`, { authUrlOnly: true }), 200);
  const connectionProperties = { authCode: await codeOf(authUrl, login) };
  return api.put(`${warehouse}/credential`, { connectionProperties });
}
await connectWarehouse('warehouse embedded', catalog, 'alice');
const warehouse = await connectWarehouse(
  'warehouse separated',
  { ...catalog, separateCredentials: true },
  'alice',
);
expectStatus(await signIn(bob, warehouse, 'bob'), 200);
// A grant that waits for a choice, one still to be revoked at its provider, and a pending sign-in.
expectStatus(await signIn(bob, warehouse, 'alice'), 409);
lab.switches.revocationAlways = { status: 503, body: '{}' };
const doomed = await connectWarehouse('doomed', catalog, 'bob');
expectStatus(await alice.api.delete(doomed), 204);
known.pending = expectStatus(
  await bob.api.put(`${warehouse}/credential`, { authUrlOnly: true }),
  200,
).signInId;

const machine = expectStatus(
  await admin.post('/api/v1/oauth-clients', { clientName: 'm', appType: 'web' }),
  200,
  201,
);
known.machine = { clientId: machine.clientId, clientSecret: machine.clientSecret };
const revoked = expectStatus(await alice.api.post('/api/v1/api-keys', { description: 'revoked' }), 200, 201);
known.keys.revoked = revoked.token;
expectStatus(await alice.api.delete(`/api/v1/api-keys/${revoked.id}`), 204);

const listed = {
  spaces: '/api/v1/spaces',
  users: '/api/v1/users',
  connections,
  credentials: '/api/v1/data-credentials',
};
const byName = (rows) => Object.fromEntries(rows.map((row) => [row.qName ?? row.name, row.qID ?? row.id]));
const { body: all } = await alice.api.get(connections);
const idOf = (name) => all.data.find(({ qName }) => qName === name).qID;
const use = (api, name, action, body) => api.post(`${connections}/${idOf(name)}/actions/${action}`, body);
expectStatus(await use(bob.api, 'orders separated', 'preview', { path: [] }), 200, 400, 404, 422);
expectStatus(await use(alice.api, 'orders embedded', 'browse', {}), 200);
expectStatus(
  await use(bob.api, 'warehouse separated', 'preview', { query: 'SELECT SESSION_USER() AS who' }),
  200,
);
for (const name of Object.keys(sources)) await use(alice.api, `${name} embedded`, 'browse', {});

known.ids = {};
for (const [kind, where] of Object.entries(listed)) {
  const rows = await Promise.all([alice, bob].map(async ({ api }) => (await api.get(where)).body.data));
  known.ids[kind] = byName(rows.flat());
}
known.uses = expectStatus(await admin.post('/api/v1/data-credentials/actions/verify-uses'), 200);

child.kill('SIGTERM');
await once(child, 'exit');
writeFileSync(
  path.join(target, 'mooring.db.gz'),
  gzipSync(readFileSync(path.join(data, 'mooring.db')), { level: 9 }),
);
known.masterKey = readFileSync(path.join(data, 'master.key'), 'utf8').trim();
writeFileSync(path.join(target, 'known.json'), `${JSON.stringify(known, null, 2)}\n`);
for (const one of [lab, bigQuery, tokens, orders]) await one.close();
rmSync(folder, { recursive: true, force: true });
