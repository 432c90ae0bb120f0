import { listenOnLoopback } from '@mooring/lab/loopback-http';
import { describe, expect, it } from 'vitest';
import type { TestUser } from '../../../testing/api-client.js';
import { codeOf } from './__fixtures__/callback-page.js';
import { interactiveCase } from './__fixtures__/interactive-case.js';

describe('interactive sign-in', () => {
  const { given, properties, begin, finish, walk, connectionOf, whoReads } = interactiveCase();

  it('P1, R1, A5: signs in, shows a code, and the second call makes a connection that reads', async () => {
    given.lab.resetCounts();
    const begun = await begin(given.alice);
    expect(begun.status).toBe(201);
    const url = new URL(begun.body.authUrl);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_id: given.lab.client.clientId,
      response_type: 'code',
      scope: 'https://www.googleapis.com/auth/bigquery openid email',
      redirect_uri: `${given.server.url}/oauth/callback/google`,
      prompt: 'consent',
      access_type: 'offline',
      code_challenge_method: 'S256',
    });
    const page = await walk(begun.body.authUrl);
    expect(page.status).toBe(200);
    expect(page.html).toContain('alice');
    expect(given.lab.counts().token.authorization_code).toBe(0);
    const created = await finish(given.alice, 'warehouse', codeOf(page.html));
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      connectionName: 'warehouse',
      dataSourceId: 'gbq',
      spaceId: given.spaceId,
      userId: given.alice.id,
    });
    expect(created.body).toHaveProperty('updateAt');
    expect(given.lab.counts().token.authorization_code).toBe(1);
    const preview = await whoReads(given.alice, created.body.connectionId);
    expect(preview.status).toBe(200);
    expect(preview.body.rows[0][0]).toContain('alice');
    const refused = async (message: string) => {
      const error = { code: 400, message, errors: [{ reason: 'invalidQuery', message }] };
      given.bigQuery.switches.answerNext.push({ status: 400, body: JSON.stringify({ error }) });
      const actions = `/api/v1/data-connections/${created.body.connectionId}/actions`;
      return (await given.alice.api.post(`${actions}/preview`, { query: 'SELEC' })).text;
    };
    expect(await refused('Syntax error at [1:1]')).toContain('The server says');
    expect(await refused(`No such name: ${given.lastToken}`), 'US3: words with the access token').not.toMatch(
      /The server says|No such name/,
    );
    expect((await given.alice.api.get(`/api/v1/sign-ins/${begun.body.signInId}`)).body.state).toBe(
      'completed',
    );
    expect((await given.bob.api.get(`/api/v1/sign-ins/${begun.body.signInId}`)).status).toBe(404);
  });

  it('A5: does the same through data-connections, with its own shapes', async () => {
    const begun = await given.alice.api.post('/api/v1/data-connections', {
      dataSourceId: 'gbq',
      qName: 'warehouse 2',
      space: given.spaceId,
      authUrlOnly: true,
      connectionProperties: properties({ separateCredentials: 'true' }),
    });
    const page = await walk(begun.body.authUrl);
    const created = await given.alice.api.post('/api/v1/data-connections', {
      dataSourceId: 'gbq',
      qName: 'warehouse 2',
      space: given.spaceId,
      authUrlOnly: 'false',
      connectionProperties: properties({
        separateCredentials: 'true',
        credentialsName: 'my google',
        authCode: `code=${codeOf(page.html)}`,
      }),
    });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ qSeparateCredentials: true, qCredentialsName: 'my google' });
  });

  it('X07, X08: refuses a second user with a link to sign in, and reads as that user afterwards', async () => {
    const found = await connectionOf(given.bob, 'warehouse 2');
    expect(found).not.toHaveProperty('qCredentialsID');
    const path = `/api/v1/data-connections/${found.qID}`;
    const refused = await whoReads(given.bob, found.qID);
    expect(refused.status).toBe(403);
    expect(refused.body.errors[0]).toMatchObject({
      code: 'CREDENTIALS-REQUIRED',
      meta: {
        reason: 'missing',
        connectionId: found.qID,
        dataSourceId: 'gbq',
        bring: `${path}/credential`,
      },
    });
    const page = await walk(refused.body.errors[0].meta.signIn.authUrl, 'bob');
    const brought = await given.bob.api.put(refused.body.errors[0].meta.bring, {
      credentialsName: 'bobs google',
      connectionProperties: { authCode: codeOf(page.html) },
    });
    expect(brought.status).toBe(200);
    expect(brought.body).toMatchObject({ state: 'ready', credentialsName: 'bobs google' });
    expect((await whoReads(given.bob, found.qID)).body.rows[0][0]).toContain('bob');
  });

  it('refreshes an expired grant once for many readers, and stores the rotated token', async () => {
    const { qID } = await connectionOf(given.alice, 'warehouse');
    const read = () => whoReads(given.alice, qID);
    for (let round = 0; round < 2; round += 1) {
      given.lab.expireAccessTokens();
      given.lab.resetCounts();
      const answers = await Promise.all(Array.from({ length: 20 }, read));
      expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200));
      expect(given.lab.counts().token.refresh_token).toBe(1);
    }
    await given.server.restart();
    given.lab.expireAccessTokens();
    expect((await read()).status).toBe(200);
  });

  it('N1, N2, O24: asks the user to sign in again when the grant is dead, once, and no other user', async () => {
    const { qID } = await connectionOf(given.alice, 'warehouse 2');
    const read = (person: TestUser) => whoReads(person, qID);
    given.lab.revokeGrantsOf('bob');
    given.lab.expireAccessTokens();
    given.lab.resetCounts();
    const refused = await read(given.bob);
    expect(refused.status).toBe(403);
    expect(refused.body.errors[0]).toMatchObject({
      code: 'CREDENTIALS-REQUIRED',
      meta: { reason: 'needs_sign_in' },
    });
    const calls = given.lab.counts().token.refresh_token;
    expect(calls).toBe(1);
    await Promise.all(Array.from({ length: 10 }, () => read(given.bob)));
    expect(given.lab.counts().token.refresh_token).toBe(calls);
    expect((await read(given.alice)).status).toBe(200);

    const page = await walk(refused.body.errors[0].meta.signIn.authUrl, 'bob');
    const renewed = await given.bob.api.put(refused.body.errors[0].meta.bring, {
      connectionProperties: { authCode: codeOf(page.html) },
    });
    expect(renewed.body).toMatchObject({ state: 'ready', credentialsName: 'bobs google' });
    expect((await read(given.bob)).status).toBe(200);
  });

  it('renews an embedded sign-in in place by PATCH with qlik-auth-code', async () => {
    const found = await connectionOf(given.alice, 'warehouse');
    const path = `/api/v1/data-connections/${found.qID}`;
    const read = () => whoReads(given.alice, found.qID);
    given.lab.revokeGrantsOf('alice');
    given.lab.expireAccessTokens();
    const refused = await read();
    expect(refused.body.errors[0]).toMatchObject({
      code: 'CREDENTIALS-REQUIRED',
      meta: { reason: 'needs_sign_in', bring: path },
    });
    const page = await walk(refused.body.errors[0].meta.signIn.authUrl);
    const renewed = await given.alice.api.patch(path, [], { 'qlik-auth-code': `code=${codeOf(page.html)}` });
    expect(renewed.status, renewed.text).toBe(204);
    expect((await read()).status).toBe(200);
    expect((await given.alice.api.get(path)).body.qCredentialsID).toBe(found.qCredentialsID);
    const again = await given.alice.api.patch(path, [], { 'qlik-auth-code': codeOf(page.html) });
    expect(again.status).toBe(400);
  });

  it('QL2: a sign-in that is renewed leaves the encrypted headers beside it as they were', async () => {
    const seen: unknown[] = [];
    const items = await listenOnLoopback(0, () => async (request, response) => {
      const [, token = ''] = (request.headers.authorization ?? '').split(' ');
      const { active } = await given.lab.verifyAccessToken(token);
      seen.push(request.headers['x-key']);
      response.writeHead(active ? 200 : 401, { 'content-type': 'application/json' }).end('[{"a":1}]');
    });
    const signIn = async (authUrl: string) => {
      given.lab.addRedirectUri(new URL(authUrl).searchParams.get('redirect_uri') ?? '');
      return codeOf((await walk(authUrl)).html);
    };
    for (const choice of [{}, { separateCredentials: true, credentialsName: 'beside' }]) {
      const make = (more: object, body: object = {}) =>
        given.alice.api.post('/api/v1/data-connections', {
          ...{
            datasourceID: 'rest',
            qName: `beside ${Object.keys(choice).length}`,
            space: given.spaceId,
            ...body,
          },
          connectionProperties: {
            ...{
              url: items.url,
              authSchema: 'oauth2',
              scope: 'openid offline_access',
              issuer: given.lab.issuer,
            },
            ...{
              authorizationUrl: `${given.lab.authorizationEndpoint}?prompt=consent`,
              tokenUrl: given.lab.tokenEndpoint,
            },
            ...given.lab.client,
            queryHeaders: [{ name: 'X-Key', value: 'canary-beside-a-sign-in', encrypt: true }],
            ...{ ...choice, ...more },
          },
        });
      const begun = await make({}, { authUrlOnly: true });
      const made = await make({ authCode: await signIn(begun.body.authUrl) });
      expect(made.status, made.text).toBe(201);
      const path = `/api/v1/data-connections/${made.body.qID}`;
      const read = () => given.alice.api.post(`${path}/actions/preview`, { path: [] });
      expect((await read()).status).toBe(200);
      given.lab.revokeGrantsOf('alice');
      given.lab.expireAccessTokens();
      const refused = await read();
      const code = await signIn(refused.body.errors[0].meta.signIn.authUrl);
      const renewed =
        'credentialsName' in choice
          ? await given.alice.api.put(`${path}/credential`, { connectionProperties: { authCode: code } })
          : await given.alice.api.patch(path, [], { 'qlik-auth-code': code });
      expect(renewed.status, renewed.text).toBeLessThan(300);
      seen.length = 0;
      expect((await read()).status).toBe(200);
      expect(seen).toEqual(['canary-beside-a-sign-in']);
    }
    await items.close();
  });

  /** Bob's separated grant for the shared connection. */
  const bringAsBob = async (): Promise<string> => {
    const { qID } = await connectionOf(given.bob, 'warehouse 2');
    const path = `/api/v1/data-connections/${qID}/credential`;
    const begun = await given.bob.api.put(path, { authUrlOnly: true });
    const page = await walk(begun.body.authUrl, 'bob');
    const connectionProperties = { authCode: codeOf(page.html) };
    const brought = await given.bob.api.put(path, { credentialsName: 'bobs google', connectionProperties });
    expect(brought.status, brought.text).toBe(200);
    return `/api/v1/data-credentials/${brought.body.credentialId}`;
  };

  it('G7, D1, O28: revokes the grant at the provider when its credential is deleted', async () => {
    const credential = await given.bob.api.get(
      '/api/v1/data-credentials/bobs%20google?byCredentialName=true',
    );
    const before = await given.server.storedText();
    given.lab.resetCounts();
    expect((await given.bob.api.delete(`/api/v1/data-credentials/${credential.body.qID}`)).status).toBe(204);
    await expect.poll(() => given.lab.counts().revocation).toBe(1);
    expect(before).toContain(credential.body.qID);
    const { qID } = await connectionOf(given.bob, 'warehouse 2');
    const refused = await given.bob.api.post(`/api/v1/data-connections/${qID}/actions/test`);
    expect(refused.body.errors[0]).toMatchObject({
      code: 'CREDENTIALS-REQUIRED',
      meta: { reason: 'missing' },
    });
  });

  it('D2, O28: deletes at once when the provider is down, and revokes later, over a restart', async () => {
    const path = await bringAsBob();
    given.lab.resetCounts();
    given.lab.switches.revocationAlways = { status: 503, body: 'down' };
    expect((await given.bob.api.delete(path)).status).toBe(204);
    await expect.poll(() => given.lab.counts().revocation).toBe(1);
    await given.server.restart();
    given.lab.switches.revocationAlways = undefined;
    await expect.poll(() => given.lab.counts().revocation, { timeout: 20_000 }).toBeGreaterThan(1);
    const told = given.lab.counts().revocation;
    await given.server.restart();
    expect(given.lab.counts().revocation).toBe(told);
  });

  it('N3: a dead grant can be deleted', async () => {
    const path = await bringAsBob();
    given.lab.revokeGrantsOf('bob');
    expect((await given.bob.api.delete(path)).status).toBe(204);
    expect((await given.bob.api.get(path)).status).toBe(404);
  });
});
