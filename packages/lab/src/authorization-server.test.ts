import { createHash, randomBytes } from 'node:crypto';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSwitches } from './authorization-server/faults.js';
import { type LabAuthorizationServer, startAuthorizationServer } from './authorization-server.js';
import { type LoopbackServer, listenOnLoopback } from './loopback-http.js';
import { walkSignIn } from './sign-in-walk.js';

const bigquery = 'https://www.googleapis.com/auth/bigquery';

let server: LabAuthorizationServer;
let application: LoopbackServer;
let callback: string;
beforeAll(async () => {
  server = await startAuthorizationServer();
  application = await listenOnLoopback(0, () => (request, response) => {
    response.end(`<p>cookie: ${request.headers.cookie ?? 'none'}</p>`);
  });
  callback = `${application.url}/callback`;
  server.addRedirectUri(callback);
});
afterAll(async () => {
  await application?.close();
  await server?.close();
});
beforeEach(() => {
  Object.assign(server.switches, createSwitches());
  server.resetCounts();
});

function begin(extra: Record<string, string> = {}) {
  const verifier = randomBytes(32).toString('base64url');
  const params = {
    response_type: 'code',
    client_id: server.client.clientId,
    redirect_uri: callback,
    scope: bigquery,
    state: 'state-1',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...extra,
  };
  return { verifier, authUrl: `${server.authorizationEndpoint}?${new URLSearchParams(params)}` };
}

async function callToken(params: Record<string, string>, client = server.client) {
  const credentials = { client_id: client.clientId, client_secret: client.clientSecret };
  const response = await fetch(server.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({ ...credentials, ...params }),
  });
  const text = await response.text();
  return { status: response.status, text, json: text.startsWith('{') ? JSON.parse(text) : null };
}

async function signIn(login: 'alice' | 'bob', extra: Record<string, string> = { access_type: 'offline' }) {
  const user = server.users.find((one) => one.login === login);
  const { verifier, authUrl } = begin(extra);
  const end = await walkSignIn({ authUrl, login, password: user?.password ?? '' });
  const response = new URL(end.finalUrl).searchParams;
  const exchange = {
    grant_type: 'authorization_code',
    code: response.get('code') ?? '',
    redirect_uri: callback,
  };
  return { end, response, exchange: { ...exchange, code_verifier: verifier } };
}

describe('the authorization server of the lab', () => {
  it('signs a user in through its pages and names itself in the redirect', async () => {
    const { end, response, exchange } = await signIn('alice');
    expect(response.get('state')).toBe('state-1');
    expect(response.get('iss')).toBe(server.issuer);
    expect(end).toMatchObject({ status: 200, html: '<p>cookie: none</p>' });
    const { json } = await callToken(exchange);
    expect(json).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: bigquery });
    expect(await server.verifyAccessToken(json.access_token)).toEqual({
      active: true,
      sub: 'alice',
      scope: bigquery,
    });
    expect(server.counts()).toMatchObject({
      authorization: 1,
      token: { authorization_code: 1, refresh_token: 0 },
    });
  });

  it('gives a refresh token only to those who ask for offline access', async () => {
    const plain = await signIn('alice', {});
    expect((await callToken(plain.exchange)).json.refresh_token).toBeUndefined();
    for (const extra of [
      { access_type: 'offline' },
      { prompt: 'consent', scope: `openid ${bigquery} offline_access` },
    ]) {
      const { exchange } = await signIn('alice', extra);
      expect((await callToken(exchange)).json.refresh_token).toEqual(expect.any(String));
    }
  });

  it('refuses a wrong password, an unknown redirect, a missing PKCE challenge, a wrong verifier and a used code', async () => {
    await expect(walkSignIn({ authUrl: begin().authUrl, login: 'alice', password: 'x' })).rejects.toThrow(
      'refused',
    );
    const elsewhere = await fetch(begin({ redirect_uri: `${callback}/other` }).authUrl, {
      redirect: 'manual',
    });
    expect(elsewhere.status).toBe(400);
    const plain = await fetch(begin({ code_challenge: '', code_challenge_method: '' }).authUrl, {
      redirect: 'manual',
    });
    expect(plain.headers.get('location')).toContain('error=invalid_request');
    const first = await signIn('bob');
    const wrong = await callToken({ ...first.exchange, code_verifier: 'a'.repeat(43) });
    expect(wrong).toMatchObject({ status: 400, json: { error: 'invalid_grant' } });
    const second = await signIn('bob');
    expect((await callToken(second.exchange)).status).toBe(200);
    expect((await callToken(second.exchange)).json).toMatchObject({ error: 'invalid_grant' });
  });

  it('sends access_denied back when the user denies', async () => {
    const password = server.users[0].password;
    const end = await walkSignIn({
      authUrl: begin({ prompt: 'consent' }).authUrl,
      login: 'alice',
      password,
      decision: 'deny',
    });
    expect(new URL(end.finalUrl).searchParams.get('error')).toBe('access_denied');
  });

  it('rotates refresh tokens and ends the grant when an old one is used again', async () => {
    const { exchange } = await signIn('alice');
    const first = (await callToken(exchange)).json;
    const refresh = (token: string) => callToken({ grant_type: 'refresh_token', refresh_token: token });
    const second = (await refresh(first.refresh_token)).json;
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect((await refresh(first.refresh_token)).json).toMatchObject({ error: 'invalid_grant' });
    expect((await refresh(second.refresh_token)).json).toMatchObject({ error: 'invalid_grant' });
    expect((await server.verifyAccessToken(second.access_token)).active).toBe(false);
    expect(server.counts().token.refresh_token).toBe(3);
  });

  it('keeps the refresh token when rotation is off', async () => {
    const lasting = await startAuthorizationServer({
      rotate: false,
      redirectUris: [callback],
      accessTokenSeconds: 7,
    });
    const before = server;
    server = lasting;
    try {
      const { exchange } = await signIn('bob');
      const { refresh_token, expires_in } = (await callToken(exchange)).json;
      expect(expires_in).toBe(7);
      for (let turn = 0; turn < 3; turn += 1) {
        const { status, json } = await callToken({ grant_type: 'refresh_token', refresh_token });
        expect(status).toBe(200);
        expect(json.refresh_token ?? refresh_token).toBe(refresh_token);
      }
    } finally {
      server = before;
      await lasting.close();
    }
  });

  it('lets old refresh tokens work on where it rotates leniently', async () => {
    server.switches.rotation = 'lenient';
    const first = (await callToken((await signIn('alice')).exchange)).json;
    const refresh = () => callToken({ grant_type: 'refresh_token', refresh_token: first.refresh_token });
    const seen = new Set([first.refresh_token]);
    for (let turn = 0; turn < 3; turn += 1) {
      const { status, json } = await refresh();
      expect(status).toBe(200);
      seen.add(json.refresh_token);
    }
    expect(seen.size).toBe(4);
    server.switches.rotation = 'off';
    expect((await refresh()).json.refresh_token ?? first.refresh_token).toBe(first.refresh_token);
  });

  it('signs ID tokens by a clock that is ahead on request, with the key that it publishes', async () => {
    server.switches.clockSkewSeconds = 7200;
    const { exchange } = await signIn('alice', { scope: 'openid email' });
    const { json } = await callToken(exchange);
    const keys = createRemoteJWKSet(new URL(server.jwksUri));
    const inTwoHours = new Date(Date.now() + 7_200_000);
    const options = { issuer: server.issuer, audience: server.client.clientId, currentDate: inTwoHours };
    const { payload } = await jwtVerify(json.id_token, keys, { ...options, maxTokenAge: '5 minutes' });
    expect(payload).toMatchObject({ sub: 'alice', email: 'alice@lab.example' });
  });

  it('revokes by endpoint, by user and by expiry, and introspects', async () => {
    const tokens = async (login: 'alice' | 'bob') => (await callToken((await signIn(login)).exchange)).json;
    const [alice, bob] = [await tokens('alice'), await tokens('bob')];
    const post = async (url: string, token: string) => {
      const { clientId, clientSecret } = server.client;
      const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;
      return await fetch(url, {
        method: 'POST',
        headers: { authorization },
        body: new URLSearchParams({ token }),
      });
    };
    expect(await (await post(server.introspectionEndpoint, bob.access_token)).json()).toMatchObject({
      active: true,
      sub: 'bob',
    });
    server.expireAccessTokens();
    expect((await server.verifyAccessToken(bob.access_token)).active).toBe(false);
    const refresh = (token: string) => callToken({ grant_type: 'refresh_token', refresh_token: token });
    const renewed = (await refresh(bob.refresh_token)).json;
    expect((await server.verifyAccessToken(renewed.access_token)).active).toBe(true);
    server.revokeGrantsOf('bob');
    expect((await refresh(renewed.refresh_token)).json).toMatchObject({ error: 'invalid_grant' });
    expect((await post(server.revocationEndpoint, alice.refresh_token)).status).toBe(200);
    expect((await refresh(alice.refresh_token)).json).toMatchObject({ error: 'invalid_grant' });
    expect(server.counts().revocation).toBe(1);
  });

  it('serves client credentials to the machine client only', async () => {
    const params = { grant_type: 'client_credentials', scope: 'read' };
    const { json } = await callToken(params, server.machineClient);
    const verified = await server.verifyAccessToken(json.access_token);
    expect(verified).toEqual({ active: true, sub: server.machineClient.clientId, scope: 'read' });
    expect((await callToken(params)).status).toBe(400);
    const wrong = { ...server.machineClient, clientSecret: 'wrong' };
    expect((await callToken(params, wrong)).json).toMatchObject({ error: 'invalid_client' });
  });
});

describe('the faults of the authorization server', () => {
  const machine = () => callToken({ grant_type: 'client_credentials' }, server.machineClient);

  it('gives injected answers, once or always, and counts them', async () => {
    server.switches.tokenNext.push({
      kind: 'answer',
      answer: { status: 503, body: '<h1>down</h1>', contentType: 'text/html' },
    });
    expect(await machine()).toMatchObject({ status: 503, text: '<h1>down</h1>' });
    expect((await machine()).status).toBe(200);
    server.switches.tokenAlways = {
      kind: 'answer',
      answer: { status: 400, body: '{"error":"invalid_grant"}' },
    };
    expect((await machine()).json).toEqual({ error: 'invalid_grant' });
    expect(server.counts().token.client_credentials).toBe(3);
  });

  it('drops the connection after the work was done, so that a retry meets a used code', async () => {
    const { exchange } = await signIn('alice');
    server.switches.tokenNext.push({ kind: 'drop', commit: true });
    await expect(callToken(exchange)).rejects.toThrow('fetch failed');
    expect((await callToken(exchange)).json).toMatchObject({ error: 'invalid_grant' });
    const second = await signIn('alice');
    server.switches.tokenNext.push({ kind: 'drop' });
    await expect(callToken(second.exchange)).rejects.toThrow('fetch failed');
    expect((await callToken(second.exchange)).status).toBe(200);
  });

  it('holds its answer until it is released', async () => {
    let release = () => {};
    server.switches.tokenHold = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isAnswered = false;
    const answer = machine().finally(() => {
      isAnswered = true;
    });
    await expect.poll(() => server.counts().token.client_credentials).toBe(1);
    expect(isAnswered).toBe(false);
    release();
    expect((await answer).status).toBe(200);
  });

  it('lies about or leaves out parameters of the redirect', async () => {
    server.switches.authorizationResponse = { iss: 'https://evil.example', state: null };
    const { response } = await signIn('alice');
    expect(response.get('iss')).toBe('https://evil.example');
    expect(response.has('state')).toBe(false);
    expect(response.has('code')).toBe(true);
  });
});
