import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { startBigQuery } from '@mooring/lab/bigquery';
import { type DatabaseRelay, startDatabaseRelay } from '@mooring/lab/postgres/relay';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { addUser, type TestUser } from '../../../testing/api-client.js';
import { startNodes, type TestNodes } from '../../../testing/start-nodes.js';
import { codeOf } from './__fixtures__/callback-page.js';

const actionOf = (html: string): string => /<form method="post" action="([^"]+)"/.exec(html)?.[1] ?? '';

describe('a sign-in whose commit is cut off', () => {
  let relay: DatabaseRelay;
  let lab: Awaited<ReturnType<typeof startAuthorizationServer>>;
  let bigQuery: Awaited<ReturnType<typeof startBigQuery>>;
  let all: TestNodes;
  let person: TestUser;
  let url: string;

  beforeAll(async () => {
    const database = inject('databaseServer');
    if (!database) throw new Error('these tests belong to the project "PostgreSQL store"');
    relay = await startDatabaseRelay(database);
    lab = await startAuthorizationServer();
    bigQuery = await startBigQuery({ verifyAccessToken: lab.verifyAccessToken });
    const { issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint } = lab;
    const google = { ...lab.client, issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint };
    all = await startNodes({
      count: 1,
      configuration: { oauth: { clients: { google } }, sources: { gbq: { apiEndpoint: bigQuery.url } } },
      via: (direct) => Object.assign(new URL(direct), { port: String(relay.port) }).href,
    });
    const [node] = all.nodes;
    if (!node) throw new Error('no node');
    url = node.url;
    lab.addRedirectUri(`${url}/oauth/callback/google`);
    person = await addUser(url, node.adminKey, 'alice');
  });
  afterAll(async () => {
    await all.close();
    await bigQuery.close();
    await lab.close();
    await relay.close();
  });

  const walk = (authUrl: string) => {
    const user = lab.users.find(({ login }) => login === 'alice');
    if (!user) throw new Error('the lab has no alice');
    return walkSignIn({ authUrl, login: user.login, password: user.password });
  };
  /** The first commit of its grant that follows the exchange is the one that stores it. */
  const cutWhatFollowsTheExchange = () => {
    lab.switches.tokenWatch = (moment) => {
      if (moment !== 'done') return;
      lab.switches.tokenWatch = undefined;
      relay.cutAtCommit('"grant_state"');
    };
  };

  it('R14: revokes no grant that may be stored, neither a new one nor one that was renewed', async () => {
    const properties = { OAuthMechanism: '1', Catalog: bigQuery.projectId };
    const body = { dataSourceId: 'gbq', qName: 'warehouse' };
    const begun = await person.api.post('/api/v1/data-connections', {
      ...{ ...body, authUrlOnly: true, connectionProperties: properties },
    });
    const authCode = codeOf((await walk(begun.body.authUrl)).html);
    cutWhatFollowsTheExchange();
    const made = await person.api.post('/api/v1/data-connections', {
      ...{ ...body, connectionProperties: { ...properties, authCode } },
    });
    expect([made.status, made.body.errors[0].code]).toEqual([503, 'OUTCOME-UNKNOWN']);
    expect(lab.counts().revocation).toBe(0);
    const [found] = (await person.api.get('/api/v1/data-connections')).body.data;
    const use = () =>
      person.api.post(`/api/v1/data-connections/${found.qID}/actions/preview`, {
        query: 'SELECT SESSION_USER() AS who',
      });
    expect((await use()).status).toBe(200);

    lab.revokeGrantsOf('alice');
    lab.expireAccessTokens();
    const page = await walk((await use()).body.errors[0].meta.signIn.authUrl);
    cutWhatFollowsTheExchange();
    const pressed = await fetch(new URL(actionOf(page.html), url), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ ticket: codeOf(page.html) }),
    });
    expect(pressed.status).toBe(503);
    expect(lab.counts().revocation).toBe(0);
    expect((await use()).status).toBe(200);
  });
});
