import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../../testing/api-client.js';
import { recordStatements, type Statement } from '../../../testing/recorded-statements.js';
import { type SharedConnection, sharedConnection } from './__fixtures__/shared-connection.js';

const statements: Statement[] = [];
let stopRecording: () => void;
let shared: SharedConnection;
let lab: SharedConnection['lab'];
let server: SharedConnection['server'];
let alice: TestUser;
let bob: TestUser;
let carol: TestUser;
let connection: string;
let spaceId: string;
let properties: SharedConnection['properties'];

beforeAll(async () => {
  stopRecording = recordStatements(statements);
  shared = await sharedConnection();
  ({ lab, server, alice, bob, carol, connection, spaceId, properties } = shared);
});
afterAll(async () => {
  await shared.close();
  stopRecording();
});

describe('using a shared connection', () => {
  const rowsOf = async (person: TestUser) =>
    (await person.api.post(`${connection}/actions/preview`, { path: ['sales', 'orders'] })).body.rows;

  it('X07: refuses a user without a credential, typed, and never falls back to another', async () => {
    const refused = await bob.api.post(`${connection}/actions/read`, { path: ['sales', 'orders'] });
    expect(refused.status).toBe(403);
    expect(refused.body.errors[0]).toMatchObject({
      code: 'CREDENTIALS-REQUIRED',
      meta: { reason: 'missing', dataSourceId: 'postgres', bring: `${connection}/credential` },
    });
    expect(refused.body.errors[0].meta).not.toHaveProperty('signIn');
    expect((await bob.api.post(`${connection}/actions/resolve`)).body).toMatchObject({
      usable: false,
      state: 'missing',
    });
  });

  it('H: refuses in one order: no access, role, data source, request, credential', async () => {
    const stranger = await addUser(server.url, server.adminKey, 'stranger');
    const admin = apiClient(server.url, server.adminKey);
    const disable = (disabled: boolean) => admin.put('/api/v1/data-sources/postgres/settings', { disabled });
    const unclear = { path: ['sales', 'orders'], query: 'select 1' };
    const codeFor = async (api: ApiClient, body: object) =>
      (await api.post(`${connection}/actions/preview`, body)).body.errors[0].code;
    expect((await disable(true)).status).toBe(200);
    expect(await codeFor(stranger.api, unclear)).toBe('NOT-FOUND');
    expect(await codeFor(admin, unclear)).toBe('ACCESS-DENIED');
    expect(await codeFor(carol.api, unclear)).toBe('DCAAS-2001');
    await disable(false);
    expect(await codeFor(carol.api, unclear)).toBe('DCERROR-0010');
    expect(await codeFor(carol.api, { path: ['sales', 'orders'] })).toBe('CREDENTIALS-REQUIRED');
  });

  it('D11: says that a source with passwords has no sign-in page', async () => {
    const refused = await bob.api.put(`${connection}/credential`, { credentialId: null, authUrlOnly: true });
    expect(refused.status).toBe(400);
    expect(refused.body.errors[0].detail).toMatch(/^authUrlOnly: .*connectionProperties/);
  });

  it('shows two users their own rows through one connection', async () => {
    const { user: username, password } = lab.roles.bob;
    const brought = await bob.api.put(`${connection}/credential`, {
      credentialsName: 'bobs login',
      connectionProperties: { username, password },
    });
    expect(brought.body).toMatchObject({ state: 'ready', separated: true, credentialsName: 'bobs login' });
    const [ofAlice, ofBob] = [await rowsOf(alice), await rowsOf(bob)];
    expect(ofAlice.length).toBe(5);
    expect(ofBob.length).toBe(3);
    expect(JSON.stringify(ofAlice)).not.toEqual(JSON.stringify(ofBob));
    expect(
      (await carol.api.post(`${connection}/actions/preview`, { path: ['sales', 'orders'] })).status,
    ).toBe(403);
  });

  it('shows the owner of a credential who used it', async () => {
    const mine = await bob.api.get('/api/v1/data-credentials/bobs%20login?byCredentialName=true');
    const uses = await bob.api.get(`/api/v1/data-credentials/${mine.body.qID}/uses`);
    expect(uses.body.data[0]).toMatchObject({ userId: bob.id, action: 'preview', result: 'ok' });
    expect((await alice.api.get(`/api/v1/data-credentials/${mine.body.qID}/uses`)).status).toBe(404);
  });

  it('tests in stages for the owner, and coarsely for others', async () => {
    const answer = await alice.api.post(`${connection}/actions/test`);
    expect(answer.body.ok).toBe(true);
    expect(answer.body.stages.map((stage: { name: string }) => stage.name)).toEqual([
      'name',
      'route',
      'tcp',
      'signIn',
      'rights',
      'firstRow',
    ]);
    expect((await bob.api.post(`${connection}/actions/test`)).body).toEqual({
      ok: true,
      stages: [{ name: 'connection', ok: true }],
    });
  });

  it.each([
    ['a wrong password', { password: 'wrong' }, 'signIn', 'SOURCE-SIGN-IN-FAILED'],
    ['a closed port', { port: 1 }, 'tcp', 'SOURCE-UNREACHABLE'],
    ['a name that does not exist', { host: 'no-such-host.invalid' }, 'name', 'SOURCE-UNREACHABLE'],
    ['a metadata address', { host: '169.254.169.254' }, 'route', 'EGRESS-REFUSED'],
    ['TLS that is not trusted', { sslmode: 'verify-full' }, 'tls', 'SOURCE-TLS-FAILED'],
  ])('says at which stage %s fails, with a code and a remedy', async (_what, wrong, stage, code) => {
    const { user: username, password } = lab.roles.alice;
    const answer = await alice.api.post('/api/v1/data-connections/actions/test', {
      dataSourceId: 'postgres',
      connectionProperties: properties({ username, password }, wrong),
    });
    expect(answer.status).toBe(200);
    expect(answer.body.ok).toBe(false);
    expect(answer.body.stages.at(-1)).toMatchObject({ name: stage, ok: false, code });
    expect(answer.body.stages.at(-1).remedy).toBeTruthy();
    expect(answer.text).not.toContain(password);
  });

  it('TR12: reports a refused sign-in at once, also to users who may not edit the connection', async () => {
    const { user: username } = lab.roles.bob;
    const member = await addUser(server.url, server.adminKey, 'member');
    await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, {
      ...{ type: 'user', assigneeId: member.id, roles: ['dataconsumer'] },
    });
    const brought = await member.api.put(`${connection}/credential`, {
      credentialsName: 'wrong login',
      connectionProperties: { username, password: 'not the password' },
    });
    expect(brought.status, brought.text).toBe(200);
    const since = performance.now();
    const tested = await member.api.post(`${connection}/actions/test`);
    expect(tested.body.stages).toEqual([
      {
        ...{ name: 'signIn', ok: false, code: 'SOURCE-SIGN-IN-FAILED' },
        message: 'The source refused your sign-in.',
        remedy: 'Enter your credential again.',
      },
    ]);
    for (const action of ['browse', 'preview', 'read']) {
      const body = action === 'browse' ? {} : { path: ['sales', 'orders'] };
      const used = await member.api.post(`${connection}/actions/${action}`, body);
      expect(used.status).toBe(403);
      expect(used.body.errors[0]).toMatchObject({
        code: 'SOURCE-SIGN-IN-FAILED',
        detail: 'The source refused your sign-in. Enter your credential again.',
        meta: { bring: `${connection}/credential` },
      });
    }
    expect(performance.now() - since).toBeLessThan(3_000);
  });

  it('X04: does not use a credential at another destination until its user confirms it', async () => {
    const credential = await alice.api.get('/api/v1/data-credentials/my%20login?byCredentialName=true');
    const made = await alice.api.post('/api/v1/data-connections', {
      dataSourceId: 'postgres',
      qName: 'elsewhere',
      space: spaceId,
      connectionProperties: {
        ...properties({}),
        separateCredentials: true,
        selectedCredentials: credential.body.qID,
      },
    });
    expect(made.status).toBe(201);
    const moved = await alice.api.patch(`/api/v1/data-connections/${made.body.qID}`, [
      { op: 'replace', path: '/connectionProperties/host', value: 'localhost' },
    ]);
    expect(moved.status, moved.text).toBe(204);
    expect((await alice.api.get(`/api/v1/data-connections/${made.body.qID}`)).body).not.toHaveProperty(
      'qCredentialsID',
    );
    const path = `/api/v1/data-connections/${made.body.qID}`;
    const refused = await alice.api.post(`${path}/actions/preview`, { path: ['sales', 'orders'] });
    expect(refused.body.errors[0]).toMatchObject({
      code: 'CREDENTIALS-REQUIRED',
      meta: { reason: 'needs_confirmation' },
    });
    const state = await alice.api.get(`${path}/credential`);
    expect(state.body.destination).toContain('host=localhost');
    expect(
      (await alice.api.post(`${path}/credential/actions/confirm`, { destination: 'host=elsewhere' })).status,
    ).toBe(409);
    const confirmed = await alice.api.post(`${path}/credential/actions/confirm`, {
      destination: state.body.destination,
    });
    expect(confirmed.body.state).toBe('ready');
    expect((await alice.api.post(`${path}/actions/preview`, { path: ['sales', 'orders'] })).status).toBe(200);
  });

  it('browses level by level', async () => {
    const schemas = await alice.api.post(`${connection}/actions/browse`, { path: [] });
    expect(schemas.body.items.map((item: { name: string }) => item.name)).toContain('sales');
    const tables = await alice.api.post(`${connection}/actions/browse`, { path: ['sales'], limit: 2 });
    expect(tables.body.items).toHaveLength(2);
    const more = await alice.api.post(`${connection}/actions/browse`, {
      path: ['sales'],
      limit: 2,
      page: tables.body.next,
    });
    expect(more.body.items[0].name).not.toBe(tables.body.items[0].name);
    const columns = await alice.api.post(`${connection}/actions/browse`, { path: ['sales', 'orders'] });
    expect(columns.body.items[0]).toMatchObject({ kind: 'column' });
  });

  it('R/D13: refuses to write, whatever the statement', async () => {
    for (const query of [
      'DELETE FROM sales.scratch',
      'SELECT 1; SELECT 2',
      "COPY (SELECT 1) TO PROGRAM 'true'",
      'WITH x AS (DELETE FROM sales.scratch RETURNING *) SELECT * FROM x',
    ]) {
      const answer = await alice.api.post(`${connection}/actions/preview`, { query });
      expect(answer.status, query).toBeGreaterThanOrEqual(400);
      expect(answer.status, query).toBeLessThan(500);
      expect(answer.text).not.toMatch(/syntax|DELETE FROM|sales\.scratch/);
    }
  });

  it('refuses both path and query, neither, and unknown columns', async () => {
    expect((await alice.api.post(`${connection}/actions/preview`, {})).status).toBe(400);
    expect(
      (await alice.api.post(`${connection}/actions/preview`, { path: ['a'], query: 'select 1' })).status,
    ).toBe(400);
    const answer = await alice.api.post(`${connection}/actions/preview`, {
      path: ['sales', 'orders'],
      columns: ['nope'],
    });
    expect(answer.status).toBe(422);
  });
});

describe('the reads of a use', () => {
  let source: LoopbackServer;

  beforeAll(async () => {
    source = await listenOnLoopback(0, () => (request, response) => {
      const token = { access_token: 'canary-of-a-client-token', token_type: 'Bearer', expires_in: 3600 };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(request.url === '/token' ? token : [{ id: 1 }]));
    });
  });
  afterAll(() => source.close());

  /** Counted apart (DECISIONS 25): who calls, how often they may, and the record, which reads what it appends to. */
  const isApart = ({ text }: Statement) => /"(?:api_key|rate_count|use_\w+)"/.test(text);
  const isRead = ({ text }: Statement) => /^\s*(?:select|with)\b/i.test(text);

  const login = { authSchema: 'basic', username: 'a', password: 'password-of-counted-uses' };
  const client = {
    authSchema: 'oauth2ClientCredentials',
    clientId: 'c',
    clientSecret: 'secret-of-counted-uses',
  };

  it.each([
    ['an embedded login', login],
    ['a separated login', { ...login, separateCredentials: true, credentialsName: 'counted' }],
    ['a secret of the connection', client],
  ])('H: are two round trips, with %s', async (what, more) => {
    const tokenUrl = 'clientId' in more ? { tokenUrl: `${source.url}/token` } : {};
    const made = await alice.api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'rest', qName: what },
      connectionProperties: { url: `${source.url}/items`, ...tokenUrl, ...more },
    });
    expect(made.status, made.text).toBe(201);
    const use = () =>
      alice.api.post(`/api/v1/data-connections/${made.body.qID}/actions/preview`, { path: [] });
    expect((await use()).body.rows).toEqual([[1]]);
    const readsOf = async () => {
      const before = statements.length;
      expect((await use()).status).toBe(200);
      const reads = statements.slice(before).filter((one) => isRead(one) && !isApart(one));
      return reads.map(({ text }) => text);
    };
    // A node also reads by the clock (whether rights still stand, say), so that single uses may show more.
    let reads = await readsOf();
    for (let round = 0; round < 8 && reads.length > 2; round += 1) reads = await readsOf();
    expect(reads).toEqual([
      expect.stringMatching(/"source_setting"/),
      expect.stringMatching(/"source_setting".+"credential_link".+"login"/),
    ]);
  });
});
