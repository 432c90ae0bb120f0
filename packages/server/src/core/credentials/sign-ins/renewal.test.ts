import { listenOnLoopback } from '@mooring/lab/loopback-http';
import { describe, expect, it } from 'vitest';
import { apiClient, type TestUser } from '../../../testing/api-client.js';
import { newToken } from '../../crypto/random.js';
import { codeOf } from './__fixtures__/callback-page.js';
import { renewalCase } from './__fixtures__/renewal-case.js';

describe('signing in again by the button of the page', () => {
  const { given, walk, use, signInOf, press, paste, choose, namesNoAccount, credentialOf } = renewalCase();

  it('takes one link and one click, and the refused call then succeeds as it was', async () => {
    const refused = await use();
    expect(refused.status).toBe(403);
    expect(refused.body.errors[0].meta).toMatchObject({ reason: 'needs_sign_in' });
    const { authUrl, poll } = signInOf(refused);
    expect((await given.alice.api.get(poll)).body.state).toBe('pending');
    const page = await walk(authUrl);
    expect(page.html).toContain('al…@lab.example');
    expect((await given.alice.api.get(poll)).body.state).toBe('arrived');
    expect(given.lab.counts().token.authorization_code).toBe(0);
    expect((await use()).status).toBe(403);
    const done = await press(page);
    expect(done.status).toBe(200);
    expect(await done.text()).toContain('Signed in again');
    expect((await given.alice.api.get(poll)).body.state).toBe('completed');
    const again = await use();
    expect(again.status, again.text).toBe(200);
    expect(again.body.rows[0][0]).toContain('alice');
    expect((await credentialOf()).credentialsName).toBe('mine');
  });

  it('O03: makes one token call for fifty clicks, and refuses the others', async () => {
    const page = await walk(signInOf(await use()).authUrl);
    const answers = await Promise.all(Array.from({ length: 50 }, () => press(page)));
    const counts = answers.map(({ status }) => status).toSorted();
    expect(counts).toEqual([200, ...Array.from({ length: 49 }, () => 409)]);
    expect(given.lab.counts().token.authorization_code).toBe(1);
    expect((await press(page)).status).toBe(409);
    expect((await use()).status).toBe(200);
  });

  it('TR3: stores no grant of another account that a click obtained, and leaves nothing to choose', async () => {
    const { authUrl, poll, signInId } = signInOf(await use());
    const pressed = await press(await walk(authUrl, 'bob'));
    expect(pressed.status).toBe(409);
    const text = await pressed.text();
    expect(text).toContain('You signed in with a different account');
    expect(text).toContain('nothing was stored');
    const state = (await given.alice.api.get(poll)).body;
    expect(state).toMatchObject({ state: 'failed', error: 'another_account' });
    expect(state).not.toHaveProperty('choices');
    await expect.poll(() => given.lab.counts().revocation).toBe(1);
    for (const choice of ['replace', 'add', 'cancel'])
      expect((await choose(signInId, choice)).status).toBe(400);
    expect((await use()).status).toBe(403);
    expect((await given.alice.api.get('/api/v1/data-credentials')).body.data).toHaveLength(1);
  });

  it('TR3: stores no grant that a click obtained for an account that the provider does not name', async () => {
    const { authUrl, poll, signInId } = signInOf(await use());
    const page = await walk(authUrl);
    given.lab.switches.tokenNext = [namesNoAccount()];
    const pressed = await press(page);
    expect(pressed.status).toBe(409);
    expect(await pressed.text()).toContain('nothing was stored');
    expect((await given.alice.api.get(poll)).body).toMatchObject({
      state: 'failed',
      error: 'account_unknown',
    });
    await expect.poll(() => given.lab.counts().revocation).toBe(1);
    expect((await choose(signInId, 'replace')).status).toBe(400);
  });

  /** What happened to credentials since a moment, earliest first: type and id. */
  const credentialEvents = async (since: string) => {
    const span = encodeURIComponent(`${since}/2099-01-01T00:00:00Z`);
    const answer = await apiClient(given.server.url, given.server.adminKey).get(
      `/api/v1/audits?eventTime=${span}`,
    );
    return (answer.body.data as { eventType: string; userId: string; data: { id: string; qName: string } }[])
      .filter(({ eventType }) => eventType.startsWith('mooring.v1.data-credential.'))
      .map(({ eventType, userId, data }) => [eventType.split('.').at(-1), userId, data.id, data.qName])
      .toReversed();
  };

  it('LI14: every change of a credential is an event: by a click, and by either choice', async () => {
    const { credentialId } = await credentialOf();
    let since = new Date().toISOString();
    await press(await walk(signInOf(await use()).authUrl));
    expect(await credentialEvents(since)).toEqual([['updated', given.alice.id, credentialId, 'mine']]);
    const chosenAfterPasting = async (choice: 'replace' | 'add') => {
      given.lab.revokeGrantsOf('alice');
      given.lab.revokeGrantsOf('bob');
      given.lab.expireAccessTokens();
      const { authUrl, signInId } = signInOf(await use());
      await paste(await walk(authUrl, choice === 'replace' ? 'bob' : 'alice'));
      since = new Date().toISOString();
      const chosen = await choose(signInId, choice);
      expect(chosen.status, chosen.text).toBe(200);
    };
    await chosenAfterPasting('replace');
    expect(await credentialEvents(since)).toEqual([['updated', given.alice.id, credentialId, 'mine']]);
    await chosenAfterPasting('add');
    const added = await credentialOf();
    expect(await credentialEvents(since)).toEqual([
      ['created', given.alice.id, added.credentialId, 'mine (2)'],
    ]);
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
    expect(given.lab.counts().token.authorization_code).toBe(0);
    expect((await press(page, { 'sec-fetch-site': 'same-origin', origin: given.server.url })).status).toBe(
      200,
    );
  });

  it('loses nothing when the provider is down at the click', async () => {
    const page = await walk(signInOf(await use()).authUrl);
    given.lab.switches.tokenNext = [{ kind: 'answer', answer: { status: 503, body: 'down' } }];
    const down = await press(page);
    expect(down.status).toBe(409);
    expect(await down.text()).toContain('does not answer');
    expect((await press(page)).status).toBe(200);
    expect((await use()).status).toBe(200);
  });

  it('LI4: one that is ended while its code is exchanged stays ended, whatever the provider answers', async () => {
    const { authUrl, poll } = signInOf(await use());
    const page = await walk(authUrl);
    const state = async () => (await given.alice.api.get(poll)).body;
    given.lab.switches.tokenNext = [{ kind: 'answer', answer: { status: 503, body: 'down' } }];
    given.lab.switches.tokenWatch = async (moment) => {
      if (moment !== 'arrived') return;
      given.lab.switches.tokenWatch = undefined;
      const admin = apiClient(given.server.url, given.server.adminKey);
      await admin.post('/api/v1/data-credentials/actions/revoke', { userId: given.alice.id });
      await expect.poll(state).toMatchObject({ state: 'failed' });
    };
    expect((await press(page)).status).toBe(409);
    expect(await state()).toMatchObject({ state: 'failed', error: 'ended' });
  });

  it('TR12: of a provider that the owner chose, a click tells a user who may not edit only its decision', async () => {
    const issued = { access_token: 'of-own-provider-31', refresh_token: 'kept-31', token_type: 'bearer' };
    let said = { status: 200, body: JSON.stringify({ ...issued, expires_in: 600 }) };
    const host = await listenOnLoopback(0, () => (_request, response) => {
      response.writeHead(said.status, { 'content-type': 'application/json' }).end(said.body);
    });
    const made = await given.owner.api.post('/api/v1/data-connections', {
      ...{ datasourceID: 'rest', qName: 'of its own provider', space: given.spaceId },
      connectionProperties: {
        ...{ url: host.url, authSchema: 'oauth2', clientId: 'c', clientSecret: 'canary-of-a-client-3307' },
        ...{ authorizationUrl: `${host.url}/authorize`, tokenUrl: `${host.url}/token` },
        separateCredentials: true,
      },
    });
    const at = `/api/v1/data-connections/${made.body.qID}/credential`;
    /** As the provider sends the browser back. */
    const arrive = async (person: TestUser) => {
      const begun = await person.api.put(at, { authUrlOnly: true });
      const { searchParams } = new URL(begun.body.authUrl);
      const redirect = new URL(searchParams.get('redirect_uri') ?? '');
      const parameters = { code: newToken(8), state: searchParams.get('state') ?? '' };
      const page = await fetch(`${redirect}?${new URLSearchParams(parameters)}`);
      return { redirect, ticket: codeOf(await page.text()) };
    };
    const click = async (person: TestUser): Promise<[says: boolean, ms: number]> => {
      const { redirect, ticket } = await arrive(person);
      const since = performance.now();
      const answer = await fetch(`${redirect}/renew`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ ticket }),
      });
      return [(await answer.text()).includes('does not answer'), performance.now() - since];
    };
    for (const person of [given.alice, given.owner]) {
      const { ticket } = await arrive(person);
      const connectionProperties = { authCode: ticket };
      const brought = await person.api.put(at, { credentialsName: 'of its own', connectionProperties });
      expect(brought.status, brought.text).toBe(200);
    }
    // No answer of a provider, as of whatever else listens there.
    said = { status: 404, body: '<p>' };
    const [saysToAlice, msOfAlice] = await click(given.alice);
    expect(saysToAlice).toBe(true);
    expect(msOfAlice).toBeGreaterThanOrEqual(990);
    const [saysToOwner, msOfOwner] = await click(given.owner);
    expect(saysToOwner).toBe(false);
    expect(msOfOwner).toBeLessThan(990);
    said = { status: 400, body: '{"error":"invalid_grant"}' };
    const [saysOfDecision, msOfDecision] = await click(given.alice);
    expect(saysOfDecision).toBe(false);
    expect(msOfDecision).toBeLessThan(990);
    await host.close();
  });

  it('G7: a credential that is deleted while the code is exchanged stays deleted, and the grant is revoked', async () => {
    const page = await walk(signInOf(await use()).authUrl);
    const { credentialId } = await credentialOf();
    let done: () => void = () => undefined;
    const isDone = new Promise<void>((resolve) => {
      done = resolve;
    });
    let goOn: () => void = () => undefined;
    given.lab.switches.tokenHold = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    given.lab.switches.tokenWatch = (moment) => (moment === 'done' ? done() : undefined);
    const pressed = press(page);
    await isDone;
    await given.alice.api.delete(`/api/v1/data-credentials/${credentialId}`);
    await expect.poll(() => given.lab.counts().revocation).toBe(1);
    goOn();
    expect((await pressed).status).toBe(409);
    await expect.poll(() => given.lab.counts().revocation).toBe(2);
    expect((await given.alice.api.get('/api/v1/data-credentials')).body.data).toEqual([]);
  });

  it('G7: a credential that is deleted before the click stays deleted', async () => {
    const page = await walk(signInOf(await use()).authUrl);
    const { credentialId } = await credentialOf();
    await given.alice.api.delete(`/api/v1/data-credentials/${credentialId}`);
    expect((await press(page)).status).toBe(409);
    expect(given.lab.counts().token.authorization_code).toBe(0);
  });
});
