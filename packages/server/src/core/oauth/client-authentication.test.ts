import { generateKeyPairSync } from 'node:crypto';
import { Secret } from '@mooring/connectors/interface/secret';
import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hiddenClient } from '../config/hidden-client.js';
import { good } from './__fixtures__/token-probe.js';
import { gateOf, json, startTokenServer, type TokenServer } from './__fixtures__/token-server.js';
import { createSignInSecrets } from './authorization-url.js';
import { requestClientCredentials } from './client-credentials-grant.js';
import { exchangeCode } from './code-grant.js';
import { signInUrl } from './pushed-authorization.js';
import { refreshGrant } from './refresh-grant.js';

const network = gateOf();
const pem = { type: 'pkcs8', format: 'pem' } as const;
const kinds = [
  ['RSA', 'RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }), pem],
  [
    'RSA in PKCS#1',
    'RS256',
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    { type: 'pkcs1', format: 'pem' } as const,
  ],
  ['P-256', 'ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }), pem],
  [
    'P-384 in SEC1',
    'ES384',
    generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    { type: 'sec1', format: 'pem' } as const,
  ],
  ['Ed25519', 'Ed25519', generateKeyPairSync('ed25519'), pem],
] as const;

describe('a client that proves itself with a key', () => {
  let server: TokenServer;
  let lab: LabAuthorizationServer;
  beforeAll(async () => {
    server = await startTokenServer(json(good));
    lab = await startAuthorizationServer();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await lab.close();
  });
  const call = (privateKey: string, keyId?: string) => ({
    preset: { ...server.preset, clientAuthentication: 'private_key_jwt' as const },
    client: { clientId: 'client-1', privateKey: new Secret(privateKey), ...(keyId ? { keyId } : {}) },
    network,
    now: Date.now,
  });

  it.each(kinds)('signs with %s as %s, and sends neither key nor secret', async (_, alg, pair, format) => {
    server.received.length = 0;
    const key = pair.privateKey.export(format as never) as string;
    await requestClientCredentials(call(key, 'key-7'));
    const form = server.received[0]?.form ?? new URLSearchParams();
    expect(form.get('client_assertion_type')).toBe('urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    expect(form.has('client_secret')).toBe(false);
    expect(server.received[0]?.headers.authorization).toBeUndefined();
    const { payload, protectedHeader } = await jwtVerify(form.get('client_assertion') ?? '', pair.publicKey, {
      issuer: 'client-1',
      subject: 'client-1',
      audience: server.preset.tokenEndpoint,
      requiredClaims: ['exp', 'jti', 'iat'],
    });
    expect(protectedHeader).toMatchObject({ alg, kid: 'key-7' });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBeLessThanOrEqual(300);
  });

  it('dates its proof by the clock of the store, and names no key without an id', async () => {
    const now = Date.parse('2026-01-02T03:04:05Z');
    const [, , pair] = kinds[2];
    await requestClientCredentials({ ...call(pair.privateKey.export(pem) as string), now: () => now });
    const assertion = server.received.at(-1)?.form.get('client_assertion') ?? '';
    const read = await jwtVerify(assertion, pair.publicKey, { currentDate: new Date(now) });
    expect(Math.abs((read.payload.iat ?? 0) - now / 1000)).toBeLessThanOrEqual(60);
    expect(read.protectedHeader.kid).toBeUndefined();
  });

  it('a key may be written in one line, as environments have it', async () => {
    const key = kinds[2][2].privateKey.export(pem) as string;
    await expect(requestClientCredentials(call(key.replaceAll('\n', '\\n')))).resolves.toBeDefined();
  });

  it.each([
    ['none', ''],
    ['no PEM', 'canary-key-text'],
    ['a short RSA key', generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export(pem) as string],
    ['a public key', kinds[2][2].publicKey.export({ type: 'spki', format: 'pem' }) as string],
  ])('a key that is %s is refused before anything is sent, and not shown', async (_, key) => {
    server.received.length = 0;
    const failure = await requestClientCredentials(call(key)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: 'client_refused' });
    if (key) expect(String(failure)).not.toContain(key.slice(0, 12));
    expect(server.received).toEqual([]);
  });

  it('a client without a key is refused before anything is sent', async () => {
    server.received.length = 0;
    const without = { ...call(''), client: { clientId: 'client-1' } };
    await expect(requestClientCredentials(without)).rejects.toMatchObject({ kind: 'client_refused' });
    expect(server.received).toEqual([]);
  });

  it('a real server takes basic, post and private_key_jwt for client credentials', async () => {
    const preset = { tokenEndpoint: lab.tokenEndpoint, issuer: lab.issuer, scopes: ['read'] };
    for (const [clientAuthentication, client] of [
      ['client_secret_basic', lab.machineClient],
      ['client_secret_post', lab.machineClient],
      ['private_key_jwt', lab.keyClient],
    ] as const) {
      const tokens = await requestClientCredentials({
        preset: { ...preset, clientAuthentication },
        client: hiddenClient(client),
        network,
        now: Date.now,
      });
      const { active, sub } = await lab.verifyAccessToken(tokens.accessToken.reveal());
      expect({ active, sub }, clientAuthentication).toEqual({ active: true, sub: client.clientId });
    }
  });

  it('a pushed request keeps everything but a reference out of the link, and the sign-in goes to its end', async () => {
    const redirectUri = 'http://127.0.0.1:9/callback';
    lab.addRedirectUri(redirectUri);
    const preset = {
      tokenEndpoint: lab.tokenEndpoint,
      authorizationEndpoint: lab.authorizationEndpoint,
      pushedAuthorizationRequestEndpoint: lab.pushedAuthorizationRequestEndpoint,
      issuer: lab.issuer,
      scopes: ['openid', 'read', 'offline_access'],
      authorizationParameters: { prompt: 'consent' },
      clientAuthentication: 'private_key_jwt' as const,
    };
    const secrets = createSignInSecrets();
    const setup = { preset, client: hiddenClient(lab.keyClient), network, now: Date.now };
    const authUrl = await signInUrl({ ...setup, redirectUri, ...secrets });
    expect([...new URL(authUrl).searchParams.keys()]).toEqual(['client_id', 'request_uri']);
    const { login, password } = lab.users[0];
    let finalUrl = '';
    await walkSignIn({
      authUrl,
      login,
      password,
      fetch: async (input, init) => {
        const url = new URL(String(input));
        if (url.origin === lab.url) return fetch(input, init);
        finalUrl = url.href;
        return new Response('arrived');
      },
    });
    const { searchParams } = new URL(finalUrl);
    expect(searchParams.get('state')).toBe(secrets.state);
    const tokens = await exchangeCode({
      ...setup,
      redirectUri,
      code: new Secret(searchParams.get('code') ?? ''),
      codeVerifier: secrets.codeVerifier,
    });
    expect(tokens.subject).toBe('alice');
    const renewed = await refreshGrant({ ...setup, refreshToken: tokens.refreshToken ?? new Secret('') });
    expect((await lab.verifyAccessToken(renewed.accessToken.reveal())).active).toBe(true);
  });

  it('LI23: pushes what the query of the authorization endpoint asks for, and none of it instead of our own parameters', async () => {
    let pushed = new URLSearchParams();
    server.behaviour = (response, request) => {
      pushed = request.form;
      json({ request_uri: 'urn:x', expires_in: 60 }, 201)(response, request);
    };
    const forged = 'state=x&code_challenge=x&client_id=x&redirect_uri=x';
    const preset = {
      ...server.preset,
      authorizationEndpoint: `https://provider.example/auth?p=policy&access_type=offline&${forged}`,
      pushedAuthorizationRequestEndpoint: `${server.url}/par`,
    };
    const secrets = createSignInSecrets();
    const client = hiddenClient({ clientId: 'client-1', clientSecret: 'canary-client-secret' });
    const redirectUri = 'https://m.example/cb';
    const link = new URL(
      await signInUrl({ preset, client, network, now: Date.now, redirectUri, ...secrets }),
    );
    expect(link.searchParams.get('p')).toBe('policy');
    expect(link.searchParams.get('request_uri')).toBe('urn:x');
    expect(link.searchParams.getAll('client_id')).toEqual(['client-1']);
    expect(pushed.getAll('access_type')).toEqual(['offline']);
    expect(pushed.getAll('state')).toEqual([secrets.state]);
    expect(pushed.getAll('client_id')).toEqual(['client-1']);
    expect(pushed.getAll('redirect_uri')).toEqual([redirectUri]);
    expect(pushed.getAll('code_challenge')).not.toContain('x');
  });

  it.each([
    ['HTML', (response: import('node:http').ServerResponse) => void response.end('<html>')],
    [
      'a redirect',
      (response: import('node:http').ServerResponse) =>
        void response.writeHead(307, { location: 'https://evil.example/' }).end(),
    ],
    ['a request_uri that is a list', json({ request_uri: ['a'], expires_in: 60 }, 201)],
    ['no life', json({ request_uri: 'urn:x' }, 201)],
    ['a refusal', json({ error: 'invalid_client' }, 401)],
  ])('O16: a push that is answered with %s gives no link', async (_, behaviour) => {
    server.behaviour = behaviour;
    const preset = { ...server.preset, pushedAuthorizationRequestEndpoint: `${server.url}/par` };
    const client = hiddenClient({ clientId: 'client-1', clientSecret: 'canary-client-secret' });
    const failure = await signInUrl({
      ...{ preset, client, network, now: Date.now, redirectUri: 'https://m.example/cb' },
      ...createSignInSecrets(),
    }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'OAuthError' });
    expect(String(failure)).not.toContain('canary');
  });

  it('a push that is limited says for how long, and one in clear text is never sent', async () => {
    server.behaviour = json({ error: 'canary_code' }, 429, { 'retry-after': '30' });
    const client = hiddenClient({ clientId: 'client-1', clientSecret: 'canary-client-secret' });
    const push = (pushedAuthorizationRequestEndpoint: string) =>
      signInUrl({
        preset: { ...server.preset, pushedAuthorizationRequestEndpoint },
        ...{ client, network, now: Date.now, redirectUri: 'https://m.example/cb' },
        ...createSignInSecrets(),
      });
    await expect(push(`${server.url}/par`)).rejects.toMatchObject({
      ...{ kind: 'rate_limited', retryAfterSeconds: 30, providerCode: undefined, detail: undefined },
    });
    server.received.length = 0;
    await expect(push('http://idp.example/par')).rejects.toMatchObject({ kind: 'egress_refused' });
    await expect(push('no url')).rejects.toMatchObject({ kind: 'client_refused' });
    expect(server.received).toEqual([]);
  });
});
