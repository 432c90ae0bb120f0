// A provider that names the API of each user with the token: the token goes there and nowhere else, and only if the address is
// one of the provider's.
import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type Canary, startCanary } from '@mooring/lab/canary';
import { type ImitatedProvider, imitateProvider } from '@mooring/lab/imitated-provider';
import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';
import { providerWays } from '../../oauth/__fixtures__/provider-ways.js';
import { apiOriginOf } from '../../oauth/api-origin.js';
import { codeOf } from './__fixtures__/callback-page.js';

const door = '/api/v1/data-connections';
const signInHost = 'https://login.salesforce.com';
const properties = {
  ...{ url: `${signInHost}/items?part=1`, authSchema: 'oauth2', oauthProvider: 'salesforce', scope: 'write' },
  separateCredentials: true,
};

describe('the API that a token response names', () => {
  let lab: LabAuthorizationServer;
  let front: ImitatedProvider;
  let apis: LoopbackServer[];
  let canary: Canary;
  let server: TestServer;
  let alice: TestUser;
  /** What the provider names from now on. */
  let named: unknown;
  const seen: string[] = [];
  let serial = 0;

  beforeAll(async () => {
    lab = await startAuthorizationServer({ rotate: false });
    canary = await startCanary();
    apis = await Promise.all(
      ['one', 'two'].map((name) =>
        listenOnLoopback(0, () => async (request, response) => {
          seen.push(`${name}${request.url}`);
          const token = (request.headers.authorization ?? '').replace('Bearer ', '');
          const { active } = await lab.verifyAccessToken(token);
          response.writeHead(active ? 200 : 401, { 'content-type': 'application/json' });
          response.end(JSON.stringify(active ? [{ api: name }] : { error: 'no' }));
        }),
      ),
    );
    const ways = providerWays.find(({ provider }) => provider === 'salesforce');
    if (!ways) throw new Error('no ways of the provider');
    front = await imitateProvider(lab, {
      ...ways,
      tokens: (given, about) => ({ ...ways.tokens(given, about), instance_url: named }),
    });
    const { authorizationEndpoint, tokenEndpoint } = front;
    const revocationEndpoint = lab.revocationEndpoint;
    const salesforce = {
      ...{ ...lab.client, place: 'login.salesforce.com', authorizationEndpoint, tokenEndpoint },
      ...{ revocationEndpoint, origins: [signInHost, ...apis.map(({ url }) => url)] },
    };
    server = await startServer({ configuration: { oauth: { clients: { salesforce } } } });
    lab.addRedirectUri(`${server.url}/oauth/callback/salesforce`);
    alice = await addUser(server.url, server.adminKey, 'alice');
  });
  afterAll(async () => {
    await server?.close();
    await Promise.all([front, canary, ...(apis ?? []), lab].map((one) => one?.close()));
  });

  const at = (index: number) => apis[index]?.url ?? '';
  const create = (more: object, connectionProperties: object = {}) =>
    alice.api.post(door, {
      ...{ datasourceID: 'rest', qName: `api ${++serial}`, ...more },
      connectionProperties: { ...properties, ...connectionProperties },
    });
  async function signedIn() {
    const begun = await create({ authUrlOnly: true });
    expect(begun.status, begun.text).toBe(201);
    const start = (await fetch(begun.body.authUrl, { redirect: 'manual' })).headers.get('location') ?? '';
    const { login, password } = lab.users[0];
    const authCode = codeOf((await walkSignIn({ authUrl: start, login, password })).html);
    return create({}, { authCode });
  }
  const read = (id: string) =>
    alice.api.post(`${door}/${id}/actions/read`, { path: [] }, { accept: 'application/x-ndjson' });

  it('gets the token, also where it has moved to at a refresh', async () => {
    named = `${at(0)}/`;
    const made = await signedIn();
    expect(made.status, made.text).toBe(201);
    expect((await read(made.body.id)).text).toContain('one');
    expect(seen.splice(0)).toEqual(['one/items?part=1']);
    named = at(1);
    lab.expireAccessTokens();
    expect((await read(made.body.id)).text).toContain('two');
    expect(seen.splice(0)).toEqual(['one/items?part=1', 'two/items?part=1']);
    expect((await read(made.body.id)).text).toContain('two');
    expect(seen.splice(0)).toEqual(['two/items?part=1']);
    // A response that names nothing changes nothing.
    named = undefined;
    lab.expireAccessTokens();
    expect((await read(made.body.id)).text).toContain('two');
    expect(seen.splice(0)).toEqual(['two/items?part=1', 'two/items?part=1']);
  });

  it('S09: never gets a token at an address that is not the provider’s: a refresh fails the use, and says why', async () => {
    named = at(0);
    const made = await signedIn();
    expect((await read(made.body.id)).status).toBe(200);
    named = canary.url;
    lab.expireAccessTokens();
    for (let round = 0; round < 2; round += 1) {
      const refused = await read(made.body.id);
      expect([refused.status, refused.body.errors[0].code]).toEqual([424, 'SOURCE-PROTOCOL-ERROR']);
      expect(refused.text).toContain('an address for its API that is not one of its own');
    }
    expect(seen.splice(0)).toEqual(['one/items?part=1', 'one/items?part=1']);
    expect(canary.connections()).toBe(0);
  });

  it('S09: a sign-in at such an address is refused, and its grant revoked', async () => {
    named = `${canary.url}/?${at(0)}`;
    lab.resetCounts();
    const made = await signedIn();
    expect([made.status, made.body.errors[0].code], made.text).toEqual([424, 'PROVIDER-FAILED']);
    expect(made.text).toContain('an address for its API that is not one of its own');
    await expect.poll(() => lab.counts().revocation).toBe(1);
    expect([canary.connections(), seen]).toEqual([0, []]);
  });

  it.each([
    ['https://example.my.salesforce.com', 'https://example.my.salesforce.com'],
    ['https://example.my.salesforce.com/services/x?y', 'https://example.my.salesforce.com'],
    ['https://salesforce.com', 'https://salesforce.com'],
    ['https://allowed.example:8443/x', 'https://allowed.example:8443'],
    [undefined, 'none'],
    ['http://example.my.salesforce.com', 'foreign'],
    ['https://example.my.salesforce.com:8443', 'foreign'],
    ['https://user@example.my.salesforce.com', 'foreign'],
    ['https://evilsalesforce.com', 'foreign'],
    ['https://salesforce.com.evil.example', 'foreign'],
    ['https://evil.example/.salesforce.com', 'foreign'],
    ['https://evil.example#.salesforce.com', 'foreign'],
    ['https://salesforce.com@evil.example', 'foreign'],
    ['https://allowed.example', 'foreign'],
    ['example.my.salesforce.com', 'foreign'],
  ])('of %s is %s', (apiUrl, expected) => {
    const apiPlace = {
      ...{ at: '/instance_url', domains: ['salesforce.com'] },
      origins: ['https://allowed.example:8443'],
    };
    const found = apiOriginOf({ apiPlace }, apiUrl === undefined ? {} : { apiUrl });
    expect(typeof found === 'string' ? found : found.origin).toBe(expected);
  });
});
