import { generateKeyPairSync } from 'node:crypto';
import { Secret } from '@mooring/connectors/interface/secret';
import { jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plain } from './__fixtures__/plain-secrets.js';
import { gateOf, json, startTokenServer, type TokenServer } from './__fixtures__/token-server.js';
import { requestJwtBearer } from './jwt-bearer-grant.js';

const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const good = {
  access_token: 'canary-token',
  token_type: 'Bearer',
  expires_in: 600,
  refresh_token: 'canary-r',
};

describe('a service account', () => {
  let server: TokenServer;
  beforeAll(async () => {
    server = await startTokenServer(json(good));
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const call = () => ({ preset: server.preset, client: { clientId: '' }, network: gateOf(), now: Date.now });
  const account = { issuer: 'robot@project.example', privateKey: new Secret(privateKey) };

  it('signs who it is, for whom and for how long; no client takes part', async () => {
    server.received.length = 0;
    const tokens = await requestJwtBearer(call(), {
      ...account,
      keyId: 'k1',
      subject: 'alice@project.example',
    });
    expect(plain(tokens)).toMatchObject({ accessToken: 'canary-token', scope: 'read write' });
    expect(tokens).not.toHaveProperty('refreshToken');
    const form = server.received[0]?.form ?? new URLSearchParams();
    expect([...form.keys()].toSorted()).toEqual(['assertion', 'grant_type', 'scope']);
    expect(form.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    const { payload, protectedHeader } = await jwtVerify(form.get('assertion') ?? '', pair.publicKey, {
      issuer: account.issuer,
      audience: server.preset.tokenEndpoint,
      subject: 'alice@project.example',
      requiredClaims: ['jti'],
    });
    expect(protectedHeader).toMatchObject({ alg: 'RS256', kid: 'k1' });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300);
    expect(payload['scope']).toBe('read write');
  });

  it('speaks for itself, to the token endpoint, unless configured otherwise', async () => {
    await requestJwtBearer(call(), { ...account, audience: 'https://idp.example' });
    const assertion = server.received.at(-1)?.form.get('assertion') ?? '';
    const { payload } = await jwtVerify(assertion, pair.publicKey, { audience: 'https://idp.example' });
    expect(payload.sub).toBe(account.issuer);
  });

  it('O33: asks for no scope without one, names its targets, and dates itself by the clock of the store', async () => {
    const now = Date.parse('2026-01-02T03:04:05.678Z');
    const target = { resource: 'https://api.example', audience: 'api' };
    server.behaviour = json({ access_token: 'canary-token', refresh_token: 'canary-r' });
    const preset = { ...server.preset, scopes: [], accountScopes: ['email'], ...target };
    const tokens = await requestJwtBearer({ ...call(), preset, now: () => now }, account);
    expect(plain(tokens)).toEqual({ accessToken: 'canary-token', expiresAt: now + 3_600_000 });
    const { assertion = '', ...form } = Object.fromEntries(server.received.at(-1)?.form ?? []);
    expect(form).toEqual({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', ...target });
    const currentDate = new Date(now);
    const { payload, protectedHeader } = await jwtVerify(assertion, pair.publicKey, { currentDate });
    expect(payload).toMatchObject({ iat: Math.floor(now / 1000), exp: Math.floor(now / 1000) + 300 });
    expect(payload).not.toHaveProperty('scope');
    expect(protectedHeader).toEqual({ alg: 'RS256', typ: 'JWT' });
    server.behaviour = json(good);
  });

  it('no two assertions are the same', async () => {
    await requestJwtBearer(call(), account);
    await requestJwtBearer(call(), account);
    const [one, two] = server.received.slice(-2).map(({ form }) => form.get('assertion'));
    expect(one).not.toBe(two);
  });

  it.each([
    ['a refused assertion', { error: 'invalid_grant' }, 400, 'client_refused'],
    ['an assertion of yesterday', { error: 'bad_refresh_token' }, 400, 'client_refused'],
    ['an unknown answer', { error: 'canary' }, 400, 'nonsense'],
    ['a server that is down', {}, 503, 'unavailable'],
    ['an answer without a token', { token_type: 'Bearer' }, 200, 'nonsense'],
  ])('O16: %s is a typed error that shows neither key nor assertion', async (_, body, status, kind) => {
    server.behaviour = json(body, status);
    const failure = await requestJwtBearer(call(), account).catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind });
    const assertion = server.received.at(-1)?.form.get('assertion') ?? 'missing';
    expect(String(failure)).not.toContain(assertion);
    expect(String(failure)).not.toContain('PRIVATE KEY');
  });
});
