import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { Secret } from '@mooring/connectors/interface/secret';
import { listenOnLoopback, readRequestBody } from '@mooring/lab/loopback-http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newHex } from '../crypto/random.js';
import { listen } from '../egress/__fixtures__/canary.js';
import { gateOf } from '../oauth/__fixtures__/token-server.js';
import { decryptMasterKey, KeyServiceError } from './key-service.js';
import { KeyError } from './keyring.js';

describe('the request for a key', () => {
  const masterKey = Buffer.from(newHex(32), 'hex').toString('base64');
  const pem = (name: string) =>
    readFileSync(new URL(`../egress/__fixtures__/${name}.pem`, import.meta.url), 'utf8');
  let answer: { status: number; body: string };
  let asked: { path: string; headers: NodeJS.Dict<string | string[]>; body: unknown };
  let server: Awaited<ReturnType<typeof listen>>;

  beforeAll(async () => {
    server = await listen(
      createServer({ cert: pem('server'), key: pem('server-key') }, async (request, response) => {
        const { url = '', headers } = request;
        asked = { path: url, headers, body: JSON.parse(String(await readRequestBody(request))) };
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
      }).on('tlsClientError', () => undefined),
    );
    // Loads the HTTP client, which takes a busy machine longer than a key service may take.
    answer = { status: 503, body: '' };
    await gateOf().fetch(`https://127.0.0.1:${server.port}/`, {
      method: 'POST',
      body: '{}',
      ca: pem('authority'),
    });
  });
  afterAll(() => server.stop());

  const fromTransit = (status: number, body: unknown, changed: object = {}) => {
    answer = { status, body: typeof body === 'string' ? body : JSON.stringify(body) };
    const settings = {
      ...{ source: 'transit' as const, address: `https://127.0.0.1:${server.port}//`, mount: 'transit' },
      ...{ key: 'k', ciphertext: 'vault:v1:eA==', token: new Secret('t-0123'), ca: pem('authority') },
    };
    return decryptMasterKey({ ...settings, ...changed }, gateOf());
  };

  it('is sent to the transit engine as it documents, under any mount, name and namespace', async () => {
    const named = { mount: 'teams/a b', key: 'k/1', namespace: 'ns' };
    const { bytes } = await fromTransit(200, { data: { plaintext: masterKey } }, named);
    expect(bytes.toString('base64')).toBe(masterKey);
    expect(asked.path).toBe('/v1/teams/a%20b/decrypt/k%2F1');
    expect(asked.body).toEqual({ ciphertext: 'vault:v1:eA==' });
    expect(asked.headers).toMatchObject({ 'x-vault-token': 't-0123', 'x-vault-namespace': 'ns' });
    await fromTransit(200, { data: { plaintext: masterKey } });
    expect(asked.path).toBe('/v1/transit/decrypt/k');
    expect(asked.headers).not.toHaveProperty('x-vault-namespace');
  });

  it('is not sent to a transit engine whose certificate is not trusted', async () => {
    const untrusted = fromTransit(200, { data: { plaintext: masterKey } }, { ca: undefined });
    await expect(untrusted).rejects.toThrow(KeyServiceError);
  });

  it.each([
    [403, { errors: ['permission denied', { a: 1 }, 'on this path'] }, '(permission denied; on this path)'],
    [503, { errors: ['x'.repeat(2_000)] }, '503'],
    [400, { errors: 'none' }, 'answers 400.'],
    [404, 'not JSON', 'answers 404.'],
    [302, { data: { plaintext: masterKey } }, 'answers 302.'],
    [200, { data: { plaintext: 1 } }, 'without a plaintext'],
    [200, { data: null }, 'without a plaintext'],
    [200, 'null', 'without a plaintext'],
    [200, 'not JSON', 'without a plaintext'],
  ])(
    'that is answered %i %j by the transit engine returns no key, and says why',
    async (status, body, why) => {
      const error = await fromTransit(status, body).catch((thrown: Error) => thrown);
      expect(error).toBeInstanceOf(KeyServiceError);
      expect(error).toMatchObject({ message: expect.stringContaining(why) });
      expect((error as Error).message.length).toBeLessThan(500);
      expect((error as Error).message).not.toContain(masterKey);
    },
  );

  it('is signed for AWS KMS with temporary credentials too, and an answer without a key fails', async () => {
    const kms = await listenOnLoopback(0, () => async (request, response) => {
      const { url = '', headers } = request;
      asked = { path: url, headers, body: JSON.parse(String(await readRequestBody(request))) };
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(answer.body);
    });
    const fromKms = (body: object, sessionToken?: Secret<string>) => {
      answer = { status: 200, body: JSON.stringify(body) };
      const credentials = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: new Secret('s'), sessionToken };
      const key = { source: 'aws-kms' as const, region: 'eu-west-1', keyId: 'k', ciphertext: 'eA==' };
      const settings = { ...key, endpoint: kms.url, encryptionContext: { service: 'mooring' }, credentials };
      return decryptMasterKey(settings, gateOf());
    };
    try {
      const { bytes } = await fromKms({ Plaintext: masterKey }, new Secret('session-0123'));
      expect(bytes.toString('base64')).toBe(masterKey);
      expect(asked.headers['x-amz-security-token']).toBe('session-0123');
      expect(asked.headers.authorization).toContain('Credential=AKIAEXAMPLE/');
      expect(asked.body).toEqual({
        ...{ CiphertextBlob: 'eA==', KeyId: 'k', EncryptionContext: { service: 'mooring' } },
      });
      await fromKms({ Plaintext: masterKey });
      expect(asked.headers).not.toHaveProperty('x-amz-security-token');
      await expect(fromKms({})).rejects.toThrow(KeyError);
    } finally {
      await kms.close();
    }
  });
});

describe('a key service that answers without end', () => {
  it('TR1: returns no key, and is not read any further', async () => {
    let written = 0;
    const chunk = Buffer.alloc(64 * 1024, '[');
    const flood = await listenOnLoopback(0, () => (_request, response) => {
      const more = () => {
        while (written < 400 * chunk.length && !response.destroyed) {
          written += chunk.length;
          if (!response.write(chunk)) return response.once('drain', more);
        }
        return response.end();
      };
      more();
    });
    const credentials = {
      accessKeyId: 'AKIAEXAMPLE',
      secretAccessKey: new Secret('secret'),
      sessionToken: undefined,
    };
    const sources = [
      {
        source: 'transit',
        address: flood.url,
        mount: 'transit',
        key: 'k',
        ciphertext: 'vault:v1:eA==',
        token: new Secret('t'),
      },
      {
        source: 'aws-kms',
        region: 'eu-west-1',
        keyId: 'k',
        ciphertext: 'eA==',
        endpoint: flood.url,
        encryptionContext: {},
        credentials,
      },
    ] as const;
    try {
      for (const settings of sources) {
        written = 0;
        await expect(decryptMasterKey(settings, gateOf())).rejects.toThrow(KeyServiceError);
        expect(written).toBeLessThan(400 * chunk.length);
      }
    } finally {
      await flood.close();
    }
  });
});
