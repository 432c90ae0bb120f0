// Token endpoints that break the rules, by accident or on purpose, through the real gate.
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startCanary } from '../egress/__fixtures__/canary.js';
import {
  type Behaviour,
  gateOf,
  json,
  startTokenServer,
  type TokenServer,
} from './__fixtures__/token-server.js';
import { requestClientCredentials } from './client-credentials-grant.js';
import { exchangeCode } from './code-grant.js';
import { refreshGrant } from './refresh-grant.js';
import type { ProviderCall, TokenSet } from './types.js';

const client = { clientId: 'client-1', clientSecret: 'canary-client-secret' };
const refreshToken = 'canary-refresh-token';
const at = Date.parse('2026-01-02T03:04:05Z');
const good = { access_token: 'canary-access-token', token_type: 'Bearer', expires_in: 600 };

let server: TokenServer;
let call: ProviderCall;

beforeAll(async () => {
  server = await startTokenServer(json(good));
  call = { preset: server.preset, client, network: gateOf(), now: () => at };
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  server.received.length = 0;
});

const refresh = (behaviour: Behaviour, extra: Partial<ProviderCall> = {}): Promise<TokenSet> => {
  server.behaviour = behaviour;
  return refreshGrant({ ...call, ...extra, refreshToken });
};
const exchange = (behaviour: Behaviour, extra: Partial<ProviderCall> = {}): Promise<TokenSet> => {
  server.behaviour = behaviour;
  const redirect = { redirectUri: 'https://mooring.example/callback', code: 'canary-code' };
  return exchangeCode({ ...call, ...extra, ...redirect, codeVerifier: 'canary-verifier' });
};
const secondsOf = (tokens: TokenSet) =>
  tokens.expiresAt === undefined ? undefined : (tokens.expiresAt - at) / 1000;

describe('what a token endpoint is asked', () => {
  it('X15, O33: nothing but the grant, with the resource where one is configured', async () => {
    const preset = { ...server.preset, resource: 'https://api.example' };
    await exchange(json(good), { preset });
    await refresh(json(good), { preset });
    const machine = { ...preset, audience: 'api' };
    await requestClientCredentials({ ...call, preset: machine });
    const own = {
      client_id: client.clientId,
      client_secret: client.clientSecret,
      resource: 'https://api.example',
    };
    expect(server.received.map(({ form }) => Object.fromEntries(form))).toEqual([
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
    for (const { headers, path, method } of server.received) {
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
    await refresh(json(good), { preset: { ...server.preset, clientAuthentication: 'client_secret_basic' } });
    await refresh(json(good), { preset: { ...server.preset, clientAuthentication: 'none' } });
    await refresh(json(good), { client: { clientId: client.clientId } });
    const [basic, none, open] = server.received;
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
  it.each<[unknown, number]>([
    [-1, 60],
    [0, 60],
    ['3600', 3600],
    [' 900 ', 900],
    [1e99, 2_592_000],
    ['1e400', 2_592_000],
    ['soon', 3600],
    [null, 3600],
    [undefined, 3600],
    [{}, 3600],
    [true, 3600],
    [599.5, 599.5],
  ])('keeps a sane life for expires_in %j', async (expires_in, seconds) => {
    expect(secondsOf(await refresh(json({ ...good, expires_in })))).toBe(seconds);
  });

  it.each<[unknown, number | undefined]>([
    [600, 600],
    [-1, undefined],
    [0, undefined],
    [1e99, undefined],
    [undefined, undefined],
  ])(
    'leaves the end open for expires_in %j when nothing could renew the token',
    async (expires_in, seconds) => {
      expect(secondsOf(await exchange(json({ ...good, expires_in })))).toBe(seconds);
      const renewable = await exchange(json({ ...good, expires_in, refresh_token: 'r' }));
      expect(secondsOf(renewable)).toEqual(expect.any(Number));
    },
  );

  it.each(['bearer', 'BEARER', 'bEaReR', undefined, null, ''])(
    'takes token_type %j as bearer',
    async (token_type) => {
      expect((await refresh(json({ ...good, token_type }))).accessToken).toBe(good.access_token);
    },
  );

  it.each(['mac', 'DPoP', 'N_A'])('refuses token_type %j', async (token_type) => {
    const failure = refresh(json({ ...good, token_type }));
    await expect(failure).rejects.toMatchObject({ kind: 'nonsense' });
    expect(inspect(await failure.catch((error: unknown) => error), { depth: 10 })).not.toContain('canary');
  });

  it('O26: keeps the refresh token when it sends none, and takes scopes in any form', async () => {
    expect(await refresh(json({ ...good, scope: ['b', 'a', 7] }))).toMatchObject({
      refreshToken,
      scope: 'b a',
    });
    expect(await refresh(json({ ...good, refresh_token: null, scope: '' }))).toEqual({
      accessToken: good.access_token,
      refreshToken,
      expiresAt: at + 600_000,
    });
    expect(await refresh(json({ ...good, refresh_token: 'rotated' }))).toMatchObject({
      refreshToken: 'rotated',
    });
    expect(await exchange(json(good))).toMatchObject({ scope: 'read write' });
    expect(await exchange(json({ ...good, scope: 'read' }))).toMatchObject({ scope: 'read' });
  });

  it('reads JSON of any type and status 201, and no ID token that nobody can judge', async () => {
    const text = json({ ...good, id_token: 'not.a.token' }, 201, { 'content-type': 'text/javascript' });
    expect((await refresh(text)).accessToken).toBe(good.access_token);
    expect(await exchange(text)).not.toHaveProperty('subject');
  });

  it('D10: takes nothing from __proto__', async () => {
    const body = `{"__proto__":{"refresh_token":"evil","polluted":1},"constructor":{"prototype":{"polluted":1}},
      "access_token":"a","expires_in":600}`;
    expect(await exchange(json(body))).toEqual({
      accessToken: 'a',
      expiresAt: at + 600_000,
      scope: 'read write',
    });
    await expect(refresh(json('{"__proto__":{"access_token":"evil"}}'))).rejects.toMatchObject({
      kind: 'nonsense',
    });
    expect('polluted' in {}).toBe(false);
  });
});

describe('O16: a hostile token endpoint', () => {
  it.each([301, 302, 303, 307, 308])('D25: cannot send us elsewhere with %i', async (status) => {
    await using canary = await startCanary();
    const location = `http://127.0.0.1:${canary.port}/`;
    await expect(refresh(json(good, status, { location }))).rejects.toMatchObject({ kind: 'nonsense' });
    await expect(exchange(json(good, status, { location }))).rejects.toMatchObject({ kind: 'nonsense' });
    expect(canary.connections()).toBe(0);
  });

  it.each<[string, string]>([
    ['a page', '<!doctype html><title>Sign in</title>'],
    ['nothing', ''],
    ['half an object', '{"access_token":"a"'],
    ['a list', '[{"access_token":"a"}]'],
    ['a text', '"access_token"'],
    ['null', 'null'],
    ['deep nesting', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['no access token', '{"token_type":"bearer"}'],
    ['an empty access token', '{"access_token":""}'],
    ['a number for an access token', '{"access_token":7}'],
    ['an access token with a line break', '{"access_token":"a\\r\\nX-Evil: 1"}'],
  ])('is told by its kind when it answers with %s', async (_, body) => {
    await expect(refresh(json(body))).rejects.toMatchObject({ name: 'OAuthError', kind: 'nonsense' });
  });

  it('cannot fill the memory with 50 MB', async () => {
    let written = 0;
    const chunk = Buffer.alloc(1024 * 1024, ' ');
    const flood: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = () => {
        while (written < 50 * chunk.length && !response.destroyed) {
          written += chunk.length;
          if (!response.write(chunk)) return response.once('drain', more);
        }
        return response.end();
      };
      more();
    };
    await expect(refresh(flood)).rejects.toMatchObject({ kind: 'nonsense' });
    expect(written).toBeLessThan(50 * chunk.length);
  });

  it('cannot fill the memory with a gzip bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    const answer: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(bomb);
    };
    await expect(refresh(answer)).rejects.toMatchObject({ kind: 'nonsense' });
  });

  it('D20: cannot hold us with silence or by drops', async () => {
    const silent: Behaviour = () => undefined;
    await expect(refresh(silent, { tokenTimeoutMs: 200 })).rejects.toMatchObject({ kind: 'unavailable' });
    const drip: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 20);
      response.once('close', () => clearInterval(timer));
    };
    await expect(refresh(drip, { tokenTimeoutMs: 200 })).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('cannot cost a grant by hanging up', async () => {
    await expect(refresh((response) => response.destroy())).rejects.toMatchObject({ kind: 'unavailable' });
    const half: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"access_token":', () => response.destroy());
    };
    await expect(refresh(half)).rejects.toMatchObject({ kind: 'unavailable' });
    const large = json(' '.repeat(300 * 1024), 502);
    await expect(refresh(large)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('D23: cannot get its words or our secrets into an error', async () => {
    const words = { error_description: 'canary words', message: 'canary words' };
    for (const error of [
      refreshToken,
      `x.${refreshToken}`,
      client.clientSecret,
      'canary words',
      '<b>canary</b>',
    ]) {
      const failure = await refresh(json({ error, ...words }, 400)).catch((thrown: unknown) => thrown);
      expect(failure).toMatchObject({ name: 'OAuthError', kind: 'nonsense', providerCode: undefined });
      expect(inspect(failure, { depth: 10 })).not.toContain('canary');
    }
    const known = await refresh(json({ error: 'invalid_grant', ...words }, 400)).catch(
      (thrown: unknown) => thrown,
    );
    expect(String(known)).toMatch(/\(invalid_grant\)$/);
    expect(inspect(known, { depth: 10 })).not.toContain('canary');
  });

  it('is left alone when the caller gives up', async () => {
    const giveUp = new AbortController();
    const waiting: Behaviour = () => giveUp.abort();
    await expect(refresh(waiting, { signal: giveUp.signal })).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

describe('a token endpoint that may not be reached', () => {
  it('S01: is refused by the gate, and by its scheme before any connection', async () => {
    await using canary = await startCanary();
    const shut = gateOf('deny');
    await expect(refresh(json(good), { network: shut })).rejects.toMatchObject({ kind: 'egress_refused' });
    const network = gateOf();
    for (const tokenEndpoint of [
      `http://provider.example:${canary.port}/token`,
      `http://127.0.0.1.evil.example:${canary.port}/token`,
      `ftp://127.0.0.1:${canary.port}/token`,
      'file:///etc/passwd',
    ]) {
      await expect(
        refresh(json(good), { preset: { ...server.preset, tokenEndpoint }, network }),
      ).rejects.toMatchObject({ kind: 'egress_refused' });
    }
    await expect(
      refresh(json(good), { preset: { ...server.preset, tokenEndpoint: 'no url' }, network }),
    ).rejects.toMatchObject({ kind: 'client_refused' });
    expect(canary.connections()).toBe(0);
    expect(server.received).toHaveLength(0);
  });

  it('is unavailable when nobody listens there', async () => {
    const gone = await startTokenServer(json(good));
    await gone[Symbol.asyncDispose]();
    await expect(refresh(json(good), { preset: gone.preset })).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
