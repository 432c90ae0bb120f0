import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addUser, type TestUser } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';
import { codeOf } from './__fixtures__/callback-page.js';

const door = '/api/v1/data-connections';

describe('whether a grant can be renewed', () => {
  let lab: LabAuthorizationServer;
  let server: TestServer;
  let alice: TestUser;

  beforeAll(async () => {
    lab = await startAuthorizationServer();
    server = await startServer();
    alice = await addUser(server.url, server.adminKey, 'alice');
  });
  afterAll(async () => {
    await server.close();
    await lab.close();
  });

  /** Signs in to a connection of its own. @returns the state of its credential */
  const signedIn = async (qName: string, more: object) => {
    const properties = {
      ...{ url: 'http://127.0.0.1:9/', authSchema: 'oauth2', scope: 'openid read', ...lab.client },
      ...{ authorizationUrl: lab.authorizationEndpoint, tokenUrl: lab.tokenEndpoint, ...more },
    };
    const body = { datasourceID: 'rest', qName };
    const begun = await alice.api.post(door, {
      ...{ ...body, authUrlOnly: true, connectionProperties: properties },
    });
    expect(begun.status, begun.text).toBe(201);
    lab.addRedirectUri(`${server.url}/oauth/callback/${await contextOf(begun.body.authUrl)}`);
    const { login, password } = lab.users[0];
    const page = await walkSignIn({ authUrl: begun.body.authUrl, login, password });
    const made = await alice.api.post(door, {
      ...{ ...body, connectionProperties: { ...properties, authCode: codeOf(page.html) } },
    });
    expect(made.status, made.text).toBe(201);
    return (await alice.api.get(`${door}/${made.body.qID}/credential`)).body;
  };
  /** Of a pushed request the redirect is not in the link; it is the same for every sign-in at these endpoints. */
  let context = '';
  const contextOf = async (authUrl: string): Promise<string> => {
    const redirect = new URL(authUrl).searchParams.get('redirect_uri');
    if (redirect !== null) context = redirect.split('/').at(-1) ?? '';
    return context;
  };

  it('LI23: is reported if the provider issued no refresh token', async () => {
    const before = Date.now();
    const { state, signInEndsAt } = await signedIn('online', {});
    expect(state).toBe('ready');
    const life = (Date.parse(signInEndsAt) - before) / 1000;
    expect(life).toBeGreaterThan(60);
    expect(life).toBeLessThan(3_700);
  });

  it('LI23: what the query of the authorization URL asks for is asked for, also in a pushed request', async () => {
    const authorizationUrl = `${lab.authorizationEndpoint}?access_type=offline`;
    expect(await signedIn('offline', { authorizationUrl })).not.toHaveProperty('signInEndsAt');
    const pushedAuthorizationUrl = lab.pushedAuthorizationRequestEndpoint;
    const pushed = await signedIn('pushed', { authorizationUrl, pushedAuthorizationUrl });
    expect(pushed.state).toBe('ready');
    expect(pushed).not.toHaveProperty('signInEndsAt');
  });
});
