import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { imitateProvider } from '@mooring/lab/imitated-provider';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser } from '../../../testing/api-client.js';
import { startServer } from '../../../testing/start-server.js';
import { entraTenant, entraTokens, providerWays } from '../../oauth/__fixtures__/provider-ways.js';
import { codeOf } from './__fixtures__/callback-page.js';

// Tenants of Microsoft Entra: its ID tokens name a tenant by its id, also where a sign-in was asked of its domain.

const door = '/api/v1/data-connections';
const otherTenant = '0a1b2c3d-4e5f-4687-9701-5f1d2c3b4a59';

/** Entra's redirect, unlike the lab's, does not say whose it is. */
const withoutIssuer: typeof fetch = (input, init) => {
  const url = new URL(String(input));
  url.searchParams.delete('iss');
  return fetch(url, init);
};

interface Tenant {
  /** As the connection and the operator give it. */
  place: string;
  /** Whose tokens are given. */
  answers: string;
}

describe('O26: a sign-in at a tenant of Entra', () => {
  let lab: LabAuthorizationServer;
  beforeAll(async () => {
    lab = await startAuthorizationServer();
  });
  afterAll(() => lab.close());

  /** @returns creates and renews a connection, each time with a whole sign-in */
  async function startTenant({ place, answers }: Tenant) {
    const ways = providerWays.find((each) => each.provider === 'entra' && each.place === entraTenant);
    if (!ways) throw new Error('there is no such Entra');
    const front = await imitateProvider(lab, { ...ways, tokens: entraTokens(answers) });
    const { authorizationEndpoint, tokenEndpoint } = front;
    const origin = 'https://api.example.com';
    const isId = place === entraTenant;
    const issuer = isId ? { issuer: `https://login.microsoftonline.com/${entraTenant}/v2.0` } : {};
    const entra = {
      ...lab.client,
      place,
      origins: [origin],
      authorizationEndpoint,
      tokenEndpoint,
      ...issuer,
    };
    const server = await startServer({ configuration: { oauth: { clients: { entra } } } });
    lab.addRedirectUri(`${server.url}/oauth/callback/entra`);
    const { api } = await addUser(server.url, server.adminKey, 'alice');
    const properties = {
      ...{ url: `${origin}/items`, authSchema: 'oauth2', oauthProvider: 'entra', oauthProviderPlace: place },
      ...{ scope: 'write', separateCredentials: true },
    };
    const codeFrom = async (authUrl: string, user: 0 | 1): Promise<string> => {
      const { login, password } = lab.users[user];
      const page = await fetch(authUrl, { redirect: 'manual' });
      const start = page.headers.get('location') ?? '';
      return codeOf((await walkSignIn({ authUrl: start, login, password, fetch: withoutIssuer })).html);
    };
    const body = (more: object) => ({
      datasourceID: 'rest',
      qName: 'items',
      connectionProperties: { ...properties, ...more },
    });
    return {
      api,
      async create() {
        const begun = await api.post(door, { ...body({}), authUrlOnly: true });
        expect(begun.status, begun.text).toBe(201);
        return api.post(door, body({ authCode: await codeFrom(begun.body.authUrl, 0) }));
      },
      async renew(id: string, user: 0 | 1) {
        const path = `${door}/${id}/credential`;
        const begun = await api.put(path, { authUrlOnly: true });
        const authCode = await codeFrom(begun.body.authUrl, user);
        return api.put(path, { connectionProperties: { authCode } });
      },
      async close() {
        await server.close();
        await front.close();
      },
    };
  }

  it.each([entraTenant, 'contoso.onmicrosoft.com'])(
    'of %s is remembered by the account that its ID token names, and by no other',
    async (place) => {
      const tenant = await startTenant({ place, answers: entraTenant });
      const made = await tenant.create();
      expect(made.status, made.text).toBe(201);
      const other = await tenant.renew(made.body.id, 1);
      expect([other.status, other.body.errors?.[0].code]).toEqual([409, 'SIGN-IN-ACCOUNT-DIFFERS']);
      expect(other.body.errors[0].meta.remembered).toBe('al…@lab.example');
      expect((await tenant.renew(made.body.id, 0)).status).toBe(200);
      await tenant.close();
    },
  );

  it('given by its id is refused when the ID token is of another tenant, and nothing is stored', async () => {
    const tenant = await startTenant({ place: entraTenant, answers: otherTenant });
    const refused = await tenant.create();
    expect(refused.status, refused.text).toBeGreaterThanOrEqual(400);
    expect(refused.body.errors[0].code).toBe('PROVIDER-FAILED');
    expect((await tenant.api.get(door)).body.data).toEqual([]);
    expect((await tenant.api.get('/api/v1/data-credentials')).body.data).toEqual([]);
    await tenant.close();
  });
});
