import { Secret } from '@mooring/connectors/interface/secret';
import type { OAuthPreset, SignInMethod } from '@mooring/connectors/interface/sign-in';
import { describe, expect, it } from 'vitest';
import { plain } from '../oauth/__fixtures__/plain-secrets.js';
import { OAuthError, type OAuthErrorKind } from '../oauth/oauth-error.js';
import type { ClientConfiguration } from './grants/client-configuration.js';
import { accountOfGrant, compareAccounts, maskedAccount } from './grants/grant-account.js';
import { endsAt, scopesLost, storedGrant } from './grants/grant-state.js';
import { createProviderHealth, pauseOf, probeMs } from './grants/provider-health.js';
import { loginPair, loginProperties } from './records/login-updates.js';
import { assertReaches, enteredBy, reaches } from './records/reach.js';
import { numbered } from './records/separated-credentials.js';
import { suspensionAfter } from './records/suspension.js';
import { assertSameRedirect, readLoopbackRedirect } from './sign-ins/loopback-redirect.js';
import { readPastedCode } from './sign-ins/pasted-code.js';

// What the room decides without a store. Each rule also shows through HTTP; here are all of its cases.

const method = (parts: Partial<SignInMethod>): SignInMethod =>
  ({ id: 'm', label: 'the method', fields: [], required: [], ...parts }) as SignInMethod;

describe('the login that a connection keeps', () => {
  const at = '2026-03-01T00:00:00.000Z';
  const before = { suspended_at: '2026-02-01T00:00:00.000Z', suspended_by: 'eve' };
  const none = { suspended_at: null, suspended_by: null };
  const alices = ['alice'];
  const both = ['alice', 'mallory'];

  it.each([
    ['without an owner, moved', [], 'mallory', { space_id: 'lair' }, false, none, none],
    ['without an owner, once suspended', [], 'mallory', {}, false, before, none],
    ['moved by its giver', alices, 'alice', { space_id: 'lair' }, false, none, none],
    ['moved by another', alices, 'mallory', { space_id: 'lair' }, false, none, 'now'],
    ['taken by another', alices, 'mallory', { owner_id: 'mallory' }, false, none, 'now'],
    ['transferred by its provider', alices, 'alice', { owner_id: 'mallory' }, false, none, 'now'],
    ['taken by its giver', ['mallory'], 'mallory', { owner_id: 'mallory' }, false, none, none],
    ['given to its giver', alices, 'mallory', { owner_id: 'alice' }, false, none, 'now', 'bob'],
    ['of two users, moved by one', both, 'alice', { space_id: 'lair' }, false, none, 'now'],
    ['of two users, moved by the other', both, 'mallory', { space_id: 'lair' }, false, none, 'now'],
    ['of two users, changed in place', both, 'mallory', {}, true, none, none],
    ['suspended, renamed by another', alices, 'mallory', {}, false, before, before],
    ['suspended, renamed by its giver', alices, 'alice', {}, false, before, before],
    ['suspended, moved on by another', alices, 'mallory', { space_id: 'lair' }, false, before, 'now'],
    ['suspended, moved back by its giver', alices, 'alice', { space_id: 'lair' }, false, before, before],
    ['suspended, entered again by its giver', alices, 'alice', {}, true, before, none],
    ['suspended, moved and entered again', alices, 'alice', { space_id: 'lair' }, true, before, none],
    ['suspended, one part entered by another', both, 'mallory', {}, true, before, before],
    ['entered and moved by another, in part', both, 'mallory', { space_id: 'lair' }, true, none, 'now'],
  ] as const)('TR5: %s', (_what, givers, by, change, isEntered, from, expected, owner: string = 'alice') => {
    const place = { owner_id: owner, space_id: 'team' as string | null };
    const after = suspensionAfter({
      ...{ from: { ...place, ...from }, to: { ...place, ...change } },
      ...{ givers, by, isEntered, at },
    });
    expect(after).toEqual(expected === 'now' ? { suspended_at: at, suspended_by: by } : expected);
  });

  it('TR4: an unapproved key reaches what was entered with it, and of others what is newer', () => {
    const since = '2026-02-01T00:00:00.000Z';
    const key = (reachesSince?: string) => ({
      userId: 'alice',
      wayIn: { invitationId: 'i', invitedBy: 'eve', ...(reachesSince ? { reachesSince } : {}) },
    });
    const entered = (owner_id: string, entered_at: string, entered_with: string | null) => ({
      ...{ owner_id, entered_at, entered_with },
    });
    const [old, new_] = ['2026-01-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'];
    for (const [credential, isReached] of [
      [entered('alice', old, null), false],
      [entered('alice', new_, null), false],
      [entered('alice', new_, 'another'), false],
      [entered('alice', new_, 'i'), true],
      [entered('bob', old, null), false],
      [entered('bob', old, 'i'), false],
      [entered('bob', since, null), true],
      [entered('bob', new_, null), true],
    ] as const) {
      expect(reaches(key(since), credential), JSON.stringify(credential)).toBe(isReached);
      expect(reaches(key(), credential)).toBe(true);
      expect(reaches({ userId: 'alice' }, credential)).toBe(true);
      const refuse = expect(() => assertReaches(key(since), credential));
      if (isReached) refuse.not.toThrow();
      else refuse.toThrow('actions/approve');
    }
    expect(enteredBy(key(since), new_)).toEqual({ entered_at: new_, entered_with: 'i' });
    for (const approved of [key(), { userId: 'alice' }])
      expect(enteredBy(approved, new_)).toEqual({ entered_at: new_, entered_with: null });
  });

  it('numbers a name within its 256 characters, and cuts no character in two', () => {
    expect(numbered('mine', 2)).toBe('mine (2)');
    expect(numbered('n'.repeat(256), 12)).toBe(`${'n'.repeat(248)} (12)`);
    expect(numbered(`${'n'.repeat(247)}😀 of mine`, 3)).toBe(`${'n'.repeat(247)} (3)`);
    expect(numbered(`${'n'.repeat(246)}😀 of mine`, 3)).toBe(`${'n'.repeat(246)}😀 (3)`);
  });

  it('QL2: the pair of Qlik’s API is the user and the secret of the method, or its one secret', () => {
    const two = method({ required: ['username', 'password'] });
    const one = method({ required: ['apiKey'] });
    const read = (of: SignInMethod, pair: { qUsername?: string; qPassword?: string }) =>
      plain(loginProperties(of, loginPair(pair)));
    expect(read(two, { qUsername: 'u', qPassword: 'p' })).toEqual({ username: 'u', password: 'p' });
    expect(read(two, { qUsername: 'u' })).toEqual({ username: 'u' });
    expect(read(two, { qPassword: 'p' })).toEqual({ password: 'p' });
    expect(read(two, { qUsername: '', qPassword: '' })).toEqual({ username: '', password: '' });
    expect(read(one, { qPassword: 'p' })).toEqual({ apiKey: 'p' });
    expect(read(one, { qUsername: '', qPassword: 'p' })).toEqual({ apiKey: 'p' });
    for (const each of [two, one, method({}), method({ required: ['a', 'b', 'c'] })])
      expect(read(each, {})).toEqual({});
    expect(() => read(one, { qUsername: 'u', qPassword: 'p' })).toThrow('qUsername');
    for (const required of [[], ['a', 'b', 'c']])
      expect(() => read(method({ required }), { qPassword: 'p' })).toThrow('qPassword');
    expect(loginPair({ qPassword: 'p' }).qPassword).toBeInstanceOf(Secret);
    // What is not given is not named, so that it stays as it is.
    expect(Object.keys(loginProperties(two, loginPair({ qPassword: 'p' })))).toEqual(['password']);
    expect(Object.keys(loginProperties(two, loginPair({ qUsername: 'u' })))).toEqual(['username']);
  });
});

describe('the account and the scopes of a grant', () => {
  const alice = { issuer: 'https://a.example', subject: 'alice-1' };

  it('O06: two accounts are the same by issuer and subject, and unknown if either is', () => {
    expect(compareAccounts(alice, { ...alice, email: 'new@a.example' })).toBe('same');
    expect(compareAccounts(alice, { ...alice, subject: 'alice-2' })).toBe('different');
    expect(compareAccounts(alice, { ...alice, issuer: 'https://b.example' })).toBe('different');
    for (const [one, other] of [
      [alice, undefined],
      [undefined, alice],
      [undefined, undefined],
    ] as const)
      expect(compareAccounts(one, other)).toBe('unknown');
  });

  it('O06: a masked account shows too little to learn it', () => {
    for (const [account, shown] of [
      [{ ...alice, email: 'alice@lab.example' }, 'al…@lab.example'],
      [{ ...alice, email: 'a@lab.example' }, 'a…@lab.example'],
      [{ ...alice, email: '"x@y"@lab.example' }, '"x…@lab.example'],
      [{ ...alice, email: '@lab.example' }, 'ali…'],
      [{ ...alice, email: 'no address' }, 'ali…'],
      [alice, 'ali…'],
      [{ ...alice, subject: 'abcd' }, 'ab…'],
      [{ ...alice, subject: 'abc' }, 'ab…'],
      [{ ...alice, subject: 'a' }, 'a…'],
    ] as const)
      expect(maskedAccount(account)).toBe(shown);
  });

  it('O06: a grant has an account only if its provider told one', () => {
    const preset = { issuer: 'https://a.example', tokenEndpoint: 'https://a.example/t', idleDays: 10 };
    const accessToken = new Secret('t');
    const of = (more: object, from: object | undefined = preset) =>
      storedGrant({ accessToken, ...more }, 1000, from as OAuthPreset);
    expect(accountOfGrant(of({ subject: 's' }))).toEqual({ issuer: 'https://a.example', subject: 's' });
    expect(accountOfGrant(of({ subject: 's', email: 'e' }))).toMatchObject({ email: 'e' });
    expect(accountOfGrant(of({ email: 'e' }))).toBeUndefined();
    expect(accountOfGrant(storedGrant({ accessToken, subject: 's' }, 1000))).toBeUndefined();
    expect(of({}, { tokenEndpoint: 'https://b.example/t' })).toMatchObject({
      issuer: 'https://b.example/t',
      issuedAt: 1000,
    });
    expect(of({}).idleDays).toBe(10);
    expect(storedGrant({ accessToken }, 1)).not.toHaveProperty('idleDays');

    const refreshToken = new Secret('r');
    expect(endsAt(of({ expiresAt: 86_400_000 }))).toBe('1970-01-02T00:00:00.000Z');
    expect(endsAt(of({ expiresAt: 86_400_000, refreshToken }))).toBeNull();
    expect(endsAt(of({}))).toBeNull();
  });

  it('O26: scopes are lost if an answer names others, in whatever order', () => {
    expect(scopesLost('read write', 'write  read')).toBeNull();
    expect(scopesLost('read write  admin', 'read')).toBe('write admin');
    expect(scopesLost('read', 'read more')).toBeNull();
    expect(scopesLost('read', '')).toBe('read');
    expect(scopesLost(null, 'read')).toBeNull();
    expect(scopesLost('read', undefined)).toBeNull();
  });
});

describe('pauses after failures of a provider', () => {
  it('LI21: double from a second to five minutes, with a spread; a refused client waits a minute', () => {
    const spans = (kind: OAuthErrorKind, failures: number, more: object = {}) =>
      Array.from({ length: 50 }, () => pauseOf(new OAuthError(kind, more), failures));
    for (const [kind, failures, most] of [
      ['unavailable', 0, 1_000],
      ['unavailable', 1, 2_000],
      ['nonsense', 5, 32_000],
      ['unavailable', 9, 300_000],
      ['unavailable', 5_000, 300_000],
      ['client_refused', 0, 60_000],
      ['client_refused', 7, 60_000],
    ] as const) {
      const found = spans(kind, failures);
      for (const { pauseMs, isBackOff } of found) {
        expect(pauseMs, `${kind} ${failures}`).toBeGreaterThanOrEqual(0.75 * most);
        expect(pauseMs).toBeLessThanOrEqual(most);
        expect(isBackOff).toBe(kind !== 'client_refused');
      }
      expect(new Set(found.map(({ pauseMs }) => pauseMs)).size).toBeGreaterThan(1);
    }
    for (const kind of ['rate_limited', 'unavailable', 'client_refused'] as const)
      for (const one of spans(kind, 3, { retryAfterSeconds: 120 }))
        expect(one).toEqual({ pauseMs: 120_000, isBackOff: false });
  });

  it('LI21, S3: one exchange in five seconds may try, and all once the provider has answered', () => {
    let now = 1_000_000;
    const health = createProviderHealth(() => now);
    const of = (tokenEndpoint: string, issuer?: string) =>
      ({ preset: { tokenEndpoint, ...(issuer ? { issuer } : {}) } }) as ClientConfiguration;
    const [one, other] = [of('https://a.example/t'), of('https://b.example/t')];
    const began = now;
    expect(health.mayTry(one, began)).toBe(false);
    now += probeMs;
    expect(health.mayTry(one, began)).toBe(true);
    expect(health.mayTry(one, began)).toBe(false);
    expect(health.mayTry(other, began)).toBe(true);
    now += probeMs - 1;
    expect(health.mayTry(one, began)).toBe(false);
    health.answered(one);
    expect(health.mayTry(one, began)).toBe(true);
    expect(health.mayTry(one, began)).toBe(true);
    expect(health.mayTry(one, now)).toBe(false);
    // Providers without a key differ by their issuer.
    health.answered(of('', 'https://c.example'));
    expect(health.mayTry(of('', 'https://c.example'), began)).toBe(true);
    expect(health.mayTry(of('', 'https://d.example'), now - 1)).toBe(false);
  });
});

describe('what is pasted after a sign-in', () => {
  it('QL9: a code, a query or an address, with its state and issuer if each is there once', () => {
    const read = (text: string) => {
      const found = readPastedCode(new Secret(text));
      return found && { ...found, code: found.code.reveal() };
    };
    const whole = { code: '4/0AX', state: 's', issuer: 'https://a.example' };
    const query = 'code=4%2F0AX&state=s&iss=https%3A%2F%2Fa.example';
    for (const text of [query, `?${query}`, `#${query}`, `https://a.example/cb?${query}`, ` ${query}#top `])
      expect(read(text), text).toEqual(whole);
    expect(read('state=s&CODE=x')).toBeUndefined();
    expect(read('code=x&state=s&state=t')).toEqual({ code: 'x' });
    expect(read('code=x&code=y')).toBeUndefined();
    expect(read('code=')).toBeUndefined();
    for (const empty of ['', '  ', '?', '#']) expect(read(empty), empty).toBeUndefined();
    expect(read('decode=1')).toEqual({ code: 'decode=1' });
    expect(read('%E0%A4%A')).toEqual({ code: '%E0%A4%A' });
    expect(read('a%2Fb')).toEqual({ code: 'a/b' });
  });

  it('O12: a redirect to the user’s machine is a literal loopback address with a port, for native clients only', () => {
    const native = { isNative: true };
    for (const uri of ['http://127.0.0.1:1/callback', 'http://[::1]:65535/callback']) {
      expect(readLoopbackRedirect(uri, native)).toBe(uri);
      for (const other of [{}, { isNative: false }])
        expect(() => readLoopbackRedirect(uri, other)).toThrow('loopbackRedirect');
    }
    for (const uri of [
      ...['http://localhost:1/callback', 'https://127.0.0.1:1/callback', 'http://127.0.0.1/callback'],
      ...['http://127.0.0.1:0/callback', 'http://127.0.0.1:65536/callback', 'http://127.0.0.1:1/callback/'],
      ...['http://127.0.0.1:1/', 'http://127.0.0.1:1/callback?x', 'http://127.0.0.2:1/callback', 'x'],
      ...['xhttp://127.0.0.1:1/callback', 'http://127.0.0.1:123456/callback', 'http://127x0x0x1:1/callback'],
    ])
      expect(() => readLoopbackRedirect(uri, native), uri).toThrow('redirectUri');
  });

  it('O02, O09: a code from the user’s machine needs its state, and the issuer if one was promised', () => {
    const row = (redirect_uri: string, issuer_promised: number) =>
      ({ redirect_uri, issuer_promised }) as never;
    const [local, page] = ['http://127.0.0.1:1/callback', 'https://mooring.example/oauth/callback/x'];
    const code = new Secret('c');
    const check = (uri: string, promised: number, more: object) => () =>
      assertSameRedirect(row(uri, promised), { code, ...more });
    for (const promised of [0, 1]) expect(check(page, promised, {})).not.toThrow();
    expect(check(local, 0, {})).toThrow('state');
    expect(check(local, 0, { state: 's' })).not.toThrow();
    expect(check(local, 1, { state: 's' })).toThrow('state and iss');
    expect(check(local, 1, { issuer: 'i' })).toThrow('state');
    expect(check(local, 1, { state: 's', issuer: 'i' })).not.toThrow();
  });
});
