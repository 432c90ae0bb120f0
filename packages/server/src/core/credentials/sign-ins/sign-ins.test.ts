import { Secret } from '@mooring/connectors/spec/secret';
import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { startBigQuery } from '@mooring/lab/bigquery';
import { listenOnLoopback } from '@mooring/lab/loopback-http';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, addPerson, type TestPerson } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';
import { readPastedCode } from './pasted-code.js';

type AuthorizationServer = Awaited<ReturnType<typeof startAuthorizationServer>>;
type BigQuery = Awaited<ReturnType<typeof startBigQuery>>;

const door = '/api/v1/dcaas/actions/data-connections';
const codeOf = (html: string): string => /id="auth-code"[^>]*>([^<]+)</.exec(html)?.[1] ?? '';

describe('interactive sign-in', () => {
  let lab: AuthorizationServer;
  let bigQuery: BigQuery;
  let server: TestServer;
  let alice: TestPerson;
  let bob: TestPerson;
  let spaceId: string;
  let lastToken = '';

  beforeAll(async () => {
    lab = await startAuthorizationServer();
    bigQuery = await startBigQuery({
      verifyAccessToken: (token) => {
        lastToken = token;
        return lab.verifyAccessToken(token);
      },
    });
    server = await startServer({
      configuration: {
        oauth: {
          clients: {
            google: {
              ...lab.client,
              issuer: lab.issuer,
              authorizationEndpoint: lab.authorizationEndpoint,
              tokenEndpoint: lab.tokenEndpoint,
              revocationEndpoint: lab.revocationEndpoint,
            },
          },
        },
        sources: { gbq: { apiEndpoint: bigQuery.url } },
      },
    });
    lab.addRedirectUri(`${server.url}/oauth/callback/google`);
    alice = await addPerson(server.url, server.adminKey, 'alice');
    bob = await addPerson(server.url, server.adminKey, 'bob');
    const space = await alice.api.post('/api/v1/spaces', { name: 'Warehouse', type: 'shared' });
    spaceId = space.body.id;
    await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, {
      type: 'user',
      assigneeId: bob.id,
      roles: ['producer'],
    });
  });
  afterAll(async () => {
    await server.close();
    await bigQuery.close();
    await lab.close();
  });

  const properties = (more: object = {}) => ({ OAuthMechanism: '1', Catalog: bigQuery.projectId, ...more });
  const begin = (person: TestPerson, more: object = {}, body: object = {}) =>
    person.api.post(door, {
      dataSourceId: 'gbq',
      connectionName: 'warehouse',
      spaceId,
      authUrlOnly: 'true',
      connectionProperties: { ...properties(more), authCode: '' },
      ...body,
    });
  const finish = (person: TestPerson, connectionName: string, authCode: string, more: object = {}) =>
    person.api.post(door, {
      dataSourceId: 'gbq',
      connectionName,
      spaceId,
      connectionProperties: { ...properties(more), authCode },
    });
  const callback = (query: string, context = 'google') =>
    fetch(`${server.url}/oauth/callback/${context}${query}`);
  const walk = (authUrl: string, login: 'alice' | 'bob' = 'alice') => {
    const user = lab.users.find((candidate) => candidate.login === login);
    if (!user) throw new Error(`the lab has no ${login}`);
    return walkSignIn({ authUrl, login: user.login, password: user.password });
  };

  it('P1, R1, A5: signs in, shows a code, and the second call makes a connection that reads', async () => {
    lab.resetCounts();
    const begun = await begin(alice);
    expect(begun.status).toBe(201);
    const url = new URL(begun.body.authUrl);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_id: lab.client.clientId,
      response_type: 'code',
      scope: 'https://www.googleapis.com/auth/bigquery openid email',
      redirect_uri: `${server.url}/oauth/callback/google`,
      prompt: 'consent',
      access_type: 'offline',
      code_challenge_method: 'S256',
    });
    const page = await walk(begun.body.authUrl);
    expect(page.status).toBe(200);
    expect(page.html).toContain('alice');
    expect(lab.counts().token.authorization_code).toBe(0);
    const created = await finish(alice, 'warehouse', codeOf(page.html));
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      connectionName: 'warehouse',
      dataSourceId: 'gbq',
      spaceId,
      userId: alice.id,
    });
    expect(created.body).toHaveProperty('updateAt');
    expect(lab.counts().token.authorization_code).toBe(1);
    const preview = await alice.api.post(
      `/api/v1/data-connections/${created.body.connectionId}/actions/preview`,
      {
        query: 'SELECT SESSION_USER() AS who',
      },
    );
    expect(preview.status).toBe(200);
    expect(preview.body.rows[0][0]).toContain('alice');
    const refused = async (message: string) => {
      const error = { code: 400, message, errors: [{ reason: 'invalidQuery', message }] };
      bigQuery.switches.answerNext.push({ status: 400, body: JSON.stringify({ error }) });
      const actions = `/api/v1/data-connections/${created.body.connectionId}/actions`;
      return (await alice.api.post(`${actions}/preview`, { query: 'SELEC' })).text;
    };
    expect(await refused('Syntax error at [1:1]')).toContain('The server says');
    expect(await refused(`No such name: ${lastToken}`), 'US3: words with the access token').not.toMatch(
      /The server says|No such name/,
    );
    expect((await alice.api.get(`/api/v1/sign-ins/${begun.body.signInId}`)).body.state).toBe('completed');
    expect((await bob.api.get(`/api/v1/sign-ins/${begun.body.signInId}`)).status).toBe(404);
  });

  it('A5: does the same through data-connections, with its own shapes', async () => {
    const begun = await alice.api.post('/api/v1/data-connections', {
      dataSourceId: 'gbq',
      qName: 'warehouse 2',
      space: spaceId,
      authUrlOnly: true,
      connectionProperties: properties({ separateCredentials: 'true' }),
    });
    const page = await walk(begun.body.authUrl);
    const created = await alice.api.post('/api/v1/data-connections', {
      dataSourceId: 'gbq',
      qName: 'warehouse 2',
      space: spaceId,
      authUrlOnly: 'false',
      connectionProperties: properties({
        separateCredentials: 'true',
        credentialsName: 'my google',
        authCode: `code=${codeOf(page.html)}`,
      }),
    });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ qSeparateCredentials: true, qCredentialsName: 'my google' });
  });

  it('QL9: takes the code out of the address that was pasted, and decodes it once', async () => {
    const begun = await alice.api.post('/api/v1/data-connections', {
      ...{ dataSourceId: 'gbq', qName: 'warehouse of an address', space: spaceId, authUrlOnly: '1' },
      connectionProperties: properties({}),
    });
    const page = await walk(begun.body.authUrl);
    const code = encodeURIComponent(String(codeOf(page.html))).replaceAll('_', '%5F');
    const created = await alice.api.post('/api/v1/data-connections', {
      ...{ dataSourceId: 'gbq', qName: 'warehouse of an address', space: spaceId },
      connectionProperties: properties({
        authCode: `https://mooring.example/oauth/callback/google?code=${code}`,
      }),
    });
    expect(created.status, created.text).toBe(201);
    const read = (text: string) => readPastedCode(new Secret(text))?.code.reveal();
    for (const [pasted, meant] of [
      ['4/0AX', '4/0AX'],
      ['4%2F0AX', '4/0AX'],
      ['4%252F0AX', '4%2F0AX'],
      ['code=4%2F0AX', '4/0AX'],
      ['https://a.example/cb?state=s&code=4%2F0AX#', '4/0AX'],
      ['http://localhost:1/cb#code=4%2F0AX', '4/0AX'],
      ['100%', '100%'],
      ['https://a.example/cb?error=access_denied', 'error=access_denied'],
    ] as const)
      expect(read(pasted), pasted).toBe(meant);
  });

  it('X07, X08: refuses a second person with a link to sign in, and reads as that person afterwards', async () => {
    const found = await bob.api.get(
      `/api/v1/data-connections/warehouse%202?type=connectionname&spaceId=${spaceId}`,
    );
    expect(found.body).not.toHaveProperty('qCredentialsID');
    const path = `/api/v1/data-connections/${found.body.qID}`;
    const who = () => bob.api.post(`${path}/actions/preview`, { query: 'SELECT SESSION_USER() AS who' });
    const refused = await who();
    expect(refused.status).toBe(403);
    expect(refused.body.errors[0]).toMatchObject({
      code: 'CREDENTIALS-REQUIRED',
      meta: {
        reason: 'missing',
        connectionId: found.body.qID,
        dataSourceId: 'gbq',
        bring: `${path}/credential`,
      },
    });
    const page = await walk(refused.body.errors[0].meta.signIn.authUrl, 'bob');
    const brought = await bob.api.put(refused.body.errors[0].meta.bring, {
      credentialsName: 'bobs google',
      connectionProperties: { authCode: codeOf(page.html) },
    });
    expect(brought.status).toBe(200);
    expect(brought.body).toMatchObject({ state: 'ready', credentialsName: 'bobs google' });
    expect((await who()).body.rows[0][0]).toContain('bob');
  });

  it('O01, O02: refuses a redirect with no, an unknown, a cut, a changed or a doubled state, and calls nobody', async () => {
    lab.resetCounts();
    const { state } = Object.fromEntries(new URL((await begin(alice)).body.authUrl).searchParams);
    const swapped = String(state).replace(/[a-zA-Z]/, (letter) =>
      letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
    );
    const queries = [
      '?code=x',
      '?code=x&state=',
      '?code=x&state=unknown',
      `?code=x&state=${String(state).slice(0, -1)}`,
    ];
    queries.push(
      `?code=x&state=${swapped}`,
      `?code=x&state=${state}&state=${state}`,
      `?code=x&state[]=${state}`,
      '',
    );
    for (const query of queries) expect((await callback(query)).status, query).toBe(400);
    expect(lab.counts().token.authorization_code).toBe(0);
  });

  it('P3, O03: redeems once when the same code is sent 50 times at once', async () => {
    lab.resetCounts();
    const page = await walk((await begin(alice)).body.authUrl);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => finish(alice, `parallel ${index}`, codeOf(page.html))),
    );
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
    expect(answers.every((answer) => [201, 400, 409].includes(answer.status))).toBe(true);
    expect(lab.counts().token.authorization_code).toBe(1);
  });

  it('O05: refuses the code of another person and leaves their sign-in usable', async () => {
    const page = await walk((await begin(alice)).body.authUrl);
    const stolen = await finish(bob, 'stolen', codeOf(page.html));
    expect(stolen.status).toBe(400);
    expect(stolen.body.errors[0].code).toBe('SIGN-IN-INVALID');
    expect((await bob.api.get('/api/v1/data-credentials')).text).not.toContain('stolen');
    expect((await finish(alice, 'not stolen', codeOf(page.html))).status).toBe(201);
  });

  it('O08: refuses a code that arrives at the path of another authorization server', async () => {
    const { state } = Object.fromEntries(new URL((await begin(alice)).body.authUrl).searchParams);
    expect(
      (await callback(`?code=x&state=${state}&iss=${encodeURIComponent(lab.issuer)}`, 'other')).status,
    ).toBe(400);
  });

  it('O09: ends the sign-in when the issuer is wrong or promised and absent', async () => {
    lab.resetCounts();
    for (const iss of ['&iss=https%3A%2F%2Fevil.example', '']) {
      const begun = await begin(alice);
      const { state } = Object.fromEntries(new URL(begun.body.authUrl).searchParams);
      expect((await callback(`?code=x&state=${state}${iss}`)).status).toBe(400);
      expect((await alice.api.get(`/api/v1/sign-ins/${begun.body.signInId}`)).body.state).toBe('failed');
      expect((await finish(alice, 'mix-up', `code=x&state=${state}`)).status).toBe(400);
    }
    expect(lab.counts().token.authorization_code).toBe(0);
  });

  it('O10: never repeats a state or a challenge, and keeps the verifier to itself', async () => {
    const urls = await Promise.all(Array.from({ length: 300 }, () => begin(bob)));
    const states = new Set(urls.map((answer) => new URL(answer.body.authUrl).searchParams.get('state')));
    const challenges = new Set(
      urls.map((answer) => new URL(answer.body.authUrl).searchParams.get('code_challenge')),
    );
    expect(states.size).toBe(300);
    expect(challenges.size).toBe(300);
    for (const challenge of challenges) expect(challenge).toMatch(/^[\w-]{43}$/);
    for (const state of states) expect(String(state).length).toBeGreaterThanOrEqual(22);
  });

  it('O11: takes no part of the exchange from the request', async () => {
    for (const name of [
      'redirect_uri',
      'client_id',
      'code_challenge_method',
      'token_url',
      'scope',
      'state',
      'prompt',
    ]) {
      const answer = await begin(alice, { [name]: 'https://evil.example' });
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0].detail).toContain(name);
    }
  });

  it('O12: makes links and the redirect from configuration, whatever the Host header says', async () => {
    const answer = await fetch(`${server.url}${door}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${alice.key}`,
        'content-type': 'application/json',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        forwarded: 'host=evil.example',
      },
      body: JSON.stringify({
        dataSourceId: 'gbq',
        connectionName: 'h',
        authUrlOnly: true,
        connectionProperties: properties(),
      }),
    });
    expect(await answer.text()).not.toContain('evil.example');
  });

  it('O14: shows an error of the provider escaped and short, and ends the sign-in', async () => {
    const begun = await begin(alice);
    const { state } = Object.fromEntries(new URL(begun.body.authUrl).searchParams);
    const text = encodeURIComponent(`<script>alert(1)</script>\r\nX: y${'z'.repeat(3000)}`);
    const answer = await callback(
      `?error=access_denied&error_description=${text}&state=${state}&iss=${encodeURIComponent(lab.issuer)}`,
    );
    const html = await answer.text();
    expect(answer.status).toBe(400);
    expect(html).not.toContain('<script>alert');
    expect(html).not.toContain('zzz');
    expect((await alice.api.get(`/api/v1/sign-ins/${begun.body.signInId}`)).body).toMatchObject({
      state: 'failed',
      error: 'access_denied',
    });
  });

  it('R2, O17: closes the sign-in when a code of another flow is pasted', async () => {
    const first = await begin(alice);
    const firstPage = await walkRaw(first);
    const second = await begin(alice);
    const answer = await finish(
      alice,
      'injected',
      `code=${firstPage}&state=${new URL(second.body.authUrl).searchParams.get('state')}`,
    );
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0].code).toBe('PROVIDER-REFUSED');
    expect((await alice.api.get(`/api/v1/sign-ins/${second.body.signInId}`)).body.state).toBe('failed');
  });

  /** Signs in, but takes the provider's own code from the redirect before it reaches the page. */
  const walkRaw = async (begun: Answer): Promise<string> => {
    const user = lab.users.find((candidate) => candidate.login === 'alice');
    const page = await walkSignIn({
      authUrl: begun.body.authUrl,
      login: user?.login ?? '',
      password: user?.password ?? '',
      fetch: (input, init) =>
        String(input).startsWith(server.url)
          ? Promise.resolve(new Response('', { status: 200 }))
          : fetch(input, init),
    });
    return new URL(page.finalUrl).searchParams.get('code') ?? '';
  };

  it('takes a raw code of the same sign-in, alone or with its state', async () => {
    expect((await finish(alice, 'raw', await walkRaw(await begin(alice)))).status).toBe(201);
    const begun = await begin(alice);
    const code = await walkRaw(begun);
    const state = new URL(begun.body.authUrl).searchParams.get('state');
    expect((await finish(alice, 'raw 2', `code=${code}&state=${state}`)).status).toBe(201);
  });

  it('R3: keeps the code for another try when the provider is down, and refuses it once it was used', async () => {
    const page = await walk((await begin(alice)).body.authUrl);
    lab.switches.tokenNext = [
      { kind: 'answer', answer: { status: 503, body: '<html>down</html>' } },
    ] as never;
    const down = await finish(alice, 'retry', codeOf(page.html));
    expect(down.status).toBe(424);
    expect(down.body.errors[0].code).toBe('PROVIDER-FAILED');
    expect((await finish(alice, 'retry', codeOf(page.html))).status).toBe(201);
    expect((await finish(alice, 'retry again', codeOf(page.html))).status).toBe(400);
  });

  it('O35, O36: the page is not stored, not framed, and names nobody to third parties', async () => {
    const { headers } = await callback('?code=x&state=y');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(server.logText()).not.toMatch(/code=|state=/);
  });

  it('refreshes an expired grant once for many readers, and stores the rotated token', async () => {
    const connection = await alice.api.get(
      `/api/v1/data-connections/warehouse?type=connectionname&spaceId=${spaceId}`,
    );
    const read = () =>
      alice.api.post(`/api/v1/data-connections/${connection.body.qID}/actions/preview`, {
        query: 'SELECT SESSION_USER() AS who',
      });
    for (let round = 0; round < 2; round += 1) {
      lab.expireAccessTokens();
      lab.resetCounts();
      const answers = await Promise.all(Array.from({ length: 20 }, read));
      expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200));
      expect(lab.counts().token.refresh_token).toBe(1);
    }
    await server.restart();
    lab.expireAccessTokens();
    expect((await read()).status).toBe(200);
  });

  it('N1, N2, O24: asks the person to sign in again when the grant is dead, once, and leaves others alone', async () => {
    const connection = await alice.api.get(
      `/api/v1/data-connections/warehouse%202?type=connectionname&spaceId=${spaceId}`,
    );
    const read = (person: TestPerson) =>
      person.api.post(`/api/v1/data-connections/${connection.body.qID}/actions/preview`, {
        query: 'SELECT SESSION_USER() AS who',
      });
    lab.revokeGrantsOf('bob');
    lab.expireAccessTokens();
    lab.resetCounts();
    const refused = await read(bob);
    expect(refused.status).toBe(403);
    expect(refused.body.errors[0]).toMatchObject({
      code: 'CREDENTIALS-REQUIRED',
      meta: { reason: 'needs_sign_in' },
    });
    const calls = lab.counts().token.refresh_token;
    expect(calls).toBe(1);
    await Promise.all(Array.from({ length: 10 }, () => read(bob)));
    expect(lab.counts().token.refresh_token).toBe(calls);
    expect((await read(alice)).status).toBe(200);

    const page = await walk(refused.body.errors[0].meta.signIn.authUrl, 'bob');
    const renewed = await bob.api.put(refused.body.errors[0].meta.bring, {
      connectionProperties: { authCode: codeOf(page.html) },
    });
    expect(renewed.body).toMatchObject({ state: 'ready', credentialsName: 'bobs google' });
    expect((await read(bob)).status).toBe(200);
  });

  it('renews an embedded sign-in in place by PATCH with qlik-auth-code', async () => {
    const found = await alice.api.get(
      `/api/v1/data-connections/warehouse?type=connectionname&spaceId=${spaceId}`,
    );
    const path = `/api/v1/data-connections/${found.body.qID}`;
    const read = () => alice.api.post(`${path}/actions/preview`, { query: 'SELECT SESSION_USER() AS who' });
    lab.revokeGrantsOf('alice');
    lab.expireAccessTokens();
    const refused = await read();
    expect(refused.body.errors[0]).toMatchObject({
      code: 'CREDENTIALS-REQUIRED',
      meta: { reason: 'needs_sign_in', bring: path },
    });
    const page = await walk(refused.body.errors[0].meta.signIn.authUrl);
    const renewed = await alice.api.patch(path, [], { 'qlik-auth-code': `code=${codeOf(page.html)}` });
    expect(renewed.status, renewed.text).toBe(204);
    expect((await read()).status).toBe(200);
    expect((await alice.api.get(path)).body.qCredentialsID).toBe(found.body.qCredentialsID);
    const again = await alice.api.patch(path, [], { 'qlik-auth-code': codeOf(page.html) });
    expect(again.status).toBe(400);
  });

  it('QL2: a sign-in that is renewed leaves the encrypted headers beside it as they were', async () => {
    const seen: unknown[] = [];
    const items = await listenOnLoopback(0, () => async (request, response) => {
      const [, token = ''] = (request.headers.authorization ?? '').split(' ');
      const { active } = await lab.verifyAccessToken(token);
      seen.push(request.headers['x-key']);
      response.writeHead(active ? 200 : 401, { 'content-type': 'application/json' }).end('[{"a":1}]');
    });
    const signIn = async (authUrl: string) => {
      lab.addRedirectUri(new URL(authUrl).searchParams.get('redirect_uri') ?? '');
      return codeOf((await walk(authUrl)).html);
    };
    for (const choice of [{}, { separateCredentials: true, credentialsName: 'beside' }]) {
      const make = (more: object, body: object = {}) =>
        alice.api.post('/api/v1/data-connections', {
          ...{ datasourceID: 'rest', qName: `beside ${Object.keys(choice).length}`, space: spaceId, ...body },
          connectionProperties: {
            ...{ url: items.url, authSchema: 'oauth2', scope: 'openid offline_access', issuer: lab.issuer },
            ...{
              authorizationUrl: `${lab.authorizationEndpoint}?prompt=consent`,
              tokenUrl: lab.tokenEndpoint,
            },
            ...lab.client,
            queryHeaders: [{ name: 'X-Key', value: 'canary-beside-a-sign-in', encrypt: true }],
            ...{ ...choice, ...more },
          },
        });
      const begun = await make({}, { authUrlOnly: true });
      const made = await make({ authCode: await signIn(begun.body.authUrl) });
      expect(made.status, made.text).toBe(201);
      const path = `/api/v1/data-connections/${made.body.qID}`;
      const read = () => alice.api.post(`${path}/actions/preview`, { path: [] });
      expect((await read()).status).toBe(200);
      lab.revokeGrantsOf('alice');
      lab.expireAccessTokens();
      const refused = await read();
      const code = await signIn(refused.body.errors[0].meta.signIn.authUrl);
      const renewed =
        'credentialsName' in choice
          ? await alice.api.put(`${path}/credential`, { connectionProperties: { authCode: code } })
          : await alice.api.patch(path, [], { 'qlik-auth-code': code });
      expect(renewed.status, renewed.text).toBeLessThan(300);
      seen.length = 0;
      expect((await read()).status).toBe(200);
      expect(seen).toEqual(['canary-beside-a-sign-in']);
    }
    await items.close();
  });

  /** A separated grant of bob's, brought to the shared connection. */
  const bringAsBob = async (): Promise<string> => {
    const found = await bob.api.get(
      `/api/v1/data-connections/warehouse%202?type=connectionname&spaceId=${spaceId}`,
    );
    const path = `/api/v1/data-connections/${found.body.qID}/credential`;
    const begun = await bob.api.put(path, { authUrlOnly: true });
    const page = await walk(begun.body.authUrl, 'bob');
    const connectionProperties = { authCode: codeOf(page.html) };
    const brought = await bob.api.put(path, { credentialsName: 'bobs google', connectionProperties });
    expect(brought.status, brought.text).toBe(200);
    return `/api/v1/data-credentials/${brought.body.credentialId}`;
  };

  it('G7, D1, O28: revokes the grant at the provider when its credential is deleted', async () => {
    const credential = await bob.api.get('/api/v1/data-credentials/bobs%20google?byCredentialName=true');
    const before = await server.storedText();
    lab.resetCounts();
    expect((await bob.api.delete(`/api/v1/data-credentials/${credential.body.qID}`)).status).toBe(204);
    await expect.poll(() => lab.counts().revocation).toBe(1);
    expect(before).toContain(credential.body.qID);
    const found = await bob.api.get(
      `/api/v1/data-connections/warehouse%202?type=connectionname&spaceId=${spaceId}`,
    );
    const refused = await bob.api.post(`/api/v1/data-connections/${found.body.qID}/actions/test`);
    expect(refused.body.errors[0]).toMatchObject({
      code: 'CREDENTIALS-REQUIRED',
      meta: { reason: 'missing' },
    });
  });

  it('D2, O28: deletes at once when the provider is down, and tells it later, over a restart', async () => {
    const path = await bringAsBob();
    lab.resetCounts();
    lab.switches.revocationAlways = { status: 503, body: 'down' };
    expect((await bob.api.delete(path)).status).toBe(204);
    await expect.poll(() => lab.counts().revocation).toBe(1);
    await server.restart();
    lab.switches.revocationAlways = undefined;
    await expect.poll(() => lab.counts().revocation, { timeout: 20_000 }).toBeGreaterThan(1);
    const told = lab.counts().revocation;
    await server.restart();
    expect(lab.counts().revocation).toBe(told);
  });

  it('N3: a dead grant can be deleted', async () => {
    const path = await bringAsBob();
    lab.revokeGrantsOf('bob');
    expect((await bob.api.delete(path)).status).toBe(204);
    expect((await bob.api.get(path)).status).toBe(404);
  });

  it('P2, O04: refuses a code after the time of the sign-in', async () => {
    const short = await startServer({
      configuration: {
        oauth: {
          clients: {
            google: {
              ...lab.client,
              authorizationEndpoint: lab.authorizationEndpoint,
              tokenEndpoint: lab.tokenEndpoint,
            },
          },
        },
        limits: { signInMinutes: 0.005 },
      },
    });
    try {
      const person = await addPerson(short.url, short.adminKey, 'late');
      const begun = await person.api.post(door, {
        dataSourceId: 'gbq',
        connectionName: 'x',
        authUrlOnly: true,
        connectionProperties: properties(),
      });
      const { state } = Object.fromEntries(new URL(begun.body.authUrl).searchParams);
      const stateOf = async () =>
        (await person.api.get(`/api/v1/sign-ins/${begun.body.signInId}`)).body.state;
      await expect.poll(stateOf).toBe('expired');
      const answer = await person.api.post(door, {
        dataSourceId: 'gbq',
        connectionName: 'x',
        connectionProperties: properties({ authCode: `code=abc&state=${state}` }),
      });
      expect(answer.status).toBe(400);
      expect(answer.body.errors[0].detail).toContain('expired');
    } finally {
      await short.close();
    }
  });
});
