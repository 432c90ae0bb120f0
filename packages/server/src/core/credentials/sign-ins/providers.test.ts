// Providers that a connection chooses by name, over HTTP and with an operator's client, against the lab with the ways
// of each provider.
import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type ImitatedProvider, imitateProvider } from '@mooring/lab/imitated-provider';
import { type LoopbackServer, listenOnLoopback } from '@mooring/lab/loopback-http';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';
import { type ImitatedWays, providerWays } from '../../oauth/__fixtures__/provider-ways.js';
import { codeOf } from './__fixtures__/callback-page.js';

const door = '/api/v1/data-connections';
/** One kind of client of each provider: the first that can renew. */
const renewable = providerWays
  .filter(({ expected }) => expected.isRenewable)
  .filter(({ provider }, index, all) => all.findIndex((ways) => ways.provider === provider) === index);
const anyIssuer = 'https://id.example.com';

describe('a provider chosen by name', () => {
  let labs: Record<'rotating' | 'keeping', LabAuthorizationServer>;
  let fronts: ImitatedProvider[];
  let source: LoopbackServer;
  let server: TestServer;
  let alice: TestUser;
  let serial = 0;

  beforeAll(async () => {
    labs = {
      rotating: await startAuthorizationServer(),
      keeping: await startAuthorizationServer({ rotate: false }),
    };
    source = await listenOnLoopback(0, () => async (request, response) => {
      const token = (request.headers.authorization ?? '').replace('Bearer ', '');
      const known = await Promise.all(Object.values(labs).map((lab) => lab.verifyAccessToken(token)));
      const sub = known.find(({ active }) => active)?.sub;
      response.writeHead(sub ? 200 : 401, { 'content-type': 'application/json' });
      response.end(JSON.stringify(sub ? [{ sub }] : { error: 'no' }));
    });
    fronts = await Promise.all(renewable.map((ways) => imitateProvider(labOf(ways), ways)));
    const clients = Object.fromEntries(
      renewable.map((ways, index) => {
        const { authorizationEndpoint, tokenEndpoint, accountEndpoint } = fronts[index] as ImitatedProvider;
        const lab = labOf(ways);
        const settings = {
          ...lab.client,
          ...(ways.place ? { place: ways.place } : {}),
          origins: [source.url],
          ...{ authorizationEndpoint, tokenEndpoint },
          ...(ways.account ? { accountEndpoint } : { issuer: lab.issuer }),
        };
        return [ways.provider, settings];
      }),
    );
    const oidc = { ...labs.rotating.client, issuer: labs.rotating.issuer, place: anyIssuer };
    server = await startServer({
      configuration: {
        oauth: { clients: { ...clients, oidc: { ...oidc, origins: [source.url] } } },
      },
    });
    for (const lab of Object.values(labs)) {
      for (const provider of [...Object.keys(clients), 'oidc']) {
        lab.addRedirectUri(`${server.url}/oauth/callback/${provider}`);
      }
    }
    alice = await addUser(server.url, server.adminKey, 'alice');
  });
  afterAll(async () => {
    await server?.close();
    await source?.close();
    for (const front of fronts ?? []) await front.close();
    for (const lab of Object.values(labs ?? {})) await lab.close();
  });

  const labOf = ({ rotates }: Pick<ImitatedWays, 'rotates'>) => (rotates ? labs.rotating : labs.keeping);
  const propertiesOf = (provider: string, place: string | undefined, more: object = {}) => ({
    url: `${source.url}/items`,
    authSchema: 'oauth2',
    oauthProvider: provider,
    ...(place ? { oauthProviderPlace: place } : {}),
    scope: 'write',
    separateCredentials: true,
    ...more,
  });
  const create = (connectionProperties: object, more: object = {}) =>
    alice.api.post(door, { datasourceID: 'rest', qName: `named ${++serial}`, connectionProperties, ...more });
  const read = (id: string) =>
    alice.api.post(`${door}/${id}/actions/read`, { path: [] }, { accept: 'application/x-ndjson' });

  /** @returns the code of the page, for the user who signs in */
  async function walk(lab: LabAuthorizationServer, authUrl: string, login: 'alice' | 'bob'): Promise<string> {
    const first = await fetch(authUrl, { redirect: 'manual' });
    const location = first.headers.get('location') ?? '';
    const start = authUrl.startsWith(lab.url) ? authUrl : location;
    const { password } = lab.users[login === 'alice' ? 0 : 1];
    return codeOf((await walkSignIn({ authUrl: start, login, password })).html);
  }

  const known = [
    ...renewable,
    { provider: 'oidc', place: anyIssuer, rotates: true, expected: { email: 'alice@lab.example' } },
  ];
  it.each(known.map((ways) => [ways.provider, ways] as const))(
    'O26: %s: signs in, refreshes twice, recognises its account, and asks its user when the grant is dead',
    async (provider, ways) => {
      const lab = labOf(ways);
      const properties = propertiesOf(provider, ways.place);
      const begun = await create(properties, { authUrlOnly: true });
      expect(begun.status, begun.text).toBe(201);
      const made = await create({ ...properties, authCode: await walk(lab, begun.body.authUrl, 'alice') });
      expect(made.status, made.text).toBe(201);
      const { id } = made.body;
      expect((await read(id)).text).toContain('alice');
      for (const round of [1, 2]) {
        lab.resetCounts();
        lab.expireAccessTokens();
        expect((await read(id)).text, `round ${round}`).toContain('alice');
        expect(lab.counts().token.refresh_token).toBe(1);
      }
      const again = await alice.api.put(`${door}/${id}/credential`, { authUrlOnly: true });
      const authCode = await walk(lab, again.body.authUrl, 'bob');
      const other = await alice.api.put(`${door}/${id}/credential`, { connectionProperties: { authCode } });
      expect([other.status, other.body.errors?.[0].code], other.text).toEqual([
        409,
        'SIGN-IN-ACCOUNT-DIFFERS',
      ]);
      if (ways.expected.email) expect(other.body.errors[0].meta.remembered).toBe('al…@lab.example');
      lab.revokeGrantsOf('alice');
      const refused = await read(id);
      expect([refused.status, refused.body.errors?.[0].code], refused.text).toEqual([
        403,
        'CREDENTIALS-REQUIRED',
      ]);
    },
  );

  it('L4: an operator’s client is for its place and its origins only, and not for programs', async () => {
    const elsewhere = await create(propertiesOf('okta', 'evil.example.com'), { authUrlOnly: true });
    expect(elsewhere.status).toBe(400);
    expect(elsewhere.text).toContain('is for example.okta.com');
    const stolen = await create(propertiesOf('slack', undefined, { url: 'https://evil.example.com/' }), {
      authUrlOnly: true,
    });
    expect(stolen.status).toBe(400);
    expect(stolen.text).toContain('oauth.clients.slack.origins');
    const port = await create(propertiesOf('slack', undefined, { url: 'http://127.0.0.1:1/' }), {
      authUrlOnly: true,
    });
    expect(port.status).toBe(400);
    const { scope } = propertiesOf('slack', undefined);
    const program = await create({
      ...{ url: source.url, authSchema: 'oauth2ClientCredentials', oauthProvider: 'slack', scope },
      clientSecret: 'x',
    });
    expect(program.status).toBe(400);
    expect(program.text).toContain('clientId');
  });

  it('O28: a grant of an issuer that names its own endpoints is revoked when its credential is deleted', async () => {
    const properties = propertiesOf('oidc', anyIssuer);
    const begun = await create(properties, { authUrlOnly: true });
    const authCode = await walk(labs.rotating, begun.body.authUrl, 'alice');
    const made = await create({ ...properties, authCode });
    const { credentialId } = (await alice.api.get(`${door}/${made.body.id}/credential`)).body;
    labs.rotating.resetCounts();
    expect((await alice.api.delete(`/api/v1/data-credentials/${credentialId}`)).status).toBe(204);
    await expect.poll(() => labs.rotating.counts().revocation).toBe(1);
  });

  it('a connection’s own client goes to the provider itself, and comes back on a path of its own', async () => {
    const begun = await create(propertiesOf('dropbox', undefined, { clientId: 'mine', clientSecret: 's' }), {
      authUrlOnly: true,
    });
    expect(begun.status, begun.text).toBe(201);
    const url = new URL(begun.body.authUrl);
    expect(url.origin + url.pathname).toBe('https://www.dropbox.com/oauth2/authorize');
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_id: 'mine',
      token_access_type: 'offline',
      scope: 'write',
      code_challenge_method: 'S256',
    });
    expect(url.searchParams.get('redirect_uri')).toMatch(/\/oauth\/callback\/rest-\w+$/);
  });

  it('is a part of the destination, and so is its place', async () => {
    const properties = propertiesOf('salesforce', undefined);
    const lab = labs.keeping;
    const begun = await create(properties, { authUrlOnly: true });
    const made = await create({ ...properties, authCode: await walk(lab, begun.body.authUrl, 'alice') });
    const change = { op: 'replace', path: '/connectionProperties/oauthProvider', value: 'hubspot' };
    await alice.api.patch(`${door}/${made.body.id}`, [change]);
    const state = await alice.api.get(`${door}/${made.body.id}/credential`);
    expect(state.body.state ?? state.body.status, state.text).toBe('needs_confirmation');
  });

  it('is named in the self-check with what its client lacks', async () => {
    const report = await fetch(`${server.url}/api/v1/self-check`, {
      headers: { authorization: `Bearer ${server.adminKey}` },
    });
    const { clients } = (await report.json()) as {
      clients: { provider: string; state: string; documentation?: string }[];
    };
    expect(clients.map(({ provider }) => provider).toSorted()).toEqual(
      [...renewable.map(({ provider }) => provider), 'oidc'].toSorted(),
    );
    for (const { provider, state, documentation } of clients) {
      expect(state, provider).not.toBe('incomplete');
      expect(documentation, provider).toMatch(/^https:/);
    }
  });
});
