import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { privateKeyFile } from '@mooring/lab/client-certificate-file';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../interface/secret.js';
import { manifestOf } from '../../kit/manifest.js';
import { hideAll, hideSecrets } from '../../kit/secret-fields.js';
import { endpointsOf } from '../../kit/typed-input.js';
import { allBatches, expectNoSecrets, failureOf } from '../../suite/bench.js';
import { source } from './source.js';

import { answerQuery, email, inputOf, keyFile, open, otherKeys, problemsOf, serve } from './test-stand.js';

const manifest = manifestOf(source);

const rsaKey = (modulusLength: number, passphrase?: string): string =>
  generateKeyPairSync('rsa', { modulusLength })
    .privateKey.export({
      ...{ type: 'pkcs8', format: 'pem' },
      ...(passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }),
    })
    .toString();

describe('gbq signs in', () => {
  it('with a key given as text or as base64, and sends the token it got', async () => {
    for (const value of [keyFile(), Buffer.from(keyFile()).toString('base64')]) {
      const stand = await serve(() => ({ body: { datasets: [] } }));
      const { session } = await open(
        stand,
        inputOf({ KeyFilePath: [{ name: 'key.json', value }], Email: email }),
      );
      await session.ping();
      expect(stand.calls()).toEqual(['POST /token', 'GET /datasets']);
      expect(stand.seen[1]?.headers).toEqual({
        'user-agent': 'Mooring (gzip)',
        accept: 'application/json',
        'accept-encoding': 'gzip',
        authorization: 'Bearer token-1',
        host: stand.url.slice('http://'.length),
        connection: 'keep-alive',
      });
    }
  });

  it('S06: never at the token_uri of the key file', async () => {
    const canary = await serve(() => undefined);
    const stand = await serve(() => ({ body: {} }));
    const value = keyFile({ token_uri: canary.settings['tokenEndpoint'], auth_uri: canary.url });
    const { session } = await open(stand, inputOf({ KeyFilePath: [{ name: 'key.json', value }] }));
    await session.ping();
    expect(canary.seen).toHaveLength(0);
  });

  it('as the user, and renews the token once after a 401', async () => {
    const stand = await serve(({ headers }) =>
      headers.authorization === 'Bearer new' ? { body: {} } : { status: 401, body: { error: {} } },
    );
    const accessToken = async (options?: { renew?: boolean }) => new Secret(options?.renew ? 'new' : 'old');
    const user = { OAuthMechanism: 1, Catalog: 'my-project' };
    const { session } = await open(stand, inputOf(user, { accessToken }));
    await session.ping();
    expect(stand.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer old', 'Bearer new']);

    const stubborn = await open(stand, inputOf(user, { accessToken: async () => new Secret('old') }));
    expect((await failureOf(stubborn.session.ping())).kind).toBe('auth_failed');
  });

  it('not with a key that Google refuses, and does not repeat what it says', async () => {
    const stand = await serve(() => undefined);
    const value = keyFile({ private_key: otherKeys.privateKey });
    const error = await failureOf(open(stand, inputOf({ KeyFilePath: [{ name: 'key.json', value }] })));
    expect(error.kind).toBe('auth_failed');
    expectNoSecrets(error, ['s3cret', otherKeys.privateKey]);
  });

  const keyOfStand = (JSON.parse(keyFile()) as { private_key: string }).private_key;
  const p12 = (passphrase: string, parameters?: string[], key = keyOfStand) => [
    { name: 'credentials.p12', value: privateKeyFile(key, passphrase, parameters) },
  ];

  it.each([
    ['of Google, without its password', p12('notasecret', ['-legacy', '-iter', '1']), {}],
    ['under 3DES and RC2', p12('notasecret', ['-legacy']), { P12CustomPwd: 'notasecret' }],
    ['under AES, with a password of its own', p12('a pass word'), { P12CustomPwd: 'a pass word' }],
  ])('Q: with a P12 key %s, as the account that Email names', async (_title, KeyFilePath, more) => {
    const stand = await serve(() => ({ body: { datasets: [] } }));
    const fields = { KeyFilePath, Email: email, ...more };
    expect(problemsOf(fields)).toEqual([]);
    const { session } = await open(
      stand,
      inputOf({ Catalog: 'my-project' }, { fields: hideSecrets(manifest, fields) }),
    );
    await session.ping();
    expect(stand.calls()).toEqual(['POST /token', 'GET /datasets']);
  });

  it.each([
    [
      'of another password',
      'auth_failed',
      /password of the P12 key file is wrong/,
      p12('another', ['-legacy']),
    ],
    [
      'that takes long to open',
      'invalid_config',
      /cannot be read/,
      p12('notasecret', ['-iter', '3000000', '-maciter']),
    ],
    [
      'that is cut off',
      'invalid_config',
      /cannot be read/,
      [{ name: 'k.p12', value: p12('notasecret')[0]?.value.slice(0, 900) ?? '' }],
    ],
    ['that is too short', 'invalid_config', /RSA key of 1024 bits/, p12('notasecret', [], rsaKey(1024))],
  ])('Q: not with a P12 key %s, and at once', async (_title, kind, words, KeyFilePath) => {
    const stand = await serve(() => undefined);
    const fields = hideSecrets(manifest, { KeyFilePath, Email: 'p12@my-project.iam.gserviceaccount.com' });
    const since = performance.now();
    const error = await failureOf(open(stand, inputOf({ Catalog: 'my-project' }, { fields })));
    expect(error.kind).toBe(kind);
    expect(error.message).toMatch(words);
    expect(performance.now() - since).toBeLessThan(3_000);
    expect(stand.seen).toHaveLength(0);
  });

  it('Q: not with a P12 key without an account', () => {
    expect(problemsOf({ KeyFilePath: p12('notasecret') })).toEqual(['Email']);
  });

  it.each([
    ['the beginning of a P12 key', 'key.p12', Buffer.from([0x30, 0x82, 0x01]).toString('base64')],
    ['a path', 'key.json', '/etc/passwd'],
    ['broken JSON', 'key.json', '{"private_key":"s3cret"'],
    ['the credentials of a user', 'key.json', keyFile({ type: 'authorized_user', refresh_token: 's3cret' })],
    ['an external account', 'key.json', keyFile({ type: 'external_account' })],
    ['a private key that is not valid', 'key.json', keyFile({ private_key: '-----BEGIN s3cret' })],
    ['a private key that is too short', 'key.json', keyFile({ private_key: rsaKey(1024) })],
    ['an encrypted private key', 'key.json', keyFile({ private_key: rsaKey(2048, 's3cret') })],
  ])('D08, LI24: not with %s, which is refused where it is given', async (_title, name, value) => {
    const stand = await serve(() => undefined);
    const KeyFilePath = [{ name, value }];
    expect(problemsOf({ KeyFilePath })).toEqual(['KeyFilePath']);
    // One that was stored by an earlier version.
    const stored = inputOf({}, { fields: hideAll({ KeyFilePath }) });
    const error = await failureOf(open(stand, stored));
    expect(error.kind).toBe('invalid_config');
    expectNoSecrets(error, ['s3cret']);
    expect(stand.seen).toHaveLength(0);
  });

  it('not with the key of another account than Email names', async () => {
    const stand = await serve(() => undefined);
    expect((await failureOf(open(stand, inputOf({ Email: 'other@x.com' })))).kind).toBe('invalid_config');
  });
});

describe('gbq goes out', () => {
  it('S11: by the network alone, whatever proxies and Google settings the environment names', async () => {
    let canaryConnections = 0;
    const canary = createTcpServer((socket) => {
      canaryConnections += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(canary, 'listening');
    const address = canary.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const folder = await mkdtemp(join(tmpdir(), 'gbq-canary-'));
    const adc = join(folder, 'adc.json');
    await writeFile(adc, keyFile({ client_email: 'canary@x.com', project_id: 'canary' }));
    const variables: Record<string, string> = {
      BIGQUERY_EMULATOR_HOST: `http://127.0.0.1:${port}`,
      GCE_METADATA_HOST: `127.0.0.1:${port}`,
      GCE_METADATA_IP: `127.0.0.1:${port}`,
      GOOGLE_APPLICATION_CREDENTIALS: adc,
      GOOGLE_CLOUD_PROJECT: 'canary',
      GOOGLE_CLOUD_QUOTA_PROJECT: 'canary',
    };
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY']) {
      variables[name] = `http://127.0.0.1:${port}`;
      variables[name.toLowerCase()] = `http://127.0.0.1:${port}`;
    }
    const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]));
    Object.assign(process.env, variables);
    onTestFinished(async () => {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      await new Promise((resolve) => canary.close(resolve));
      await rm(folder, { recursive: true });
    });

    const stand = await serve(answerQuery(['1', '2', '3']));
    const { session, network } = await open(stand);
    await allBatches(await session.read({ query: 'SELECT 1', batchRows: 2 }));
    expect(canaryConnections).toBe(0);
    expect(stand.calls()[0]).toBe('POST /token');
    expect(stand.seen.some(({ path }) => path.includes('canary'))).toBe(false);
    expect(network.dialled).toHaveLength(stand.seen.length);
    expect(new Set(network.dialled)).toEqual(new Set([stand.url.slice('http://'.length)]));
    expect(stand.seen.every(({ headers }) => headers['x-goog-user-project'] === undefined)).toBe(true);
  });

  it('S03: not where a redirect points', async () => {
    const canary = await serve(() => undefined);
    const stand = await serve(() => ({ status: 307, headers: { location: `${canary.url}/x` } }));
    const { session } = await open(stand);
    expect((await failureOf(session.ping())).kind).toBe('protocol_error');
    expect(canary.seen).toHaveLength(0);
  });

  it('to the endpoints that a test probes', () => {
    const settings = { apiEndpoint: 'http://127.0.0.1:9301' };
    expect(endpointsOf(source, { OAuthMechanism: '1' }, settings)).toEqual([
      { role: 'data', host: '127.0.0.1', port: 9301, security: 'none' },
    ]);
    expect(endpointsOf(source, { OAuthMechanism: '0' }, {})).toMatchObject([
      { role: 'data', host: 'bigquery.googleapis.com', port: 443, security: 'tls' },
      { role: 'token', host: 'oauth2.googleapis.com', port: 443, security: 'tls' },
    ]);
  });
});

describe('gbq refuses', () => {
  it('projects and locations that could leave their place in a URL, and unknown names', () => {
    expect(problemsOf({ Catalog: '../x' })).toEqual(['Catalog']);
    expect(problemsOf({ Catalog: 'a/b' })).toEqual(['Catalog']);
    expect(problemsOf({ Location: 'EU&x=1' })).toEqual(['Location']);
    expect(problemsOf({ OAuthMechanism: '3' })).toEqual(['OAuthMechanism']);
    expect(problemsOf({ OAuthMechanism: '1' })).toEqual(['Catalog']);
    expect(problemsOf({ token_uri: 'http://canary/' })).toEqual(['token_uri']);
  });
});
