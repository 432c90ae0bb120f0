import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, good, startTokenProbe, type TokenProbe } from './__fixtures__/token-probe.js';
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

  it.each<[string, Behaviour]>([
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
