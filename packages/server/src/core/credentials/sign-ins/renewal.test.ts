import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { createSwitches } from '@mooring/lab/authorization-server/faults';
import { startBigQuery } from '@mooring/lab/bigquery';
import { listenOnLoopback } from '@mooring/lab/loopback-http';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, addPerson, apiClient, type TestPerson } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';
import { newToken } from '../../crypto/random.js';

const codeOf = (html: string): string => /id="auth-code"[^>]*>([^<]+)</.exec(html)?.[1] ?? '';
const actionOf = (html: string): string => /<form method="post" action="([^"]+)"/.exec(html)?.[1] ?? '';

describe('signing in again', () => {
  let lab: Awaited<ReturnType<typeof startAuthorizationServer>>;
  let bigQuery: Awaited<ReturnType<typeof startBigQuery>>;
  let server: TestServer;
  let owner: TestPerson;
  let alice: TestPerson;
  let path: string;
  let spaceId: string;

  beforeAll(async () => {
    lab = await startAuthorizationServer();
    bigQuery = await startBigQuery({ verifyAccessToken: lab.verifyAccessToken });
    const { issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint } = lab;
    const google = { ...lab.client, issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint };
    server = await startServer({
      configuration: {
        ...{ oauth: { clients: { google } }, sources: { gbq: { apiEndpoint: bigQuery.url } } },
        // When what is told coarsely is told.
        limits: { testSeconds: 1 },
      },
    });
    lab.addRedirectUri(`${server.url}/oauth/callback/google`);
    owner = await addPerson(server.url, server.adminKey, 'owner');
    alice = await addPerson(server.url, server.adminKey, 'alice');
    const space = await owner.api.post('/api/v1/spaces', { name: 'Warehouse', type: 'shared' });
    spaceId = space.body.id;
    const member = { type: 'user', assigneeId: alice.id, roles: ['dataconsumer'] };
    await owner.api.post(`/api/v1/spaces/${space.body.id}/assignments`, member);
    const properties = { OAuthMechanism: '1', Catalog: bigQuery.projectId, separateCredentials: true };
    const body = { datasourceID: 'gbq', qName: 'warehouse', space: space.body.id };
    const begun = await owner.api.post('/api/v1/data-connections', {
      ...{ ...body, authUrlOnly: true, connectionProperties: properties },
    });
    const page = await walk(begun.body.authUrl, 'bob');
    const made = await owner.api.post('/api/v1/data-connections', {
      ...{ ...body, connectionProperties: { ...properties, authCode: codeOf(page.html) } },
    });
    expect(made.status, made.text).toBe(201);
    path = `/api/v1/data-connections/${made.body.qID}`;
  });
  afterAll(async () => {
    await server.close();
    await bigQuery.close();
    await lab.close();
  });

  const walk = (authUrl: string, login: 'alice' | 'bob' = 'alice') => {
    const user = lab.users.find((one) => one.login === login);
    if (!user) throw new Error(`the lab has no ${login}`);
    return walkSignIn({ authUrl, login, password: user.password });
  };
  const use = (person = alice) =>
    person.api.post(`${path}/actions/preview`, { query: 'SELECT SESSION_USER() AS who' });
  const signInOf = (refused: Answer) => refused.body.errors[0].meta.signIn;
  const press = (page: { html: string }, headers: Record<string, string> = {}) =>
    fetch(new URL(actionOf(page.html), server.url), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams({ ticket: codeOf(page.html) }),
    });
  const paste = (page: { html: string }) =>
    alice.api.put(`${path}/credential`, { connectionProperties: { authCode: codeOf(page.html) } });
  const choose = (signInId: string, choice: string, person = alice, more: object = {}) =>
    person.api.post(`/api/v1/sign-ins/${signInId}/actions/choose`, { choice, ...more });
  /** An answer without ID token. */
  const namesNobody = () => {
    const tokens = { access_token: newToken(24), refresh_token: newToken(24), token_type: 'bearer' };
    const body = JSON.stringify({ ...tokens, expires_in: 600 });
    return { kind: 'answer' as const, answer: { status: 200, body } };
  };
  const credentialOf = async (person = alice) => (await person.api.get(`${path}/credential`)).body;

  /** Alice's credential is good, and then its grant is ended at the provider. */
  beforeEach(async () => {
    Object.assign(lab.switches, createSwitches());
    for (const { qID } of (await alice.api.get('/api/v1/data-credentials')).body.data) {
      await alice.api.delete(`/api/v1/data-credentials/${qID}`);
    }
    const begun = await alice.api.put(`${path}/credential`, { authUrlOnly: true });
    const page = await walk(begun.body.authUrl);
    expect(actionOf(page.html)).toBe('');
    const connectionProperties = { authCode: codeOf(page.html) };
    const brought = await alice.api.put(`${path}/credential`, {
      credentialsName: 'mine',
      connectionProperties,
    });
    expect(brought.status, brought.text).toBe(200);
    expect((await use()).body.rows[0][0]).toContain('alice');
    lab.revokeGrantsOf('alice');
    lab.expireAccessTokens();
    lab.resetCounts();
  });

  it('takes one link and one click, and the refused call then succeeds as it was', async () => {
    const refused = await use();
    expect(refused.status).toBe(403);
    expect(refused.body.errors[0].meta).toMatchObject({ reason: 'needs_sign_in' });
    const { authUrl, poll } = signInOf(refused);
    expect((await alice.api.get(poll)).body.state).toBe('pending');
    const page = await walk(authUrl);
    expect(page.html).toContain('al…@lab.example');
    expect((await alice.api.get(poll)).body.state).toBe('arrived');
    expect(lab.counts().token.authorization_code).toBe(0);
    expect((await use()).status).toBe(403);
    const done = await press(page);
    expect(done.status).toBe(200);
    expect(await done.text()).toContain('Signed in again');
    expect((await alice.api.get(poll)).body.state).toBe('completed');
    const again = await use();
    expect(again.status, again.text).toBe(200);
    expect(again.body.rows[0][0]).toContain('alice');
    expect((await credentialOf()).credentialsName).toBe('mine');
  });

  it('O03: makes one token call for fifty clicks, and tells the others', async () => {
    const page = await walk(signInOf(await use()).authUrl);
    const answers = await Promise.all(Array.from({ length: 50 }, () => press(page)));
    const counts = answers.map(({ status }) => status).toSorted();
    expect(counts).toEqual([200, ...Array.from({ length: 49 }, () => 409)]);
    expect(lab.counts().token.authorization_code).toBe(1);
    expect((await press(page)).status).toBe(409);
    expect((await use()).status).toBe(200);
  });

  it('TR3: keeps nothing of another account that a click brought, and leaves nobody anything to choose', async () => {
    const { authUrl, poll, signInId } = signInOf(await use());
    const pressed = await press(await walk(authUrl, 'bob'));
    expect(pressed.status).toBe(409);
    const text = await pressed.text();
    expect(text).toContain('You signed in with a different account');
    expect(text).toContain('nothing was stored');
    const state = (await alice.api.get(poll)).body;
    expect(state).toMatchObject({ state: 'failed', error: 'another_account' });
    expect(state).not.toHaveProperty('choices');
    await expect.poll(() => lab.counts().revocation).toBe(1);
    for (const choice of ['replace', 'add', 'cancel'])
      expect((await choose(signInId, choice)).status).toBe(400);
    expect((await use()).status).toBe(403);
    expect((await alice.api.get('/api/v1/data-credentials')).body.data).toHaveLength(1);
  });

  it('TR3: keeps nothing that a click brought of an account that the provider does not name', async () => {
    const { authUrl, poll, signInId } = signInOf(await use());
    const page = await walk(authUrl);
    lab.switches.tokenNext = [namesNobody()];
    const pressed = await press(page);
    expect(pressed.status).toBe(409);
    expect(await pressed.text()).toContain('nothing was stored');
    expect((await alice.api.get(poll)).body).toMatchObject({ state: 'failed', error: 'account_unknown' });
    await expect.poll(() => lab.counts().revocation).toBe(1);
    expect((await choose(signInId, 'replace')).status).toBe(400);
  });

  it('O06: lets who began, and nobody else, choose for another account whose code they pasted', async () => {
    const { authUrl, poll, signInId } = signInOf(await use());
    expect((await paste(await walk(authUrl, 'bob'))).status).toBe(409);
    expect((await alice.api.get(poll)).body).toMatchObject({
      state: 'needs_choice',
      account: { remembered: 'al…@lab.example', signedIn: 'bo…@lab.example' },
      choices: ['replace', 'add', 'cancel'],
    });
    expect((await use()).status).toBe(403);
    expect((await choose(signInId, 'replace', owner)).status).toBe(404);
    lab.resetCounts();
    expect((await choose(signInId, 'cancel')).body.state).toBe('failed');
    await expect.poll(() => lab.counts().revocation).toBe(1);
    expect((await choose(signInId, 'replace')).status).toBe(400);
    expect((await use()).status).toBe(403);
  });

  /** What happened to credentials since a moment, earliest first: type and id. */
  const credentialEvents = async (since: string) => {
    const span = encodeURIComponent(`${since}/2099-01-01T00:00:00Z`);
    const answer = await apiClient(server.url, server.adminKey).get(`/api/v1/audits?eventTime=${span}`);
    return (answer.body.data as { eventType: string; userId: string; data: { id: string; qName: string } }[])
      .filter(({ eventType }) => eventType.startsWith('mooring.v1.data-credential.'))
      .map(({ eventType, userId, data }) => [eventType.split('.').at(-1), userId, data.id, data.qName])
      .toReversed();
  };

  it('LI14: every change of a credential is an event: by a click, and by either choice', async () => {
    const { credentialId } = await credentialOf();
    let since = new Date().toISOString();
    await press(await walk(signInOf(await use()).authUrl));
    expect(await credentialEvents(since)).toEqual([['updated', alice.id, credentialId, 'mine']]);
    const chosenAfterPasting = async (choice: 'replace' | 'add') => {
      lab.revokeGrantsOf('alice');
      lab.revokeGrantsOf('bob');
      lab.expireAccessTokens();
      const { authUrl, signInId } = signInOf(await use());
      await paste(await walk(authUrl, choice === 'replace' ? 'bob' : 'alice'));
      since = new Date().toISOString();
      const chosen = await choose(signInId, choice);
      expect(chosen.status, chosen.text).toBe(200);
    };
    await chosenAfterPasting('replace');
    expect(await credentialEvents(since)).toEqual([['updated', alice.id, credentialId, 'mine']]);
    await chosenAfterPasting('add');
    const added = await credentialOf();
    expect(await credentialEvents(since)).toEqual([['created', alice.id, added.credentialId, 'mine (2)']]);
  });

  it('replaces the account when its person says so', async () => {
    const { authUrl, signInId } = signInOf(await use());
    await paste(await walk(authUrl, 'bob'));
    const before = await credentialOf();
    const chosen = await choose(signInId, 'replace');
    expect([chosen.status, chosen.body.state]).toEqual([200, 'completed']);
    expect((await credentialOf()).credentialId).toBe(before.credentialId);
    expect((await use()).body.rows[0][0]).toContain('bob');
  });

  it('adds the account beside the old one when its person says so', async () => {
    const { authUrl, signInId } = signInOf(await use());
    await paste(await walk(authUrl, 'bob'));
    const before = await credentialOf();
    const chosen = await choose(signInId, 'add');
    expect(chosen.status, chosen.text).toBe(200);
    const after = await credentialOf();
    expect(after.credentialId).not.toBe(before.credentialId);
    expect(after.credentialsName).toBe('mine (2)');
    expect((await use()).body.rows[0][0]).toContain('bob');
    expect((await alice.api.get(`/api/v1/data-credentials/${before.credentialId}`)).status).toBe(200);
  });

  it('adds an account under a name that the user does not have, however it is written', async () => {
    const long = `né ${'n'.repeat(253)}`;
    const { credentialId } = await credentialOf();
    await alice.api.patch(`/api/v1/data-credentials/${credentialId}`, [
      { op: 'replace', path: '/qName', value: long },
    ]);
    const { authUrl, signInId } = signInOf(await use());
    await paste(await walk(authUrl, 'bob'));
    const taken = { credentialsName: long.normalize('NFD') };
    expect((await choose(signInId, 'add', alice, taken)).status).toBe(409);
    const chosen = await choose(signInId, 'add');
    expect(chosen.status, chosen.text).toBe(200);
    expect((await credentialOf()).credentialsName).toBe(`${long.slice(0, 248)} (2)`);
  });

  it('LI12: asks who began where the provider does not name the account of a pasted code', async () => {
    const { authUrl, signInId } = signInOf(await use());
    const page = await walk(authUrl);
    lab.switches.tokenNext = [namesNobody()];
    const asked = await paste(page);
    expect([asked.status, asked.body.errors[0].code]).toEqual([409, 'SIGN-IN-ACCOUNT-DIFFERS']);
    expect(asked.body.errors[0].meta).toMatchObject({ signInId, remembered: 'al…@lab.example' });
    expect(asked.body.errors[0].meta).not.toHaveProperty('signedIn');
    expect((await credentialOf()).state).toBe('needs_sign_in');
    expect((await choose(signInId, 'replace')).status).toBe(200);
    expect((await credentialOf()).state).toBe('ready');

    // By now nothing is known of the account that it has, so the next one is asked about too.
    const begun = await alice.api.put(`${path}/credential`, { authUrlOnly: true });
    const again = await paste(await walk(begun.body.authUrl));
    expect(again.status, again.text).toBe(409);
    expect(again.body.errors[0].meta).toMatchObject({ signedIn: 'al…@lab.example' });
    expect((await choose(begun.body.signInId, 'replace')).status).toBe(200);
    expect((await use()).body.rows[0][0]).toContain('alice');
  });

  it('never replaces the account silently where a code is pasted', async () => {
    const { authUrl } = signInOf(await use());
    const page = await walk(authUrl, 'bob');
    const refused = await paste(page);
    expect([refused.status, refused.body.errors[0].code]).toEqual([409, 'SIGN-IN-ACCOUNT-DIFFERS']);
    expect(refused.body.errors[0].meta).toMatchObject({
      remembered: 'al…@lab.example',
      signedIn: 'bo…@lab.example',
      choices: ['replace', 'add', 'cancel'],
    });
    expect((await paste(page)).status).toBe(409);
    expect(lab.counts().token.authorization_code).toBe(1);
    expect((await use()).status).toBe(403);
    expect((await alice.api.post(refused.body.errors[0].meta.choose, { choice: 'replace' })).status).toBe(
      200,
    );
    expect((await use()).body.rows[0][0]).toContain('bob');
  });

  it('W02: is not for forms of other sites, nor for a ticket of another path', async () => {
    const page = await walk(signInOf(await use()).authUrl);
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
    ]) {
      expect((await press(page, headers as Record<string, string>)).status).toBe(403);
    }
    const elsewhere = {
      html: page.html.replace('/oauth/callback/google/renew', '/oauth/callback/other/renew'),
    };
    expect((await press(elsewhere)).status).toBe(409);
    expect(lab.counts().token.authorization_code).toBe(0);
    expect((await press(page, { 'sec-fetch-site': 'same-origin', origin: server.url })).status).toBe(200);
  });

  it('loses nothing when the provider is down at the click', async () => {
    const page = await walk(signInOf(await use()).authUrl);
    lab.switches.tokenNext = [{ kind: 'answer', answer: { status: 503, body: 'down' } }];
    const down = await press(page);
    expect(down.status).toBe(409);
    expect(await down.text()).toContain('does not answer');
    expect((await press(page)).status).toBe(200);
    expect((await use()).status).toBe(200);
  });

  it('LI4: one that is ended while its code is exchanged stays ended, whatever the provider answers', async () => {
    const { authUrl, poll } = signInOf(await use());
    const page = await walk(authUrl);
    const state = async () => (await alice.api.get(poll)).body;
    lab.switches.tokenNext = [{ kind: 'answer', answer: { status: 503, body: 'down' } }];
    lab.switches.tokenWatch = async (moment) => {
      if (moment !== 'arrived') return;
      lab.switches.tokenWatch = undefined;
      const admin = apiClient(server.url, server.adminKey);
      await admin.post('/api/v1/data-credentials/actions/revoke', { userId: alice.id });
      await expect.poll(state).toMatchObject({ state: 'failed' });
    };
    expect((await press(page)).status).toBe(409);
    expect(await state()).toMatchObject({ state: 'failed', error: 'ended' });
  });

  it('TR12: of a provider that the owner chose, a click tells who may not edit nothing but its decision', async () => {
    const issued = { access_token: 'of-own-provider-31', refresh_token: 'kept-31', token_type: 'bearer' };
    let said = { status: 200, body: JSON.stringify({ ...issued, expires_in: 600 }) };
    const host = await listenOnLoopback(0, () => (_request, response) => {
      response.writeHead(said.status, { 'content-type': 'application/json' }).end(said.body);
    });
    const made = await owner.api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'rest', qName: 'of its own provider', space: spaceId },
      connectionProperties: {
        ...{ url: host.url, authSchema: 'oauth2', clientId: 'c', clientSecret: 'canary-of-a-client-3307' },
        ...{ authorizationUrl: `${host.url}/authorize`, tokenUrl: `${host.url}/token` },
        separateCredentials: true,
      },
    });
    const at = `/api/v1/data-connections/${made.body.qID}/credential`;
    /** As the provider sends the browser back. */
    const arrive = async (person: TestPerson) => {
      const begun = await person.api.put(at, { authUrlOnly: true });
      const { searchParams } = new URL(begun.body.authUrl);
      const redirect = new URL(searchParams.get('redirect_uri') ?? '');
      const parameters = { code: newToken(8), state: searchParams.get('state') ?? '' };
      const page = await fetch(`${redirect}?${new URLSearchParams(parameters)}`);
      return { redirect, ticket: codeOf(await page.text()) };
    };
    const click = async (person: TestPerson): Promise<[says: boolean, ms: number]> => {
      const { redirect, ticket } = await arrive(person);
      const since = performance.now();
      const answer = await fetch(`${redirect}/renew`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ ticket }),
      });
      return [(await answer.text()).includes('does not answer'), performance.now() - since];
    };
    for (const person of [alice, owner]) {
      const { ticket } = await arrive(person);
      const connectionProperties = { authCode: ticket };
      const brought = await person.api.put(at, { credentialsName: 'of its own', connectionProperties });
      expect(brought.status, brought.text).toBe(200);
    }
    // No answer of a provider, as of whatever else listens there.
    said = { status: 404, body: '<p>' };
    const [saysToAlice, msOfAlice] = await click(alice);
    expect(saysToAlice).toBe(true);
    expect(msOfAlice).toBeGreaterThanOrEqual(990);
    const [saysToOwner, msOfOwner] = await click(owner);
    expect(saysToOwner).toBe(false);
    expect(msOfOwner).toBeLessThan(990);
    said = { status: 400, body: '{"error":"invalid_grant"}' };
    const [saysOfDecision, msOfDecision] = await click(alice);
    expect(saysOfDecision).toBe(false);
    expect(msOfDecision).toBeLessThan(990);
    await host.close();
  });

  it('LI4: ends a grant that waits for a choice with the credential that it was for', async () => {
    const { authUrl, signInId, poll } = signInOf(await use());
    await paste(await walk(authUrl, 'bob'));
    const { credentialId } = await credentialOf();
    await alice.api.delete(`/api/v1/data-credentials/${credentialId}`);
    await expect.poll(() => lab.counts().revocation).toBe(2);
    expect((await alice.api.get(poll)).body).toMatchObject({ state: 'failed', error: 'ended' });
    expect((await choose(signInId, 'replace')).status).toBe(400);
  });

  it('keeps a grant or ends it, never both, when two choices arrive at once', async () => {
    for (const choices of [
      ['replace', 'cancel'],
      ['cancel', 'replace'],
    ]) {
      const { authUrl, signInId } = signInOf(await use());
      await paste(await walk(authUrl, 'bob'));
      lab.resetCounts();
      const answers = await Promise.all(choices.map((choice) => choose(signInId, choice)));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      const isKept = answers[choices.indexOf('replace')]?.status === 200;
      expect((await use()).status).toBe(isKept ? 200 : 403);
      if (!isKept) await expect.poll(() => lab.counts().revocation).toBe(1);
      expect(lab.counts().revocation).toBe(isKept ? 0 : 1);
      if (isKept) return;
    }
  });

  it('G7: a credential that is deleted while the code is exchanged is not brought back, and the grant is ended', async () => {
    const page = await walk(signInOf(await use()).authUrl);
    const { credentialId } = await credentialOf();
    let done: () => void = () => undefined;
    const isDone = new Promise<void>((resolve) => {
      done = resolve;
    });
    let goOn: () => void = () => undefined;
    lab.switches.tokenHold = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    lab.switches.tokenWatch = (moment) => (moment === 'done' ? done() : undefined);
    const pressed = press(page);
    await isDone;
    await alice.api.delete(`/api/v1/data-credentials/${credentialId}`);
    await expect.poll(() => lab.counts().revocation).toBe(1);
    goOn();
    expect((await pressed).status).toBe(409);
    await expect.poll(() => lab.counts().revocation).toBe(2);
    expect((await alice.api.get('/api/v1/data-credentials')).body.data).toEqual([]);
  });

  it('G7: a credential that is deleted meanwhile is not brought back', async () => {
    const page = await walk(signInOf(await use()).authUrl);
    const { credentialId } = await credentialOf();
    await alice.api.delete(`/api/v1/data-credentials/${credentialId}`);
    expect((await press(page)).status).toBe(409);
    expect(lab.counts().token.authorization_code).toBe(0);
  });
});
