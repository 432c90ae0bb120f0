import { createServer as createTlsServer } from 'node:https';
import { createCertificateAuthority } from '@mooring/lab/certificate-authority';
import { clientCertificateFile } from '@mooring/lab/client-certificate-file';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tlsOptions } from '../../families/http/tls-properties.js';
import { Secret } from '../../interface/secret.js';
import { selectSignIn } from '../../kit/properties.js';
import { failureOf } from '../../suite/bench.js';
import { properties } from './properties.js';

import { inputOf, json, manifest, open, problemsOf, read, serve } from './test-stand.js';

describe('rest sends', () => {
  it('X15: only the headers of the connection and of the sign-in', async () => {
    const stand = await serve(json([{ a: 1 }]));
    await read({
      url: `${stand.url}/items?x=1`,
      authSchema: 'basic',
      username: 'alice',
      password: 'pässword',
      queryHeaders: [{ name: 'X-Team', value: 'ships' }],
      queryParameters: [{ name: 'sort', value: '+name&x' }],
    });
    const { method, url, rawHeaders } = stand.requests[0] ?? {};
    const names = (rawHeaders ?? []).filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
    expect(method).toBe('GET');
    expect(url).toBe('/items?x=1&sort=%2Bname%26x');
    expect(names.sort().join(' ')).toBe(
      'accept accept-encoding authorization connection host user-agent x-team',
    );
    expect(stand.requests[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from('alice:pässword').toString('base64')}`,
    );
  });

  it('POST with the body of the connection', async () => {
    let body = '';
    const stand = await serve((request, response) => {
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => json([{ a: 1 }])(request, response));
    });
    await read({ url: stand.url, method: 'POST', body: '{"q":1}' });
    expect(body).toBe('{"q":1}');
    expect(stand.requests[0]?.headers['content-type']).toBe('application/json');
  });

  it('an API key in the header that the connection names', async () => {
    const stand = await serve(json([]));
    await read({ url: stand.url, authSchema: 'apiKey', apiKeyHeader: 'X-Api-Key', apiKey: 'k-123' });
    await read({ url: `${stand.url}/?a=1`, authSchema: 'apiKey', apiKeyParameter: 'key', apiKey: 'k&123' });
    expect(stand.requests.at(-1)?.url).toBe('/?a=1&key=k%26123');
    stand.requests.pop();
    expect(stand.requests[0]?.headers['x-api-key']).toBe('k-123');
  });

  it('Q: an encrypted header, whose value is part of the credential alone', async () => {
    const stand = await serve(json([]));
    const queryHeaders = [
      { name: 'Authorization', value: 'Bearer s3cret', encrypt: true },
      { name: 'X-Tenant', value: 'sealed', encrypt: 'True' },
      { name: 'X-Plain', value: 'seen', encrypt: 'false' },
    ];
    const input = inputOf({ url: stand.url, queryHeaders });
    expect(input.login.signIn).toBe('header');
    expect(input.properties['queryHeaders']).toEqual([
      { name: 'Authorization', value: '', encrypt: true },
      { name: 'X-Tenant', value: '', encrypt: true },
      { name: 'X-Plain', value: 'seen', encrypt: false },
    ]);
    expect(JSON.stringify(input)).not.toMatch(/s3cret|sealed/);
    const { session } = await open(input);
    await session.ping();
    expect(stand.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer s3cret',
      'x-tenant': 'sealed',
      'x-plain': 'seen',
    });
    const fields = { encryptedHeaders: new Secret([{ name: 'X-Tenant', value: 'other' }]) };
    const half = await open({ ...input, login: { ...input.login, fields } });
    expect(await failureOf(half.session.ping())).toMatchObject({
      kind: 'auth_failed',
      message: 'The credential has no value for the header authorization.',
    });
    expect(stand.requests).toHaveLength(1);
  });

  it('an OAuth token, renewed once after a 401', async () => {
    const stand = await serve((request, response) => {
      if (request.headers.authorization === 'Bearer new') return json([{ a: 1 }])(request, response);
      response.writeHead(401).end('token old is bad');
    });
    const asked: (boolean | undefined)[] = [];
    const oauth = {
      url: stand.url,
      authSchema: 'oauth2',
      authorizationUrl: `${stand.url}/auth`,
      tokenUrl: `${stand.url}/token`,
      clientId: 'c',
    };
    const accessToken = async (options?: { renew?: boolean }) => {
      asked.push(options?.renew);
      return new Secret(options?.renew ? 'new' : 'old');
    };
    const { session } = await open(inputOf(oauth, { accessToken }));
    await session.ping();
    expect(asked).toEqual([false, true]);

    const stubborn = await open(inputOf(oauth, { accessToken: async () => new Secret('old') }));
    const error = await failureOf(stubborn.session.ping());
    expect(error).toMatchObject({ kind: 'auth_failed', nativeCode: '401' });
    expect(stand.requests).toHaveLength(4);
  });
});

describe('rest over TLS', () => {
  const kinds = [
    ['PEM', (pem: string) => pem],
    ['base64 of PEM', (pem: string) => Buffer.from(pem).toString('base64')],
    ['base64 of DER', (pem: string) => pem.replace(/-----[A-Z ]+-----|\s/g, '')],
  ] as const;

  async function serveTls(): Promise<{ url: string; authority: string }> {
    const authority = createCertificateAuthority();
    const server = createTlsServer(authority.issue(['127.0.0.1']), json([{ a: 1 }]));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections()));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return { url: `https://127.0.0.1:${address.port}/`, authority: authority.ca };
  }

  it.each(kinds)('D22: trusts the roots of the connection as %s, and no others', async (_title, form) => {
    const { url, authority } = await serveTls();
    expect(['tls_failed', 'unreachable']).toContain((await failureOf(read({ url }))).kind);
    const custom = { url, serverCertificateValidation: 'Custom' };
    const rootCertificates = [{ name: 'ca.pem', value: form(authority) }];
    expect((await read({ ...custom, rootCertificates })).rows).toEqual([[1]]);
    expect((await failureOf(read(custom))).kind).toBe('invalid_config');
    const path = [{ name: 'ca.pem', value: '/etc/passwd' }];
    expect((await failureOf(read({ ...custom, rootCertificates: path }))).kind).toBe('invalid_config');
  });

  it('Q: trusts every server with None where the operator allows it, and elsewhere says who can allow it', async () => {
    const { url } = await serveTls();
    const given = { url, serverCertificateValidation: 'None' };
    const allowed = await open(inputOf(given), { unverifiedTls: 'allow' });
    await allowed.session.ping();
    for (const settings of [{}, { unverifiedTls: 'deny' }]) {
      expect(manifest.forbidden?.(inputOf(given).properties, settings)).toEqual([
        { property: 'serverCertificateValidation', message: expect.stringContaining('unverifiedTls') },
      ]);
      await expect(open(inputOf(given), settings)).rejects.toMatchObject({ kind: 'invalid_config' });
    }
    expect(manifest.forbidden?.(inputOf(given).properties, { unverifiedTls: 'allow' })).toEqual([]);
  });

  it('needs the client certificate that the connection asks for', async () => {
    const stand = await serve(json([]));
    const error = await failureOf(read({ url: stand.url, enableMutualSSL: true }));
    expect(error.kind).toBe('auth_failed');
    expect(stand.requests).toHaveLength(0);
    const value = clientCertificateFile(createCertificateAuthority().issue(['me']), 'open');
    const mutualPfxCertificateFiles = [{ name: 'me.pfx', value }];
    const input = inputOf({
      ...{ url: stand.url, enableMutualSSL: 'true', mutualPfxCertificateFiles },
      mutualPfxCertificateKey: 'open',
    });
    expect(input.login.signIn).toBe('certificate');
    expect(tlsOptions(properties.parse(input.properties), input.login.fields, {})).toEqual({
      clientCertificate: { pfx: Buffer.from(value, 'base64'), passphrase: 'open' },
    });
  });

  it('LI24: a client certificate that cannot be used is refused where it is given', () => {
    const value = clientCertificateFile(createCertificateAuthority().issue(['me']), 'open');
    const problems = (file: string, key?: string) =>
      problemsOf({
        enableMutualSSL: true,
        mutualPfxCertificateFiles: [{ name: 'me.pfx', value: file }],
        ...(key === undefined ? {} : { mutualPfxCertificateKey: key }),
      });
    expect(problems(value, 'open')).toEqual([]);
    for (const [file, key] of [
      [value, 'wrong'],
      [value, undefined],
      [value.slice(0, 200), 'open'],
      [Buffer.from('pfx').toString('base64'), 'open'],
      ['', undefined],
    ] as const) {
      expect(problems(file, key), `${file.length} ${key}`).toEqual(['mutualPfxCertificateFiles']);
    }
  });
});

describe('rest signs in', () => {
  it('by OAuth with the endpoints of the connection', () => {
    const url = 'https://login.example.com';
    const method = selectSignIn(manifest, { authSchema: 'oauth2ClientCredentials' });
    const preset = method.oauth?.preset({
      tokenUrl: `${url}/token`,
      scope: 'read  write',
      audience: 'api',
      clientAuthentication: 'client_secret_post',
    });
    expect(method.oauth?.grant).toBe('client_credentials');
    expect(preset).toEqual({
      tokenEndpoint: `${url}/token`,
      scopes: ['read', 'write'],
      audience: 'api',
      clientAuthentication: 'client_secret_post',
    });
  });

  it('with a client certificate alone where the connection wants one', () => {
    expect(selectSignIn(manifest, { authSchema: 'anonymous', enableMutualSSL: true }).id).toBe('certificate');
    expect(selectSignIn(manifest, { authSchema: 'anonymous', enableMutualSSL: false }).id).toBe('anonymous');
  });
});
describe('rest reads', () => {
  it('columns as the union of the first page, with their types', async () => {
    const stand = await serve(
      json([
        { id: 1, name: 'Älta 🚢', ratio: 1.5, ok: true, tags: ['a'], mixed: 1, gone: null },
        { id: 2, ratio: 2, extra: 'x', mixed: 'one', big: 2 ** 53 },
      ]),
    );
    const { columns, rows } = await read({ url: stand.url });
    expect(columns.map(({ name, type }) => `${name}:${type}`)).toEqual([
      'id:integer',
      'name:string',
      'ratio:float',
      'ok:boolean',
      'tags:json',
      'mixed:json',
      'gone:json',
      'extra:string',
      'big:float',
    ]);
    expect(rows[0]).toEqual([1, 'Älta 🚢', 1.5, true, ['a'], 1, null, null, null]);
    expect(rows[1]?.slice(0, 3)).toEqual([2, null, 2]);
  });

  it.each([
    ['the first list with objects', { errors: [], data: { items: [{ a: 1 }, { a: 2 }] } }, undefined, 2],
    ['a JSON pointer', { 'a/b': [{ x: 1 }], c: [{ x: 1 }, { x: 2 }] }, '/a~1b', 1],
    ['a dotted path', { a: { b: [{ x: 1 }] }, c: [{ x: 1 }, { x: 2 }] }, 'a.b', 1],
    ['the whole answer', { a: [1, 2, 3] }, '$', 1],
    ['a single object', { a: 1 }, undefined, 1],
    ['a list of values', [1, 2, 3], undefined, 3],
    ['null', { data: null }, 'data', 0],
    ['an empty body', '', undefined, 0],
  ])('rows from %s', async (_title, document, dataPath, count) => {
    const stand = await serve(json(document));
    expect((await read({ url: stand.url, ...(dataPath ? { dataPath } : {}) })).rows).toHaveLength(count);
  });

  it('D10: names such as __proto__ as plain columns', async () => {
    const stand = await serve(json('[{"__proto__":{"polluted":true},"constructor":"c"}]'));
    const { columns, rows } = await read({ url: stand.url });
    expect(columns.map(({ name }) => name)).toEqual(['__proto__', 'constructor']);
    expect(JSON.stringify(rows)).toBe('[[{"polluted":true},"c"]]');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('D12 S08: a path as a name only, never as a part of the URL', async () => {
    const stand = await serve(json([{ a: 1 }]));
    const { session } = await open(inputOf({ url: `${stand.url}/v1/items` }));
    const { items } = await session.browse({ path: [], limit: 10 });
    expect(items.map(({ path }) => path)).toEqual([['items']]);
    const columns = await session.browse({ path: ['items'], limit: 10 });
    expect(columns.items).toMatchObject([{ name: 'a', kind: 'column', type: 'integer' }]);
    const before = stand.requests.length;
    for (const path of ['https://canary/', '//canary', '/\\canary', '@canary', '..%2f', '..']) {
      expect((await failureOf(session.read({ path: [path], batchRows: 1 }))).kind).toBe('not_found');
    }
    expect(stand.requests).toHaveLength(before);
  });
});
