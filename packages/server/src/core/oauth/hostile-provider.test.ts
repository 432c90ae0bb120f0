// Token endpoints that break the rules, through the real gate.
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { fuzz, jsonTokens } from '@mooring/lab/fuzz';
import { full } from '@mooring/lab/test-tier';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startCanary } from '../egress/__fixtures__/canary.js';
import { client, good, refreshToken, startTokenProbe, type TokenProbe } from './__fixtures__/token-probe.js';
import { type Behaviour, gateOf, json, startTokenServer } from './__fixtures__/token-server.js';
import { OAuthError } from './oauth-error.js';

let probe: TokenProbe;
beforeAll(async () => {
  probe = await startTokenProbe();
});
afterAll(() => probe?.[Symbol.asyncDispose]());
beforeEach(() => {
  probe.server.received.length = 0;
});

describe('O16: a hostile token endpoint', () => {
  it.each([301, 302, 303, 307, 308])('D25: cannot send us elsewhere with %i', async (status) => {
    await using canary = await startCanary();
    const location = `http://127.0.0.1:${canary.port}/`;
    await expect(probe.refresh(json(good, status, { location }))).rejects.toMatchObject({ kind: 'nonsense' });
    await expect(probe.exchange(json(good, status, { location }))).rejects.toMatchObject({
      kind: 'nonsense',
    });
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
  ])('has its own kind when it answers with %s', async (_, body) => {
    await expect(probe.refresh(json(body))).rejects.toMatchObject({ name: 'OAuthError', kind: 'nonsense' });
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
    await expect(probe.refresh(flood)).rejects.toMatchObject({ kind: 'nonsense' });
    expect(written).toBeLessThan(50 * chunk.length);
  });

  it('cannot fill the memory with a gzip bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024));
    const answer: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(bomb);
    };
    await expect(probe.refresh(answer)).rejects.toMatchObject({ kind: 'nonsense' });
  });

  it('TR1: cannot make us parse what no token answer holds, nor decode what next to nothing holds', async () => {
    const member = gzipSync('');
    const bodies: [body: Buffer, encoding: string][] = [
      [Buffer.from(`{"access_token":"a","x":[${'{},'.repeat(60_000)}{}]}`), 'identity'],
      [Buffer.from(`{"access_token":"a","x":${'['.repeat(100)}${']'.repeat(100)}}`), 'identity'],
      [Buffer.from(JSON.stringify({ access_token: 'a', ['k'.repeat(2_000)]: 1 })), 'identity'],
      [
        Buffer.from(`{${Array.from({ length: 9_000 }, (_, at) => `"k${at}":1`).join()},"access_token":"a"}`),
        'identity',
      ],
      [Buffer.alloc(200_000 * member.length, member), 'gzip'],
    ];
    for (const [body, encoding] of bodies) {
      const answer: Behaviour = (response) =>
        response.writeHead(200, { 'content-encoding': encoding }).end(body);
      await expect(probe.refresh(answer)).rejects.toMatchObject({ name: 'OAuthError' });
    }
  });

  it('TR1: whatever it answers, a grant is kept or the failure has a kind', async () => {
    let body: Buffer = Buffer.alloc(0);
    const corpus = [good, { error: 'invalid_grant' }, { ...good, scope: ['a', 'b'], expires_in: '1e9' }];
    const { accepted, refused } = await fuzz({
      name: 'token answers',
      corpus: corpus.map((each) => Buffer.from(JSON.stringify(each))),
      tokens: [...jsonTokens, '"error":', '"refresh_token":', '"expires_in":', '-1'],
      runs: full(5_000, 100),
      bytesMax: 64 * 1024,
      read: (input) => {
        body = input;
        return probe.refresh((response) => response.end(body));
      },
      isRefusal: (error) => error instanceof OAuthError,
    });
    expect(Math.min(accepted, refused)).toBeGreaterThan(0);
  });

  it('D20: cannot hold us with silence or by drops', async () => {
    const silent: Behaviour = () => undefined;
    await expect(probe.refresh(silent, { tokenTimeoutMs: 200 })).rejects.toMatchObject({
      kind: 'unavailable',
    });
    const drip: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const timer = setInterval(() => response.write(' '), 20);
      response.once('close', () => clearInterval(timer));
    };
    await expect(probe.refresh(drip, { tokenTimeoutMs: 200 })).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('cannot cost a grant by hanging up', async () => {
    await expect(probe.refresh((response) => response.destroy())).rejects.toMatchObject({
      kind: 'unavailable',
    });
    const half: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"access_token":', () => response.destroy());
    };
    await expect(probe.refresh(half)).rejects.toMatchObject({ kind: 'unavailable' });
    const large = json(' '.repeat(300 * 1024), 502);
    await expect(probe.refresh(large)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('D23, US5: cannot get its words or our secrets into an error', async () => {
    const words = { error_description: 'canary words', message: 'canary words' };
    for (const error of [
      refreshToken,
      `x.${refreshToken}`,
      client.clientSecret,
      refreshToken.slice(0, 6),
      `bad.${refreshToken.slice(0, 12)}.`,
      `${refreshToken.slice(0, 8)}.bad`,
      `bad.${refreshToken.slice(-8)}`,
      client.clientSecret.toUpperCase(),
      'canary words',
      '<b>canary</b>',
    ]) {
      const failure = await probe.refresh(json({ error, ...words }, 400)).catch((thrown: unknown) => thrown);
      expect(failure).toMatchObject({ name: 'OAuthError', kind: 'nonsense', providerCode: undefined });
      expect(inspect(failure, { depth: 10 })).not.toMatch(/canary/i);
    }
    // As a client that authenticates with a header sends them.
    const inHeader = {
      preset: { ...probe.server.preset, clientAuthentication: 'client_secret_basic' as const },
    };
    const basic = Buffer.from(`${client.clientId}:${client.clientSecret}`).toString('base64').slice(0, 30);
    const echoed = await probe
      .refresh(json({ error: basic }, 400), inHeader)
      .catch((thrown: unknown) => thrown);
    expect(echoed).toMatchObject({ kind: 'nonsense', providerCode: undefined });
    for (const sent of ['canary-code', 'canary-verifier']) {
      const failure = probe.exchange(json({ error: sent }, 400));
      await expect(failure).rejects.toMatchObject({ kind: 'nonsense', providerCode: undefined });
    }
    // So few characters in common are a coincidence.
    const short = probe.refresh(json({ error: `x.${refreshToken.slice(-7)}` }, 400));
    await expect(short).rejects.toMatchObject({ kind: 'nonsense', providerCode: expect.any(String) });
    const known = await probe
      .refresh(json({ error: 'invalid_grant', ...words }, 400))
      .catch((thrown: unknown) => thrown);
    expect(String(known)).toMatch(/\(invalid_grant\)$/);
    expect(inspect(known, { depth: 10 })).not.toContain('canary');
  });

  it('is not called any longer when the caller gives up', async () => {
    const giveUp = new AbortController();
    const waiting: Behaviour = () => giveUp.abort();
    await expect(probe.refresh(waiting, { signal: giveUp.signal })).rejects.toMatchObject({
      kind: 'unavailable',
    });
  });
});

describe('a token request', () => {
  it('is marked as sent at the moment from which the provider may act', async () => {
    let sent = 0;
    const beforeSend = () => {
      sent += 1;
    };
    await probe.refresh(json(good), { beforeSend });
    expect(sent).toBe(1);
    const shut = probe.refresh(json(good), { beforeSend, network: gateOf('deny') });
    await expect(shut).rejects.toMatchObject({ kind: 'egress_refused', cause: expect.any(Error) });
    expect(sent).toBe(1);
  });

  it('LI21: that the provider limits or cannot serve says for how long, whatever comes with it', async () => {
    for (const [status, kind] of [
      [429, 'rate_limited'],
      [500, 'unavailable'],
      [503, 'unavailable'],
    ] as const) {
      const broken = json('{"access_token":', status, { 'retry-after': '30' });
      await expect(probe.refresh(broken)).rejects.toMatchObject({ kind, retryAfterSeconds: 30 });
    }
  });

  it.each<[string, Behaviour, RegExp]>([
    ['a page', (response) => response.setHeader('content-type', ' Text/HTML; charset=x').end('<p>'), /page/],
    ['nothing', (response) => response.setHeader('content-type', 'text/plain').end(), /200 without JSON/],
    ['a list', json([good]), /200 without JSON/],
    ['an unknown object', json({ a: 1 }, 404), /404\.$/],
    ['a redirect', json({}, 300, { location: '/' }), /300, a redirect/],
    ['a refusal', json({}, 400), /400\.$/],
  ])('US5: that is answered with %s says so', async (_, behaviour, detail) => {
    await expect(probe.refresh(behaviour)).rejects.toMatchObject({
      kind: 'nonsense',
      detail: expect.stringMatching(detail),
    });
  });
});

describe('a token endpoint that may not be reached', () => {
  it('S01: is refused by the gate, and by its scheme before any connection', async () => {
    await using canary = await startCanary();
    const shut = gateOf('deny');
    await expect(probe.refresh(json(good), { network: shut })).rejects.toMatchObject({
      kind: 'egress_refused',
    });
    const network = gateOf();
    for (const tokenEndpoint of [
      `http://provider.example:${canary.port}/token`,
      `http://127.0.0.1.evil.example:${canary.port}/token`,
      `ftp://127.0.0.1:${canary.port}/token`,
      'file:///etc/passwd',
    ]) {
      await expect(
        probe.refresh(json(good), { preset: { ...probe.server.preset, tokenEndpoint }, network }),
      ).rejects.toMatchObject({ kind: 'egress_refused' });
    }
    await expect(
      probe.refresh(json(good), { preset: { ...probe.server.preset, tokenEndpoint: 'no url' }, network }),
    ).rejects.toMatchObject({ kind: 'client_refused' });
    expect(canary.connections()).toBe(0);
    expect(probe.server.received).toHaveLength(0);
  });

  it('is unavailable when no process listens there', async () => {
    const gone = await startTokenServer(json(good));
    await gone[Symbol.asyncDispose]();
    await expect(probe.refresh(json(good), { preset: gone.preset })).rejects.toMatchObject({
      kind: 'unavailable',
    });
  });
});
