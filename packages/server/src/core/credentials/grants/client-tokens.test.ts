import { generateKeyPairSync } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';
import { hiddenClient } from '../../config/hidden-client.js';
import { gateOf } from '../../oauth/__fixtures__/token-server.js';
import { createClock } from '../../store/clock.js';
import { createClientTokens } from './client-tokens.js';
import { createProviderHealth } from './provider-health.js';

// Tokens that a connection's own client, or a service account, gets without a user.

const door = '/api/v1/data-connections';

describe('tokens of clients and service accounts', () => {
  let server: TestServer;
  let admin: ApiClient;
  let source: LoopbackServer;
  let provider: LoopbackServer;
  let calls = 0;
  let answer: (response: ServerResponse) => void;
  let serial = 0;

  const json =
    (status: number, body: object, headers = {}) =>
    (response: ServerResponse) =>
      void response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body));
  const token = json(200, { access_token: 'canary-client-token', token_type: 'bearer', expires_in: 600 });

  beforeAll(async () => {
    source = await listenOnLoopback(0, () => (_, response) => json(200, [{ a: 1 }])(response));
    provider = await listenOnLoopback(0, () => (request, response) => {
      calls += 1;
      request.resume().once('end', () => answer(response));
    });
    server = await startServer();
    admin = apiClient(server.url, server.adminKey);
  });
  afterAll(async () => {
    await server.close();
    await source.close();
    await provider.close();
  });
  beforeEach(() => {
    calls = 0;
    answer = token;
  });

  const ways = {
    'client credentials': () => ({
      authSchema: 'oauth2ClientCredentials',
      clientId: 'c',
      clientSecret: 'canary-client-secret',
    }),
    'service account': () => ({
      authSchema: 'oauth2JwtBearer',
      assertionIssuer: 'robot.lab.example',
      assertionPrivateKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
        type: 'pkcs8',
        format: 'pem',
      }),
    }),
  };
  const connect = async (way: keyof typeof ways): Promise<string> => {
    serial += 1;
    const properties = { url: source.url, tokenUrl: `${provider.url}/token`, scope: 'read', ...ways[way]() };
    const body = { datasourceID: 'rest', qName: `client ${serial}`, connectionProperties: properties };
    const made = await admin.post(door, body);
    expect(made.status, made.text).toBe(201);
    return `${door}/${made.body.qID}`;
  };
  const read = (connection: string) => admin.post(`${connection}/actions/preview`, { path: [] });
  const together = (connection: string) => Promise.all(Array.from({ length: 20 }, () => read(connection)));

  describe.each(Object.keys(ways) as (keyof typeof ways)[])('%s', (way) => {
    it('LI11: all who wait for one token get the reason why there is none, and the provider is asked once', async () => {
      const connection = await connect(way);
      answer = json(503, {});
      for (const refused of await together(connection)) {
        expect([refused.status, refused.body.errors[0].code]).toEqual([424, 'SOURCE-UNREACHABLE']);
        expect(Number(refused.headers.get('retry-after'))).toBe(1);
      }
      expect(calls).toBe(1);
      answer = token;
      await expect.poll(async () => (await read(connection)).status, { timeout: 5_000 }).toBe(200);
      expect(calls).toBe(2);
    });

    it('LI21: a pause that the provider asked for is kept to by every use', async () => {
      const connection = await connect(way);
      answer = json(429, {}, { 'retry-after': '120' });
      const [first] = await together(connection);
      expect([first?.status, first?.body.errors[0].code]).toEqual([429, 'SOURCE-RATE-LIMITED']);
      answer = token;
      for (const refused of await together(connection)) {
        expect(refused.body.errors[0].code).toBe('SOURCE-RATE-LIMITED');
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(100);
      }
      expect(calls).toBe(1);
    });
  });

  it.each([
    [
      'client credentials',
      401,
      'invalid_client',
      'SOURCE-SIGN-IN-FAILED',
      /rejects the id or the secret.*set the properties clientId and clientSecret of the connection/,
    ],
    [
      'client credentials',
      400,
      'invalid_scope',
      'SOURCE-CONFIGURATION-INVALID',
      /rejects the scope that the connection requests.*Correct the scope/,
    ],
    [
      'client credentials',
      400,
      'invalid_request',
      'SOURCE-CONFIGURATION-INVALID',
      /rejects the scope, audience, resource or address that the connection requests.*Correct the scope, audience/,
    ],
    [
      'client credentials',
      400,
      'unauthorized_client',
      'SOURCE-PERMISSION-DENIED',
      /token of its own.*administrator of the OAuth client/,
    ],
    [
      'service account',
      400,
      'invalid_grant',
      'SOURCE-SIGN-IN-FAILED',
      /the key or the issuer of the service account.*Get a valid key/,
    ],
    [
      'service account',
      400,
      'invalid_scope',
      'SOURCE-CONFIGURATION-INVALID',
      /rejects the scope that the connection requests.*Correct the scope/,
    ],
  ] as const)(
    'US5: %s refused with %i %s: says so, and who can mend it',
    async (way, status, error, code, words) => {
      const connection = await connect(way);
      answer = json(status, { error, error_description: 'canary-client-secret is wrong' });
      // The second answer comes from the pause that follows.
      for (const refused of [await read(connection), await read(connection)]) {
        const [told] = refused.body.errors;
        expect(told.code).toBe(code);
        expect(told.detail).toMatch(words);
        expect(told.detail).toContain(`(${error})`);
        expect(refused.text).not.toMatch(/Sign in again|moment|is wrong/);
      }
      expect(calls).toBe(1);
    },
  );

  it.each([
    ['a redirect', 302, {}, '', /302, a redirect/],
    ['a page', 200, { 'content-type': 'text/html' }, '<p>canary page</p>', /200 with a web page/],
    [
      'a form',
      200,
      { 'content-type': 'application/x-www-form-urlencoded' },
      'access_token=canary-in-a-form',
      /200 with a form/,
    ],
    ['an unknown path', 404, { 'content-type': 'application/json' }, '{"message":"canary words"}', /404\./],
    [
      'an unknown code',
      400,
      { 'content-type': 'application/json' },
      '{"error":"odd_one"}',
      /400\. \(odd_one\)/,
    ],
  ])(
    'US5: %s instead of a token: says what came, and where to look',
    async (_what, status, headers, body, words) => {
      const connection = await connect('client credentials');
      answer = (response) =>
        void response.writeHead(status, { location: `${provider.url}/canary`, ...headers }).end(body);
      for (const refused of [await read(connection), await read(connection)]) {
        const [told] = refused.body.errors;
        expect([refused.status, told.code]).toEqual([424, 'SOURCE-UNREACHABLE']);
        expect(told.detail).toMatch(words);
        expect(told.detail).toContain('Check the OAuth client and the endpoints of the connection.');
        expect(refused.text).not.toMatch(/moment|canary/);
      }
      expect(calls).toBe(1);
    },
  );

  it('LI11: tokens of credentials without uses are dropped', async () => {
    const lab = await startAuthorizationServer();
    const clock = createClock(async () => Date.now());
    const health = createProviderHealth(clock.now);
    const tokens = createClientTokens({ network: gateOf(), clock, health, keptMax: 2 });
    const preset = {
      authorizationEndpoint: lab.authorizationEndpoint,
      tokenEndpoint: lab.tokenEndpoint,
      scopes: ['read'],
      clientAuthentication: 'client_secret_post' as const,
    };
    const get = async (id: string, change: object = {}) => {
      const credential = { id, tenant_id: 't', owner_id: 'u', source_id: 'rest', name: id, version: 1 };
      const setup = { preset, client: hiddenClient({ ...lab.machineClient, ...change }) };
      return (await tokens.get(credential, setup, () => true)).tokens.accessToken.reveal();
    };
    const first = await get('a');
    await get('b');
    expect(await get('a')).toBe(first);
    await get('c');
    expect(await get('a')).toBe(first);
    expect(lab.counts().token.client_credentials).toBe(3);
    // The one that was longest unused has gone.
    await get('b');
    expect(lab.counts().token.client_credentials).toBe(4);
    // A secret that was exchanged does not have the token of the one before.
    await expect(get('a', { clientSecret: 'another' })).rejects.toMatchObject({ kind: 'auth_failed' });
    await lab.close();
  });
});
