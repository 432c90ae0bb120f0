import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, addUser, apiClient, type TestUser } from '../../testing/api-client.js';
import { startNodes, type TestNodes } from '../../testing/start-nodes.js';

type AuthorizationServer = Awaited<ReturnType<typeof startAuthorizationServer>>;

/** What one user may take of tier 2 in five minutes. */
const tier2Max = 50;

describe('what nodes on one database count and redeem jointly', () => {
  let lab: AuthorizationServer;
  let all: TestNodes;
  let alice: TestUser;
  let bob: TestUser;

  beforeAll(async () => {
    lab = await startAuthorizationServer();
    const { client, issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint } = lab;
    const google = { ...client, issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint };
    all = await startNodes({
      count: 2,
      configuration: {
        oauth: { clients: { google } },
        rateLimits: { tier1PerMinute: 10_000, tier2PerMinute: tier2Max / 5 },
      },
    });
    for (const node of all.nodes) lab.addRedirectUri(`${node.url}/oauth/callback/google`);
    const [first] = all.nodes;
    if (!first) throw new Error('no node');
    alice = await addUser(first.url, first.adminKey, 'alice');
    bob = await addUser(first.url, first.adminKey, 'bob');
    // Enough users that Alice's requests leave Bob his whole share of the tenant's limit.
    for (const name of ['carol', 'dave', 'erin']) await addUser(first.url, first.adminKey, name);
  });
  afterAll(async () => {
    await all.close();
    await lab.close();
  });

  const at = (index: number, person: TestUser): ApiClient =>
    apiClient(all.nodes[index % all.nodes.length]?.url ?? '', person.key);

  it('O03: redeem a code once when it is sent to both of them 40 times at once', async () => {
    const properties = { OAuthMechanism: '1', Catalog: 'lab' };
    const door = '/api/v1/data-connections';
    const begun = await at(0, alice).post(door, {
      dataSourceId: 'gbq',
      qName: 'begun',
      authUrlOnly: true,
      connectionProperties: properties,
    });
    const user = lab.users.find((candidate) => candidate.login === 'alice');
    if (!user) throw new Error('the lab has no alice');
    const page = await walkSignIn({
      authUrl: begun.body.authUrl,
      login: user.login,
      password: user.password,
    });
    const authCode = /id="auth-code"[^>]*>([^<]+)</.exec(page.html)?.[1] ?? '';
    lab.resetCounts();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        at(index, alice).post(door, {
          dataSourceId: 'gbq',
          qName: `parallel ${index}`,
          connectionProperties: { ...properties, authCode },
        }),
      ),
    );
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
    expect(answers.every((answer) => [201, 400, 409].includes(answer.status))).toBe(true);
    expect(lab.counts().token.authorization_code).toBe(1);
  });

  it('R21, R22: let a user take one share in total, on whichever node', async () => {
    const ask = (index: number, person: TestUser) =>
      at(index, person).post('/api/v1/users/actions/filter', {});
    let taken = 0;
    for (let round = 0; round < 4 * tier2Max; round += 1) {
      const { status } = await ask(0, bob);
      if (status !== 200) break;
      taken += 1;
    }
    expect(taken).toBe(tier2Max);
    await expect.poll(async () => (await ask(1, bob)).status, { timeout: 10_000 }).toBe(429);
    expect((await at(1, bob).get('/api/v1/users/me')).status).toBe(200);
  });
});
