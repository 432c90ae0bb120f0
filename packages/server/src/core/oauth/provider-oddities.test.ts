// What token endpoints are asked, and what they may answer in their own way, through the real gate.

import { inspect } from 'node:util';
import { Secret } from '@mooring/connectors/interface/secret';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Plain } from '../credentials/grants/hidden-grant.js';
import { plain } from './__fixtures__/plain-secrets.js';
import {
  at,
  client,
  good,
  refreshToken,
  startTokenProbe,
  type TokenProbe,
} from './__fixtures__/token-probe.js';
import { type Behaviour, json } from './__fixtures__/token-server.js';
import { requestClientCredentials } from './client-credentials-grant.js';
import { mayRevoke, revokeToken } from './revocation.js';
import type { TokenSet } from './types.js';

let probe: TokenProbe;
beforeAll(async () => {
  probe = await startTokenProbe();
});
afterAll(() => probe?.[Symbol.asyncDispose]());
beforeEach(() => {
  probe.server.received.length = 0;
});

const secondsOf = (tokens: Plain<TokenSet>) =>
  tokens.expiresAt === undefined ? undefined : (tokens.expiresAt - at) / 1000;

describe('what a token endpoint is asked', () => {
  it('X15, O33: nothing but the grant, with the resource where one is configured', async () => {
    const preset = { ...probe.server.preset, resource: 'https://api.example' };
    await probe.exchange(json(good), { preset });
    await probe.refresh(json(good), { preset });
    const machine = { ...preset, audience: 'api' };
    await requestClientCredentials({ ...probe.call, preset: machine });
    const own = {
      client_id: client.clientId,
      client_secret: client.clientSecret,
      resource: 'https://api.example',
    };
    expect(probe.server.received.map(({ form }) => Object.fromEntries(form))).toEqual([
      {
        grant_type: 'authorization_code',
        code: 'canary-code',
        code_verifier: 'canary-verifier',
        redirect_uri: 'https://mooring.example/callback',
        ...own,
      },
      { grant_type: 'refresh_token', refresh_token: refreshToken, ...own },
      { grant_type: 'client_credentials', scope: 'read write', audience: 'api', ...own },
    ]);
    for (const { headers, path, method } of probe.server.received) {
      expect([method, path]).toEqual(['POST', '/token']);
      expect(Object.keys(headers).sort()).toEqual([
        'accept',
        'connection',
        'content-length',
        'content-type',
        'host',
        'user-agent',
      ]);
      expect(headers).toMatchObject({ accept: 'application/json', 'user-agent': 'Mooring' });
    }
  });

  it('with the secret in the header, or with none for a public client', async () => {
    await probe.refresh(json(good), {
      preset: { ...probe.server.preset, clientAuthentication: 'client_secret_basic' },
    });
    await probe.refresh(json(good), { preset: { ...probe.server.preset, clientAuthentication: 'none' } });
    await probe.refresh(json(good), { client: { clientId: client.clientId } });
    const [basic, none, open] = probe.server.received;
    expect(basic?.headers.authorization).toMatch(/^Basic /);
    expect(basic?.form.has('client_secret')).toBe(false);
    for (const request of [none, open]) {
      expect(request?.headers.authorization).toBeUndefined();
      expect(Object.fromEntries(request?.form ?? [])).toEqual({
        grant_type: 'refresh_token',
        client_id: client.clientId,
        refresh_token: refreshToken,
      });
    }
  });
});

describe('O16: a token endpoint that answers in its own way', () => {
  it('US5: with a form, where it is known to, and its errors too', async () => {
    const preset = {
      ...probe.server.preset,
      answersForms: true as const,
      grantedScopeSeparator: ',' as const,
    };
    const form =
      (body: string, status = 200): Behaviour =>
      (response) => {
        response.writeHead(status, { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' });
        response.end(body);
      };
    const tokens = await probe.refresh(
      form('access_token=canary%2Bform&scope=read%2Cwrite&token_type=bearer&expires_in=600&refresh_token=r2'),
      { preset },
    );
    expect(tokens).toMatchObject({ accessToken: 'canary+form', refreshToken: 'r2', scope: 'read write' });
    expect(secondsOf(tokens)).toBe(600);
    const code = probe.exchange(form('error=bad_verification_code&error_description=no'), { preset });
    await expect(code).rejects.toMatchObject({ kind: 'code_refused', providerCode: 'bad_verification_code' });
    const twice = probe.refresh(form('access_token=a&access_token=b&token_type=bearer'), { preset });
    await expect(twice).rejects.toMatchObject({ kind: 'nonsense' });
    // It keeps answering with JSON, and another provider's form is reported and not read.
    expect((await probe.refresh(json(good), { preset })).accessToken).toBe(good.access_token);
    const elsewhere = probe.refresh(form('access_token=a&token_type=bearer'));
    await expect(elsewhere).rejects.toMatchObject({
      kind: 'nonsense',
      detail: expect.stringContaining('a form'),
    });
  });

  it.each<[unknown, number]>([
    [-1, 60],
    [0, 60],
    ['3600', 3600],
    [' 900 ', 900],
    [1e99, 2_592_000],
    ['1e400', 2_592_000],
    ['soon', 3600],
    ['', 3600],
    [' ', 3600],
    [null, 3600],
    [undefined, 3600],
    [{}, 3600],
    [true, 3600],
    [599.5, 599.5],
  ])('keeps a sane life for expires_in %j', async (expires_in, seconds) => {
    expect(secondsOf(await probe.refresh(json({ ...good, expires_in })))).toBe(seconds);
  });

  it.each<[unknown, number | undefined]>([
    [600, 600],
    [-1, undefined],
    [0, undefined],
    [1e99, undefined],
    [undefined, undefined],
    [2_592_000, 2_592_000],
    [2_592_001, undefined],
  ])(
    'leaves the end open for expires_in %j when nothing could renew the token',
    async (expires_in, seconds) => {
      expect(secondsOf(await probe.exchange(json({ ...good, expires_in })))).toBe(seconds);
      const renewable = await probe.exchange(json({ ...good, expires_in, refresh_token: 'r' }));
      expect(secondsOf(renewable)).toEqual(expect.any(Number));
    },
  );

  it('O33: a token that a client can request again has an end, and no refresh token', async () => {
    probe.server.behaviour = json({ ...good, expires_in: undefined, refresh_token: 'r' });
    const tokens = await requestClientCredentials(probe.call);
    expect(plain(tokens)).toEqual({
      accessToken: good.access_token,
      expiresAt: at + 3_600_000,
      scope: 'read write',
    });
  });

  it.each(['bearer', 'BEARER', 'bEaReR', undefined, null, ''])(
    'takes token_type %j as bearer',
    async (token_type) => {
      expect((await probe.refresh(json({ ...good, token_type }))).accessToken).toBe(good.access_token);
    },
  );

  it.each(['mac', 'DPoP', 'N_A'])('refuses token_type %j', async (token_type) => {
    const failure = probe.refresh(json({ ...good, token_type }));
    await expect(failure).rejects.toMatchObject({ kind: 'nonsense' });
    expect(inspect(await failure.catch((error: unknown) => error), { depth: 10 })).not.toContain('canary');
  });

  it('O26: keeps the refresh token when it sends none, and takes scopes in any form', async () => {
    expect(await probe.refresh(json({ ...good, scope: ['b', 'a', 7] }))).toMatchObject({
      refreshToken,
      scope: 'b a',
    });
    expect(await probe.refresh(json({ ...good, refresh_token: null, scope: '' }))).toEqual({
      accessToken: good.access_token,
      refreshToken,
      expiresAt: at + 600_000,
    });
    expect(await probe.refresh(json({ ...good, refresh_token: 'rotated' }))).toMatchObject({
      refreshToken: 'rotated',
    });
    expect(await probe.exchange(json(good))).toMatchObject({ scope: 'read write' });
    expect(await probe.exchange(json({ ...good, scope: 'read' }))).toMatchObject({ scope: 'read' });
  });

  it('reads JSON of any type and status 201, and no ID token that cannot be validated', async () => {
    const text = json({ ...good, id_token: 'not.a.token' }, 201, { 'content-type': 'text/javascript' });
    expect((await probe.refresh(text)).accessToken).toBe(good.access_token);
    expect(await probe.exchange(text)).not.toHaveProperty('subject');
  });

  it('D10: takes nothing from __proto__', async () => {
    const body = `{"__proto__":{"refresh_token":"evil","polluted":1},"constructor":{"prototype":{"polluted":1}},
      "access_token":"a","expires_in":600}`;
    expect(await probe.exchange(json(body))).toEqual({
      accessToken: 'a',
      expiresAt: at + 600_000,
      scope: 'read write',
    });
    await expect(probe.refresh(json('{"__proto__":{"access_token":"evil"}}'))).rejects.toMatchObject({
      kind: 'nonsense',
    });
    expect('polluted' in {}).toBe(false);
  });
});

describe('O28: a revocation', () => {
  it.each<[Behaviour, string]>([
    [json('<p>Accepted</p>', 202), 'revoked'],
    [json({ error: 'invalid_token' }, 499), 'revoked'],
    [json({ error: 'invalid_token' }, 500), 'failed'],
    [json({ error: 'invalid_token' }, 300), 'failed'],
    [json({ error: 'unheard_of' }, 400), 'failed'],
    [(response) => response.destroy(), 'failed'],
  ])('is over only when the provider says so', async (behaviour, outcome) => {
    probe.server.behaviour = behaviour;
    const token = new Secret(refreshToken);
    expect(await revokeToken({ ...probe.call, token })).toBe(outcome);
    const own = { client_id: client.clientId, client_secret: client.clientSecret };
    expect(Object.fromEntries(probe.server.received[0]?.form ?? [])).toEqual({ token: refreshToken, ...own });
  });

  it('goes nowhere in clear text, and needs an endpoint of the preset or its issuer', async () => {
    const token = new Secret(refreshToken);
    const { revocationEndpoint: _, ...without } = probe.server.preset;
    const inClear = { ...without, revocationEndpoint: 'http://idp.example/revoke' };
    expect(await revokeToken({ ...probe.call, preset: inClear, token })).toBe('failed');
    expect(await revokeToken({ ...probe.call, preset: without, token })).toBe('unsupported');
    expect(probe.server.received).toEqual([]);
    const byIssuer = { ...without, tokenEndpoint: '' };
    expect([inClear, without, byIssuer].map(mayRevoke)).toEqual([true, false, true]);
  });
});
