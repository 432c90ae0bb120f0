import { describe, expect, it } from 'vitest';
import { failureOf } from '../../suite/bench.js';

import { inputOf, json, open, problemsOf, read, serve } from './test-stand.js';

describe('rest fails', () => {
  it.each([
    [400, 'invalid_config'],
    [401, 'auth_failed'],
    [403, 'permission_denied'],
    [404, 'not_found'],
    [429, 'rate_limited'],
    [500, 'protocol_error'],
    [503, 'unreachable'],
  ])('D23: with a kind for HTTP %i and without the text of the source', async (status, kind) => {
    const stand = await serve((_request, response) =>
      response.writeHead(status, { 'content-type': 'text/html' }).end('<b>password s3cret\u001b[31m</b>'),
    );
    const error = await failureOf(read({ url: stand.url }));
    expect(error).toMatchObject({ kind, nativeCode: String(status) });
    expect(JSON.stringify([error.message, error.remedy, String(error.cause)])).not.toContain('s3cret');
  });

  it.each([
    ['seconds', () => '17', 17],
    ['a date', () => new Date(Date.now() + 60_000).toUTCString(), 60],
    ['an absurd number', () => '999999', 3600],
  ])('R19: as rate_limited with the wait that a 503 names in %s', async (_title, value, seconds) => {
    const stand = await serve((_request, response) =>
      response.writeHead(503, { 'retry-after': value() }).end(),
    );
    const error = await failureOf(read({ url: stand.url }));
    expect(error.kind).toBe('rate_limited');
    expect(Math.abs((error.retryAfterSeconds ?? 0) - seconds)).toBeLessThanOrEqual(2);
  });

  it('S10: on a page or another text without repeating it', async () => {
    for (const type of ['text/html', 'text/plain']) {
      const stand = await serve((_request, response) =>
        response.writeHead(200, { 'content-type': type }).end('SSH-2.0 s3cret banner'),
      );
      const error = await failureOf(read({ url: stand.url }));
      expect(error.kind).toBe('protocol_error');
      expect(JSON.stringify([error.message, error.remedy, String(error.cause)])).not.toContain('banner');
    }
  });

  it('D18: on values that are nested too deeply', async () => {
    const deep = `${'['.repeat(100_000)}1${']'.repeat(100_000)}`;
    const stand = await serve(json(`[{"a":${deep}}]`));
    expect((await failureOf(read({ url: stand.url }))).kind).toBe('too_large');
  });

  it('D15: on too many columns', async () => {
    const wide = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`c${index}`, 1]));
    const stand = await serve(json([wide]));
    expect((await failureOf(read({ url: stand.url }))).kind).toBe('too_large');
  });

  it('D16: on a body beyond 64 MB', async () => {
    const stand = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const megabyte = Buffer.alloc(1024 * 1024, ' ');
      const more = () => {
        while (!response.destroyed && response.write(megabyte));
      };
      response.on('drain', more);
      more();
    });
    expect((await failureOf(read({ url: stand.url }))).kind).toBe('too_large');
  });

  it('D20 D25: as timeout when the source is silent, as cancelled when the caller leaves', async () => {
    const stand = await serve(() => {});
    expect((await failureOf(read({ url: stand.url, timeout: 1 }))).kind).toBe('timeout');
    const { session, abort } = await open(inputOf({ url: stand.url }));
    const failure = failureOf(session.ping());
    abort.abort();
    expect((await failure).kind).toBe('cancelled');
  });
});

describe('rest refuses', () => {
  it.each([
    'Host',
    'authorization',
    'Cookie',
    'Connection',
    'Transfer-Encoding',
    'Content-Length',
    'Proxy-Authorization',
    'X-Forwarded-For',
    'Forwarded',
    'Upgrade',
    'TE',
    'Trailer',
    'X-HTTP-Method-Override',
    'bad name',
    'x\r\nX-Evil',
    '',
  ])('X16 D21: the header %j', (name) => {
    expect(problemsOf({ queryHeaders: [{ name, value: 'x' }] })).toEqual(['queryHeaders.0.name']);
    expect(problemsOf({ authSchema: 'apiKey', apiKeyHeader: name })).toEqual(['apiKeyHeader']);
  });

  it('D21: values with line breaks', () => {
    const value = '1\r\nX-Evil: 1';
    expect(problemsOf({ queryHeaders: [{ name: 'x', value }] })).toEqual(['queryHeaders.0.value']);
    expect(problemsOf({ queryParameters: [{ name: 'x', value }] })).toEqual(['queryParameters.0.value']);
    expect(problemsOf({ url: `http://127.0.0.1/${value}` })).toEqual(['url']);
  });

  it.each([
    'ftp://h/',
    'file:///etc/passwd',
    'http+unix://x/',
    'data:text/plain,x',
    'http://user@h/',
    'http://u:p@h/',
    'http:\\\\h\\',
    'http://h /',
    'h/x',
    '',
  ])('S07 V17: the URL %j', (url) => {
    expect(problemsOf({ url })).toEqual(['url']);
    expect(problemsOf({ tokenUrl: url })).toEqual(['tokenUrl']);
  });

  it('headers that no secret may set, custom pagination, unknown names', () => {
    const sealed = (name: string) => ({ queryHeaders: [{ name, value: 'v', encrypt: true }] });
    expect(problemsOf(sealed('Authorization'))).toEqual([]);
    for (const name of ['Cookie', 'Host', 'bad name'])
      expect(problemsOf(sealed(name))).toContain('queryHeaders.0.name');
    expect(problemsOf({ ...sealed('Authorization'), authSchema: 'basic' })).toEqual(['queryHeaders']);
    expect(problemsOf({ queryHeaders: [{ name: 'k', value: 'v', encrypt: 'maybe' }] })).toEqual([
      'queryHeaders.0.encrypt',
    ]);
    expect(problemsOf({ serverCertificateValidation: 'Never' })).toEqual(['serverCertificateValidation']);
    expect(problemsOf({ PaginationType: 'Custom' })).toEqual(['PaginationType']);
    expect(problemsOf({ body: '{' })).toEqual(['body']);
    expect(problemsOf({ proxy: 'http://canary/' })).toEqual(['proxy']);
  });

  it('Q: Qlik’s names of Offset that contradict each other, or name a header that a connection cannot set', () => {
    const offset = { PaginationType: 'Offset', IsOffsetStartFieldHeader: true };
    for (const name of ['Authorization', 'bad name', undefined])
      expect(problemsOf({ ...offset, OffsetStartField: name })).toEqual(['OffsetStartField']);
    expect(problemsOf({ ...offset, OffsetStartField: 'X-Start' })).toEqual([]);
    expect(problemsOf({ dataPath: 'a', OffsetDataPath: 'b' })).toEqual(['OffsetDataPath']);
    expect(problemsOf({ encoding: 'klingon' })).toEqual(['encoding']);
  });

  it('sign-ins whose properties are incomplete', () => {
    expect(problemsOf({ authSchema: 'apiKey' })).toEqual(['apiKeyHeader']);
    expect(problemsOf({ authSchema: 'oauth2' })).toEqual(['oauthProvider']);
    expect(problemsOf({ authSchema: 'oauth2', issuer: 'https://a.example' })).toEqual(['clientId']);
    expect(problemsOf({ authSchema: 'oauth2', clientId: 'c', tokenUrl: 'https://a.example/token' })).toEqual([
      'authorizationUrl',
    ]);
    expect(problemsOf({ authSchema: 'oauth2', clientId: 'c', issuer: 'https://a.example' })).toEqual([]);
  });

  it('a provider together with custom endpoints, and places that are not valid', () => {
    const chosen = { authSchema: 'oauth2', clientId: 'c', oauthProvider: 'dropbox' };
    expect(problemsOf(chosen)).toEqual([]);
    for (const name of [
      'authorizationUrl',
      'tokenUrl',
      'revocationUrl',
      'issuer',
      'deviceAuthorizationUrl',
      'pushedAuthorizationUrl',
    ]) {
      expect(problemsOf({ ...chosen, [name]: 'https://a.example/' })).toEqual([name]);
    }
    expect(problemsOf({ ...chosen, oauthProvider: 'unknown' })).toEqual(['oauthProvider']);
    expect(problemsOf({ ...chosen, oauthProviderPlace: 'x' })).toEqual(['oauthProviderPlace']);
    expect(problemsOf({ oauthProviderPlace: 'x' })).toEqual(['oauthProviderPlace']);
    expect(problemsOf({ ...chosen, oauthProvider: 'okta' })).toEqual(['oauthProviderPlace']);
    expect(problemsOf({ ...chosen, oauthProvider: 'salesforce' })).toEqual([]);
  });
});
