import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { createSwitches } from '@mooring/lab/authorization-server/faults';
import { startBigQuery } from '@mooring/lab/bigquery';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { type Answer, addUser, type TestUser } from '../../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../../testing/start-server.js';
import { newToken } from '../../../crypto/random.js';
import { actionOf, codeOf } from './callback-page.js';

// A connection with separated credentials, and Alice, whose grant the provider has ended.

interface RenewalParts {
  lab: Awaited<ReturnType<typeof startAuthorizationServer>>;
  bigQuery: Awaited<ReturnType<typeof startBigQuery>>;
  server: TestServer;
  owner: TestUser;
  alice: TestUser;
  /** Of the connection. */
  path: string;
  spaceId: string;
}

async function startParts(): Promise<Omit<RenewalParts, 'path'>> {
  const lab = await startAuthorizationServer();
  const bigQuery = await startBigQuery({ verifyAccessToken: lab.verifyAccessToken });
  const { issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint } = lab;
  const google = { ...lab.client, issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint };
  const server = await startServer({
    configuration: {
      ...{ oauth: { clients: { google } }, sources: { gbq: { apiEndpoint: bigQuery.url } } },
      // When a coarse failure is reported.
      limits: { testSeconds: 1 },
    },
  });
  lab.addRedirectUri(`${server.url}/oauth/callback/google`);
  const owner = await addUser(server.url, server.adminKey, 'owner');
  const alice = await addUser(server.url, server.adminKey, 'alice');
  const space = await owner.api.post('/api/v1/spaces', { name: 'Warehouse', type: 'shared' });
  const member = { type: 'user', assigneeId: alice.id, roles: ['dataconsumer'] };
  await owner.api.post(`/api/v1/spaces/${space.body.id}/assignments`, member);
  return { lab, bigQuery, server, owner, alice, spaceId: space.body.id };
}

export function renewalCase() {
  const given = {} as RenewalParts;

  const walk = (authUrl: string, login: 'alice' | 'bob' = 'alice') => {
    const user = given.lab.users.find((one) => one.login === login);
    if (!user) throw new Error(`the lab has no ${login}`);
    return walkSignIn({ authUrl, login, password: user.password });
  };
  const use = (person = given.alice) =>
    person.api.post(`${given.path}/actions/preview`, { query: 'SELECT SESSION_USER() AS who' });
  const paste = (page: { html: string }, more: object = {}) =>
    given.alice.api.put(`${given.path}/credential`, {
      ...{ connectionProperties: { authCode: codeOf(page.html) }, ...more },
    });

  beforeAll(async () => {
    Object.assign(given, await startParts());
    const { owner, bigQuery, spaceId } = given;
    const properties = { OAuthMechanism: '1', Catalog: bigQuery.projectId, separateCredentials: true };
    const body = { datasourceID: 'gbq', qName: 'warehouse', space: spaceId };
    const begun = await owner.api.post('/api/v1/data-connections', {
      ...{ ...body, authUrlOnly: true, connectionProperties: properties },
    });
    const page = await walk(begun.body.authUrl, 'bob');
    const made = await owner.api.post('/api/v1/data-connections', {
      ...{ ...body, connectionProperties: { ...properties, authCode: codeOf(page.html) } },
    });
    expect(made.status, made.text).toBe(201);
    given.path = `/api/v1/data-connections/${made.body.qID}`;
  });
  afterAll(async () => {
    await given.server.close();
    await given.bigQuery.close();
    await given.lab.close();
  });

  /** Alice's credential is good, and then its grant is ended at the provider. */
  beforeEach(async () => {
    const { lab, alice, path } = given;
    Object.assign(lab.switches, createSwitches());
    for (const { qID } of (await alice.api.get('/api/v1/data-credentials')).body.data) {
      await alice.api.delete(`/api/v1/data-credentials/${qID}`);
    }
    const begun = await alice.api.put(`${path}/credential`, { authUrlOnly: true });
    const page = await walk(begun.body.authUrl);
    expect(actionOf(page.html)).toBe('');
    const provided = await paste(page, { credentialsName: 'mine' });
    expect(provided.status, provided.text).toBe(200);
    expect((await use()).body.rows[0][0]).toContain('alice');
    lab.revokeGrantsOf('alice');
    lab.expireAccessTokens();
    lab.resetCounts();
  });

  return {
    ...{ given, walk, use, paste },
    signInOf: (refused: Answer) => refused.body.errors[0].meta.signIn,
    /** Presses the button of the page. */
    press: (page: { html: string }, headers: Record<string, string> = {}) =>
      fetch(new URL(actionOf(page.html), given.server.url), {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams({ ticket: codeOf(page.html) }),
      }),
    choose: (signInId: string, choice: string, person = given.alice, more: object = {}) =>
      person.api.post(`/api/v1/sign-ins/${signInId}/actions/choose`, { choice, ...more }),
    /** A token response without an ID token: it names no account. */
    namesNoAccount: () => {
      const tokens = { access_token: newToken(24), refresh_token: newToken(24), token_type: 'bearer' };
      const body = JSON.stringify({ ...tokens, expires_in: 600 });
      return { kind: 'answer' as const, answer: { status: 200, body } };
    },
    credentialOf: async (person = given.alice) => (await person.api.get(`${given.path}/credential`)).body,
  };
}
