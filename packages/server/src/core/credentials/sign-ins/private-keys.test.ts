import { generateKeyPairSync } from 'node:crypto';
import { jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../testing/api-client.js';
import { startServer } from '../../../testing/start-server.js';
import { door, waysInCase } from './__fixtures__/ways-in-case.js';

const robotKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const subjectOf = async (assertion: string, audience: string) =>
  (await jwtVerify(assertion, robotKey.publicKey, { audience })).payload.sub;

describe('sign-ins by private keys and clients', () => {
  const { given, create, read } = waysInCase(subjectOf);

  describe('a program without a user', () => {
    it('client credentials with a private key of the connection', async () => {
      const made = await create(given.alice, {
        authSchema: 'oauth2ClientCredentials',
        issuer: given.lab.issuer,
        clientId: given.lab.keyClient.clientId,
        clientPrivateKey: given.lab.keyClient.privateKey,
        clientAuthentication: 'private_key_jwt',
        scope: 'read',
      });
      expect(made.status).toBe(201);
      expect((await read(given.alice, made.body.id)).text).toContain(given.lab.keyClient.clientId);
      const shown = await given.alice.api.get(`${door}/${made.body.id}`);
      expect(shown.text).not.toContain('PRIVATE KEY');
    });

    it('a service account: one token for many reads, its key sealed', async () => {
      const made = await create(given.alice, {
        authSchema: 'oauth2JwtBearer',
        tokenUrl: `${given.robots.url}/token`,
        scope: 'read',
        assertionIssuer: 'robot.lab.example',
        assertionPrivateKey: robotKey.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      });
      expect(made.status).toBe(201);
      given.robotTokens = 0;
      const answers = await Promise.all(Array.from({ length: 10 }, () => read(given.alice, made.body.id)));
      for (const answer of answers) expect(answer.text).toContain('robot-robot.lab.example');
      expect(given.robotTokens).toBe(1);
      expect(given.server.logText() + (await given.server.storedText())).not.toContain('PRIVATE KEY');
    });

    it('a service account without its key gets an error that names what is missing', async () => {
      const made = await create(given.alice, {
        authSchema: 'oauth2JwtBearer',
        tokenUrl: `${given.robots.url}/token`,
        assertionIssuer: 'robot.lab.example',
      });
      expect(made.status).toBe(400);
      expect(made.text).toContain('assertionPrivateKey');
    });
  });

  describe('LI24: a private key that cannot sign', () => {
    const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).privateKey;
    const pem = { type: 'pkcs8', format: 'pem' } as const;
    const good = rsa(2048).export(pem).toString();
    const encrypted = { cipher: 'aes-256-cbc', passphrase: 'canary-passphrase' } as const;
    const useless: [title: string, key: string, says: RegExp][] = [
      ['broken', good.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA'), /is not a complete private key/],
      ['cut off', good.slice(0, 700), /is not a complete private key/],
      ['short', rsa(1024).export(pem).toString(), /1024 bits/],
      [
        'encrypted',
        rsa(2048)
          .export({ ...pem, ...encrypted })
          .toString(),
        /is encrypted/,
      ],
      [
        'encrypted as OpenSSL did',
        rsa(2048)
          .export({ ...pem, type: 'pkcs1', ...encrypted })
          .toString(),
        /encrypted/,
      ],
      [
        'of a kind that signs nothing',
        generateKeyPairSync('x25519').privateKey.export(pem).toString(),
        /type that is not supported/,
      ],
      [
        'a public key',
        robotKey.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
        /is not a complete private key/,
      ],
    ];
    it.each(useless)('%s: is a 400 at the first call that has it', async (_, key, says) => {
      const interactive = {
        ...{
          authSchema: 'oauth2',
          issuer: given.lab.issuer,
          clientId: given.lab.keyClient.clientId,
          scope: 'read',
        },
        ...{ clientAuthentication: 'private_key_jwt', clientPrivateKey: key },
      };
      const account = { type: 'service_account', client_email: 'a@b.example', private_key: key };
      const requests: Record<string, () => Promise<Answer>> = {
        clientPrivateKey: () => create(given.alice, interactive, { authUrlOnly: true }),
        assertionPrivateKey: () =>
          create(given.alice, {
            ...{ authSchema: 'oauth2JwtBearer', tokenUrl: `${given.robots.url}/token` },
            ...{ assertionIssuer: 'robot', assertionPrivateKey: key },
          }),
        KeyFilePath: () =>
          given.alice.api.post('/api/v1/data-credentials', {
            ...{ datasourceID: 'gbq', qName: 'key' },
            connectionProperties: { KeyFilePath: [{ name: 'key.json', value: JSON.stringify(account) }] },
          }),
      };
      for (const [property, send] of Object.entries(requests)) {
        const refused = await send();
        expect(refused.status, `${property} ${refused.text}`).toBe(400);
        expect(refused.body.errors[0].detail).toContain(property);
        if (property !== 'KeyFilePath' || key.startsWith('-----BEGIN ')) {
          expect(refused.body.errors[0].detail).toMatch(says);
        }
        expect(refused.text).not.toContain(key.slice(40, 60));
      }
      expect(given.lab.counts().authorization).toBe(0);
    });

    it('stops the start where it is the operator’s', async () => {
      const google = { clientId: 'c', privateKey: useless[2]?.[1] };
      await expect(startServer({ configuration: { oauth: { clients: { google } } } })).rejects.toThrow(
        /oauth\.clients\.google\.privateKey .*: is an RSA key of 1024 bits/,
      );
    });
  });
});
