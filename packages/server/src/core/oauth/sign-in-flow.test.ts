// The whole way of a grant against a real authorization server, through the real gate.
import { Secret } from '@mooring/connectors/interface/secret';
import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { createSwitches } from '@mooring/lab/authorization-server/faults';
import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hiddenClient } from '../config/hidden-client.js';
import { gateOf } from './__fixtures__/token-server.js';
import { authorizationUrl, createSignInSecrets } from './authorization-url.js';
import { requestClientCredentials } from './client-credentials-grant.js';
import { exchangeCode } from './code-grant.js';
import { issuerPromisesParameter } from './discovery.js';
import { readRedirect } from './redirect.js';
import { refreshGrant } from './refresh-grant.js';
import { revokeToken } from './revocation.js';

const network = gateOf();
let lab: LabAuthorizationServer;
let application: LoopbackServer;
let redirectUri: string;
let preset: OAuthPreset;

beforeAll(async () => {
  lab = await startAuthorizationServer();
  application = await listenOnLoopback(0, () => (_, response) => response.end('arrived'));
  redirectUri = `${application.url}/oauth/callback/lab`;
  lab.addRedirectUri(redirectUri);
  preset = {
    authorizationEndpoint: lab.authorizationEndpoint,
    tokenEndpoint: lab.tokenEndpoint,
    revocationEndpoint: lab.revocationEndpoint,
    issuer: lab.issuer,
    scopes: ['openid', 'read', 'offline_access'],
    authorizationParameters: { prompt: 'consent' },
    clientAuthentication: 'client_secret_post',
  };
});
afterAll(async () => {
  await application?.close();
  await lab?.close();
});
beforeEach(() => {
  Object.assign(lab.switches, createSwitches());
  lab.resetCounts();
});

/** Goes to the provider and comes back, as a user would. */
async function arrive(input: { preset?: OAuthPreset; decision?: 'allow' | 'deny' } = {}) {
  const secrets = createSignInSecrets();
  const asked = input.preset ?? preset;
  const authUrl = await authorizationUrl({
    preset: asked,
    client: hiddenClient(lab.client),
    redirectUri,
    ...secrets,
  });
  const { login, password } = lab.users[0];
  const { finalUrl } = await walkSignIn({ authUrl, login, password, decision: input.decision ?? 'allow' });
  const redirect = readRedirect({
    parameters: new URL(finalUrl).searchParams,
    expectedState: secrets.state,
    issuer: lab.issuer,
    issuerPromised: await issuerPromisesParameter(lab.issuer, network),
  });
  return { ...secrets, redirect };
}

async function signIn(asked = preset) {
  const { redirect, codeVerifier } = await arrive({ preset: asked });
  if (!redirect.ok) throw new Error(`The redirect was refused: ${redirect.error}`);
  const exchange = {
    preset: asked,
    client: hiddenClient(lab.client),
    redirectUri,
    code: new Secret(redirect.code),
    codeVerifier,
    network,
    now: Date.now,
  };
  return { exchange, tokens: await exchangeCode(exchange) };
}

describe('an interactive sign-in', () => {
  it('A5: gives tokens that work for the user who signed in', async () => {
    const before = Date.now();
    const { tokens } = await signIn();
    expect(tokens.subject).toBe('alice');
    expect(tokens.refreshToken?.reveal()).toEqual(expect.any(String));
    expect(tokens.scope?.split(' ').sort()).toEqual(['offline_access', 'openid', 'read']);
    expect(tokens.expiresAt).toBeGreaterThanOrEqual(before + 300_000);
    expect(tokens.expiresAt).toBeLessThanOrEqual(Date.now() + 300_000);
    expect(await lab.verifyAccessToken(tokens.accessToken.reveal())).toMatchObject({
      active: true,
      sub: 'alice',
    });
    expect(lab.counts().token).toMatchObject({ authorization_code: 1 });
  });

  it('works with the secret in the Authorization header too', async () => {
    const { tokens } = await signIn({ ...preset, clientAuthentication: 'client_secret_basic' });
    expect((await lab.verifyAccessToken(tokens.accessToken.reveal())).active).toBe(true);
  });

  it('O03, O17: redeems no code twice, and none under another verifier', async () => {
    const { exchange } = await signIn();
    await expect(exchangeCode(exchange)).rejects.toMatchObject({
      kind: 'code_refused',
      providerCode: 'invalid_grant',
    });
    const { redirect } = await arrive();
    const code = new Secret(redirect.ok ? redirect.code : '');
    const { codeVerifier } = createSignInSecrets();
    await expect(exchangeCode({ ...exchange, code, codeVerifier })).rejects.toMatchObject({
      kind: 'code_refused',
    });
  });

  it('O14: reports that the user refused', async () => {
    const { redirect } = await arrive({ decision: 'deny' });
    expect(redirect).toEqual({ ok: false, error: 'provider', providerError: 'access_denied' });
    expect(lab.counts().token.authorization_code).toBe(0);
  });

  it('O02, O09: ends before any token call when state or iss lie or are missing', async () => {
    const lies: [Record<string, string | null>, string][] = [
      [{ state: 'forged' }, 'state'],
      [{ state: null }, 'state'],
      [{ iss: 'https://evil.example' }, 'issuer'],
      [{ iss: null }, 'issuer'],
    ];
    for (const [authorizationResponse, error] of lies) {
      lab.switches.authorizationResponse = authorizationResponse;
      expect((await arrive()).redirect).toEqual({ ok: false, error });
    }
    expect(lab.counts().token.authorization_code).toBe(0);
  });

  it('refuses an ID token of another issuer', async () => {
    const { redirect, codeVerifier } = await arrive();
    const code = new Secret(redirect.ok ? redirect.code : '');
    const elsewhere = { ...preset, issuer: 'https://other.example' };
    const exchange = {
      preset: elsewhere,
      client: hiddenClient(lab.client),
      redirectUri,
      code,
      codeVerifier,
      network,
      now: Date.now,
    };
    await expect(exchangeCode(exchange)).rejects.toMatchObject({ kind: 'nonsense' });
  });

  it('refuses a wrong client secret as a matter of the client', async () => {
    const { redirect, codeVerifier } = await arrive();
    const code = new Secret(redirect.ok ? redirect.code : '');
    const client = hiddenClient({ ...lab.client, clientSecret: 'wrong' });
    await expect(
      exchangeCode({ preset, client, redirectUri, code, codeVerifier, network, now: Date.now }),
    ).rejects.toMatchObject({ kind: 'client_refused', providerCode: 'invalid_client' });
  });
});

describe('a refresh', () => {
  it('O20: gives the rotated token, and the old one is dead', async () => {
    const { tokens } = await signIn();
    const refreshToken = tokens.refreshToken ?? new Secret('');
    const renewed = await refreshGrant({
      preset,
      client: hiddenClient(lab.client),
      refreshToken,
      network,
      now: Date.now,
    });
    expect(renewed.refreshToken?.reveal()).not.toBe(refreshToken.reveal());
    expect((await lab.verifyAccessToken(renewed.accessToken.reveal())).active).toBe(true);
    await expect(
      refreshGrant({ preset, client: hiddenClient(lab.client), refreshToken, network, now: Date.now }),
    ).rejects.toMatchObject({
      kind: 'grant_dead',
    });
  });

  it('O24: tells a revoked grant from everything else', async () => {
    const { tokens } = await signIn();
    lab.revokeGrantsOf('alice');
    const refreshToken = tokens.refreshToken ?? new Secret('');
    await expect(
      refreshGrant({ preset, client: hiddenClient(lab.client), refreshToken, network, now: Date.now }),
    ).rejects.toMatchObject({
      kind: 'grant_dead',
      providerCode: 'invalid_grant',
    });
  });

  it('O22, O25: survives a provider that is down, hangs up or answers with a page', async () => {
    const { tokens } = await signIn();
    const refresh = () =>
      refreshGrant({
        preset,
        client: hiddenClient(lab.client),
        refreshToken: tokens.refreshToken ?? new Secret(''),
        network,
        now: Date.now,
      });
    const page = { body: '<h1>Down</h1>', contentType: 'text/html' };
    lab.switches.tokenNext.push(
      { kind: 'answer', answer: { status: 503, ...page, headers: { 'retry-after': '7' } } },
      { kind: 'answer', answer: { status: 429, body: '{}', headers: { 'retry-after': '8' } } },
      { kind: 'answer', answer: { status: 200, ...page } },
      { kind: 'drop' },
    );
    await expect(refresh()).rejects.toMatchObject({ kind: 'unavailable', retryAfterSeconds: 7 });
    await expect(refresh()).rejects.toMatchObject({ kind: 'rate_limited', retryAfterSeconds: 8 });
    await expect(refresh()).rejects.toMatchObject({ kind: 'nonsense' });
    await expect(refresh()).rejects.toMatchObject({ kind: 'unavailable' });
    expect((await lab.verifyAccessToken((await refresh()).accessToken.reveal())).active).toBe(true);
  });
});

describe('client credentials', () => {
  it('give a token of the client itself', async () => {
    const call = {
      preset: { ...preset, scopes: ['read'] },
      client: hiddenClient(lab.machineClient),
      network,
      now: Date.now,
    };
    const tokens = await requestClientCredentials(call);
    expect(tokens).toMatchObject({ scope: 'read', expiresAt: expect.any(Number) });
    expect(tokens.refreshToken).toBeUndefined();
    expect(await lab.verifyAccessToken(tokens.accessToken.reveal())).toMatchObject({
      sub: lab.machineClient.clientId,
    });
    const wrong = { ...call, client: hiddenClient({ ...lab.machineClient, clientSecret: 'wrong' }) };
    await expect(requestClientCredentials(wrong)).rejects.toMatchObject({ kind: 'client_refused' });
  });
});

describe('a revocation', () => {
  it('O28: ends the grant at the provider', async () => {
    const { tokens } = await signIn();
    const refreshToken = tokens.refreshToken ?? new Secret('');
    const end = { preset, client: hiddenClient(lab.client), token: refreshToken, network, now: Date.now };
    expect(await revokeToken(end)).toBe('revoked');
    expect(lab.counts().revocation).toBe(1);
    await expect(
      refreshGrant({ preset, client: hiddenClient(lab.client), refreshToken, network, now: Date.now }),
    ).rejects.toMatchObject({
      kind: 'grant_dead',
    });
    expect(await revokeToken(end)).toBe('revoked');
  });

  it('O28: says when it has to be tried again, and when it cannot be', async () => {
    const end = {
      preset,
      client: hiddenClient(lab.client),
      token: new Secret('any'),
      network,
      now: Date.now,
    };
    lab.switches.revocationAlways = { status: 503, body: '' };
    expect(await revokeToken(end)).toBe('failed');
    lab.switches.revocationAlways = { status: 400, body: '{"error":"unsupported_token_type"}' };
    expect(await revokeToken(end)).toBe('unsupported');
    lab.switches.revocationAlways = { status: 400, body: '{"error":"invalid_token"}' };
    expect(await revokeToken(end)).toBe('revoked');
    lab.switches.revocationAlways = { status: 401, body: '{"error":"invalid_client"}' };
    expect(await revokeToken(end)).toBe('failed');
    lab.switches.revocationAlways = { status: 302, body: '', headers: { location: application.url } };
    expect(await revokeToken(end)).toBe('failed');
    const { revocationEndpoint: _, ...without } = preset;
    expect(await revokeToken({ ...end, preset: without })).toBe('unsupported');
    expect(await revokeToken({ ...end, network: gateOf('deny') })).toBe('failed');
  });
});

describe('the promise to send iss', () => {
  it('O09: is read from the metadata', async () => {
    expect(await issuerPromisesParameter(lab.issuer, network)).toBe(true);
  });

  it('is taken as given when the metadata names another issuer, and as not given without metadata', async () => {
    const liar = await listenOnLoopback(0, () => (_, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ issuer: 'https://evil.example' }));
    });
    expect(await issuerPromisesParameter(liar.url, network)).toBe(true);
    await liar.close();
    expect(await issuerPromisesParameter(liar.url, network)).toBe(false);
    expect(await issuerPromisesParameter(application.url, network)).toBe(false);
    expect(await issuerPromisesParameter('no url', network)).toBe(false);
    expect(await issuerPromisesParameter(lab.issuer, gateOf('deny'))).toBe(false);
  });
});
