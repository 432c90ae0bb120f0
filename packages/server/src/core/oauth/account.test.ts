import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, good, idTokenOf, startTokenProbe, type TokenProbe } from './__fixtures__/token-probe.js';
import { type Behaviour, gateOf, json } from './__fixtures__/token-server.js';

describe('whose account it is', () => {
  let probe: TokenProbe;
  beforeAll(async () => {
    probe = await startTokenProbe();
  });
  afterAll(() => probe?.[Symbol.asyncDispose]());

  const presetWith = (account: OAuthPreset['account']): OAuthPreset => ({
    ...probe.server.preset,
    ...(account ? { account } : {}),
  });
  const asking = () =>
    presetWith({ endpoint: `${probe.server.url}/account`, subject: '/user/id', email: '/user/mail' });
  /** A token endpoint that is well, and an account endpoint that answers so. */
  const signIn = (account: Behaviour, extra = {}) => {
    probe.server.received.length = 0;
    const both: Behaviour = (response, request) =>
      (request.path === '/token' ? json(good) : account)(response, request);
    return probe.exchange(both, { preset: asking(), ...extra });
  };
  const tokens = { accessToken: good.access_token, expiresAt: at + 600_000, scope: 'read write' };

  it('is asked once, by GET with the fresh token, after the sign-in and not at a refresh', async () => {
    const found = await signIn(json({ user: { id: 7, mail: 'a@b.example' } }));
    expect(found).toEqual({ ...tokens, subject: '7', email: 'a@b.example' });
    const [, asked, ...more] = probe.server.received;
    expect([asked?.method, asked?.path, more.length]).toEqual(['GET', '/account', 0]);
    expect(asked?.headers).toMatchObject({
      authorization: `Bearer ${good.access_token}`,
      'user-agent': 'Mooring',
    });
    expect([...(asked?.form ?? [])]).toEqual([]);
    probe.server.received.length = 0;
    await probe.refresh(json(good), { preset: asking() });
    expect(probe.server.received.map(({ path }) => path)).toEqual(['/token']);
  });

  it('is read from the answer of the token endpoint where that says it, without a call', async () => {
    const preset = presetWith({ subject: '/account_id' });
    probe.server.received.length = 0;
    expect(await probe.exchange(json({ ...good, account_id: 'dbid:1' }), { preset })).toEqual({
      ...tokens,
      subject: 'dbid:1',
    });
    expect(probe.server.received).toHaveLength(1);
    expect(await probe.exchange(json(good), { preset })).toEqual(tokens);
  });

  it.each<[string, unknown]>([
    ['/user/id', null],
    ['/user/id', undefined],
    ['/user/id', ['x']],
    ['/user/length', 'text'],
    ['/user/constructor/name', {}],
  ])('D10: is nothing that an answer without %s has by accident', async (subject, user) => {
    expect(await probe.exchange(json({ ...good, user }), { preset: presetWith({ subject }) })).toEqual(
      tokens,
    );
  });

  it('is what the endpoint says where the preset names one, with or without an e-mail address', async () => {
    const both: Behaviour = (response, request) => {
      const user = request.path === '/token' ? { id: 'another' } : { id: 'x'.repeat(255), mail: 7.5 };
      json({ ...good, user })(response, request);
    };
    expect(await probe.exchange(both, { preset: asking() })).toEqual({ ...tokens, subject: 'x'.repeat(255) });
  });

  it.each<[string, Behaviour]>([
    ['creates instead of answering', json({ user: { id: 'x' } }, 201)],
    ['names a number that JSON cannot hold', json('{"user":{"id":9007199254740993}}')],
    ['fails', json({ user: { id: 'x' } }, 500)],
    ['refuses', json({ user: { id: 'x' } }, 403)],
    ['answers no JSON', json('<html>')],
    ['answers a list', json([{ user: { id: 'x' } }])],
    ['names no account', json({ user: {} })],
    ['names an object', json({ user: { id: { a: 1 } } })],
    ['names an empty text', json({ user: { id: '' } })],
    ['names a text that is too long', json({ user: { id: 'x'.repeat(256) } })],
    ['names control characters', json({ user: { id: 'a\nb' } })],
    ['names it in the prototype', json('{"__proto__":{"user":{"id":"evil"}}}')],
    ['is too large', json({ user: { id: 'x' }, more: 'x'.repeat(400_000) })],
    ['breaks off', (response) => response.destroy()],
    ['redirects', (response) => response.writeHead(302, { location: `/elsewhere` }).end()],
  ])('costs no sign-in when the endpoint %s', async (_, behaviour) => {
    expect(await signIn(behaviour)).toEqual(tokens);
    expect(probe.server.received.map(({ path }) => path)).toEqual(['/token', '/account']);
  });

  it('costs no sign-in when the endpoint is silent: the wait is short', async () => {
    const begun = performance.now();
    expect(await signIn(() => undefined)).toEqual(tokens);
    expect(performance.now() - begun).toBeLessThan(9_000);
  });

  it('gets no token over plain HTTP, nor through a gate that is shut', async () => {
    const preset = presetWith({ endpoint: 'http://account.example/me', subject: '/id' });
    let dialled = 0;
    const gate = gateOf();
    const network = {
      ...gate,
      fetch: (...call: Parameters<typeof gate.fetch>) => {
        dialled += 1;
        return gate.fetch(...call);
      },
    };
    expect(await signIn(json({}), { preset, network })).toEqual(tokens);
    expect(dialled).toBe(1);
  });
});

describe('whose account it is, by an ID token', () => {
  let probe: TokenProbe;
  beforeAll(async () => {
    probe = await startTokenProbe();
  });
  afterAll(() => probe?.[Symbol.asyncDispose]());

  const issuer = 'https://id.example/one';
  const account = { subject: '/uid' };
  const withIssuer = () => ({ ...probe.server.preset, issuer, account });
  /** The pattern of a provider with an issuer for each of its tenants. */
  const withPattern = () => ({
    ...probe.server.preset,
    idTokenIssuer: /^https:\/\/id\.example\/\w+$/,
    account,
  });
  const exchange = async (preset: OAuthPreset, id_token: unknown) => {
    const { subject, email } = await probe.exchange(json({ ...good, id_token, uid: 'by-answer' }), {
      preset,
    });
    return { subject, email };
  };
  const byAnswer = { subject: 'by-answer', email: undefined };

  it.each<[string, Record<string, unknown>, string | undefined]>([
    ['its e-mail address', { email: 'a@b.example', preferred_username: 'c@d.example' }, 'a@b.example'],
    ['a user name that is an address', { preferred_username: 'c@d.example' }, 'c@d.example'],
    ['a short user name', { preferred_username: 'alice' }, undefined],
    ['two addresses in one', { email: 'a@b@c.example' }, undefined],
    ['a list of addresses', { email: ['a@b.example'] }, undefined],
  ])('precedes the answer, and is known with %s', async (_, claims, email) => {
    const idToken = idTokenOf({ iss: issuer, ...claims });
    expect(await exchange(withIssuer(), idToken)).toEqual({ subject: 'alice', email });
    expect(await exchange(withPattern(), idToken)).toEqual({ subject: 'alice', email });
  });

  it('O09: an ID token of an issuer that the preset does not allow is not believed', async () => {
    for (const iss of ['https://evil.example/one', `${issuer}/../two`, undefined, 7]) {
      expect(await exchange(withPattern(), idTokenOf({ iss }))).toEqual(byAnswer);
      await expect(exchange(withIssuer(), idTokenOf({ iss }))).rejects.toMatchObject({ kind: 'nonsense' });
    }
    expect(await exchange(withPattern(), 'no.token')).toEqual(byAnswer);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['for another client', { aud: 'client-2' }, 'RS256'],
    ['without a signature', {}, 'none'],
    ['signed with a shared secret', {}, 'HS256'],
    ['of yesterday', { iat: at / 1000 - 86_400, exp: at / 1000 - 86_340 }, 'RS256'],
  ])('an ID token %s ends the sign-in', async (_, claims, alg) => {
    const idToken = idTokenOf({ iss: issuer, ...claims }, alg);
    await expect(exchange(withIssuer(), idToken)).rejects.toMatchObject({ kind: 'nonsense' });
  });

  it('an ID token is read by the clock of the store, with ten minutes of tolerance', async () => {
    const ended = (seconds: number) => idTokenOf({ iss: issuer, exp: at / 1000 - seconds });
    expect(await exchange(withIssuer(), ended(500))).toMatchObject({ subject: 'alice' });
    await expect(exchange(withIssuer(), ended(700))).rejects.toMatchObject({ kind: 'nonsense' });
  });

  it.each(['', 7, null])('%j instead of an ID token costs no sign-in', async (id_token) => {
    expect(await exchange(withIssuer(), id_token)).toEqual(byAnswer);
  });

  it('O22: no ID token costs the tokens of a refresh, nor changes whose they are', async () => {
    for (const id_token of [
      'not.a.token',
      idTokenOf({ iss: 'https://evil.example' }),
      idTokenOf({ iss: issuer }),
    ]) {
      const renewed = await probe.refresh(json({ ...good, id_token, uid: 'another' }), {
        preset: withIssuer(),
      });
      expect(renewed.accessToken).toBe(good.access_token);
      expect(renewed).not.toHaveProperty('subject');
    }
  });
});
