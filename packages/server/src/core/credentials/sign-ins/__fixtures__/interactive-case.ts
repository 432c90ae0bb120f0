import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { startBigQuery } from '@mooring/lab/bigquery';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll } from 'vitest';
import { addUser, type TestUser } from '../../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../../testing/start-server.js';

// Interactive sign-ins at a provider of the operator's, for connections in a space that Alice and Bob share.

export const door = '/api/v1/dcaas/actions/data-connections';

interface InteractiveParts {
  lab: Awaited<ReturnType<typeof startAuthorizationServer>>;
  bigQuery: Awaited<ReturnType<typeof startBigQuery>>;
  server: TestServer;
  alice: TestUser;
  bob: TestUser;
  spaceId: string;
  /** The access token that the source received last. */
  lastToken: string;
}

async function fill(given: InteractiveParts): Promise<void> {
  const lab = await startAuthorizationServer();
  const bigQuery = await startBigQuery({
    verifyAccessToken: (token) => {
      given.lastToken = token;
      return lab.verifyAccessToken(token);
    },
  });
  const { issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint } = lab;
  const google = { ...lab.client, issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint };
  const server = await startServer({
    configuration: { oauth: { clients: { google } }, sources: { gbq: { apiEndpoint: bigQuery.url } } },
  });
  lab.addRedirectUri(`${server.url}/oauth/callback/google`);
  const alice = await addUser(server.url, server.adminKey, 'alice');
  const bob = await addUser(server.url, server.adminKey, 'bob');
  const space = await alice.api.post('/api/v1/spaces', { name: 'Warehouse', type: 'shared' });
  const spaceId = space.body.id;
  const member = { type: 'user', assigneeId: bob.id, roles: ['producer'] };
  await alice.api.post(`/api/v1/spaces/${spaceId}/assignments`, member);
  Object.assign(given, { lab, bigQuery, server, alice, bob, spaceId });
}

export function interactiveCase() {
  const given = { lastToken: '' } as InteractiveParts;

  beforeAll(() => fill(given));
  afterAll(async () => {
    await given.server.close();
    await given.bigQuery.close();
    await given.lab.close();
  });

  const properties = (more: object = {}) => ({
    ...{ OAuthMechanism: '1', Catalog: given.bigQuery.projectId, ...more },
  });
  return {
    given,
    properties,
    begin: (person: TestUser, more: object = {}, body: object = {}) =>
      person.api.post(door, {
        dataSourceId: 'gbq',
        connectionName: 'warehouse',
        spaceId: given.spaceId,
        authUrlOnly: 'true',
        connectionProperties: { ...properties(more), authCode: '' },
        ...body,
      }),
    finish: (person: TestUser, connectionName: string, authCode: string, more: object = {}) =>
      person.api.post(door, {
        dataSourceId: 'gbq',
        connectionName,
        spaceId: given.spaceId,
        connectionProperties: { ...properties(more), authCode },
      }),
    callback: (query: string, context = 'google') =>
      fetch(`${given.server.url}/oauth/callback/${context}${query}`),
    walk: (authUrl: string, login: 'alice' | 'bob' = 'alice') => {
      const user = given.lab.users.find((candidate) => candidate.login === login);
      if (!user) throw new Error(`the lab has no ${login}`);
      return walkSignIn({ authUrl, login: user.login, password: user.password });
    },
    /** The connection of this name, as the user sees it. */
    connectionOf: async (person: TestUser, name: string) => {
      const named = `${encodeURIComponent(name)}?type=connectionname&spaceId=${given.spaceId}`;
      return (await person.api.get(`/api/v1/data-connections/${named}`)).body;
    },
    whoReads: (person: TestUser, connectionId: string) =>
      person.api.post(`/api/v1/data-connections/${connectionId}/actions/preview`, {
        query: 'SELECT SESSION_USER() AS who',
      }),
  };
}
