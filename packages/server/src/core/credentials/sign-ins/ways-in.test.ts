import { generateKeyPairSync } from 'node:crypto';
import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { type LoopbackServer, listenOnLoopback, readRequestBody } from '@mooring/lab/loopback-http';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, addPerson, type TestPerson } from '../../../testing/api-client.js';
import { startServer, type TestServer } from '../../../testing/start-server.js';

const door = '/api/v1/data-connections';
const codeOf = (html: string): string => /id="auth-code"[^>]*>([^<]+)</.exec(html)?.[1] ?? '';

describe('more ways in', () => {
  let lab: LabAuthorizationServer;
  let source: LoopbackServer;
  let robots: LoopbackServer;
  let server: TestServer;
  let alice: TestPerson;
  let bob: TestPerson;
  let serial = 0;
  let robotTokens = 0;
  const robotKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  beforeAll(async () => {
    lab = await startAuthorizationServer();
    source = await listenOnLoopback(0, () => async (request, response) => {
      const token = (request.headers.authorization ?? '').replace('Bearer ', '');
      const known = await lab.verifyAccessToken(token);
      const sub = token.startsWith('robot-') ? token : known.sub;
      response.writeHead(sub ? 200 : 401, { 'content-type': 'application/json' });
      response.end(JSON.stringify(sub ? [{ sub }] : { error: 'no' }));
    });
    robots = await listenOnLoopback(0, () => async (request, response) => {
      const form = new URLSearchParams((await readRequestBody(request)).toString());
      const { payload } = await jwtVerify(form.get('assertion') ?? '', robotKey.publicKey, {
        audience: `${robots.url}/token`,
      });
      robotTokens += 1;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ access_token: `robot-${payload.sub}`, token_type: 'Bearer', expires_in: 600 }),
      );
    });
    server = await startServer();
    alice = await addPerson(server.url, server.adminKey, 'alice');
    bob = await addPerson(server.url, server.adminKey, 'bob');
  });
  afterAll(async () => {
    await server.close();
    await source.close();
    await robots.close();
    await lab.close();
  });
  beforeEach(() => {
    lab.switches.tokenNext = [];
    lab.resetCounts();
  });

  const create = (person: TestPerson, properties: object, more: object = {}) =>
    person.api.post(door, {
      datasourceID: 'rest',
      qName: `ways ${++serial}`,
      connectionProperties: { url: source.url, ...properties },
      ...more,
    });
  const device = (more: object = {}) => ({
    authSchema: 'oauth2Device',
    issuer: lab.issuer,
    clientId: lab.client.clientId,
    clientSecret: lab.client.clientSecret,
    scope: 'openid read',
    ...more,
  });
  const read = (person: TestPerson, id: string) =>
    person.api.post(`${door}/${id}/actions/read`, { path: [] }, { accept: 'application/x-ndjson' });
  const asDevice = (
    authUrl: string,
    login: 'alice' | 'bob' = 'alice',
    decision: 'allow' | 'deny' = 'allow',
  ) => {
    const { password } = lab.users[login === 'alice' ? 0 : 1];
    return walkSignIn({ authUrl, login, password, decision, endsAtServer: true });
  };
  const stateOf = async (person: TestPerson, id: string) =>
    (await person.api.get(`/api/v1/sign-ins/${id}`)).body;
  const devicePolls = () => lab.counts().token.other;

  describe('a sign-in on another device', () => {
    it('O31: goes to its end with the id in place of the code; the device code never leaves the server', async () => {
      const begun = await create(alice, device(), { authUrlOnly: true });
      expect(begun.status).toBe(201);
      expect(begun.body).toMatchObject({ userCode: expect.stringMatching(/^[A-Z-]{9}$/) });
      expect(Object.keys(begun.body).toSorted()).toEqual(['authUrl', 'expiresAt', 'signInId', 'userCode']);
      await asDevice(begun.body.authUrl);
      expect((await stateOf(alice, begun.body.signInId)).state).toBe('arrived');
      const made = await create(alice, device({ authCode: begun.body.signInId }));
      expect(made.status).toBe(201);
      const rows = await read(alice, made.body.id);
      expect(rows.text).toContain('alice');
      expect((await stateOf(alice, begun.body.signInId)).state).toBe('completed');
      const again = await create(alice, device({ authCode: begun.body.signInId }));
      expect(again.body.errors[0].code).toBe('SIGN-IN-INVALID');
    });

    it('O31: however often its person looks, the provider is asked once in five seconds', async () => {
      const begun = await create(alice, device(), { authUrlOnly: true });
      const states = await Promise.all(Array.from({ length: 30 }, () => stateOf(alice, begun.body.signInId)));
      expect(new Set(states.map(({ state }) => state))).toEqual(new Set(['pending']));
      expect(devicePolls()).toBe(1);
      const early = await create(alice, device({ authCode: begun.body.signInId }));
      expect(early).toMatchObject({ status: 409 });
      expect(early.body.errors[0].code).toBe('SIGN-IN-IN-PROGRESS');
      expect(devicePolls()).toBe(1);
    });

    it('O31 O05: another person sees 404, asks nobody and cannot complete it', async () => {
      const begun = await create(alice, device(), { authUrlOnly: true });
      expect((await bob.api.get(`/api/v1/sign-ins/${begun.body.signInId}`)).status).toBe(404);
      await asDevice(begun.body.authUrl);
      const stolen = await create(bob, device({ authCode: begun.body.signInId }));
      expect(stolen.body.errors[0].code).toBe('SIGN-IN-INVALID');
      expect(devicePolls()).toBe(0);
      expect((await create(alice, device({ authCode: begun.body.signInId }))).status).toBe(201);
    });

    it('a refusal of the person ends it', async () => {
      const begun = await create(alice, device(), { authUrlOnly: true });
      await asDevice(begun.body.authUrl, 'alice', 'deny');
      expect(await stateOf(alice, begun.body.signInId)).toMatchObject({
        state: 'failed',
        error: 'access_denied',
      });
    });

    it('serves only the destination it was begun for', async () => {
      const begun = await create(alice, device(), { authUrlOnly: true });
      await asDevice(begun.body.authUrl);
      const other = await create(
        alice,
        device({ scope: 'openid read write', authCode: begun.body.signInId }),
      );
      expect(other.body.errors[0].code).toBe('SIGN-IN-INVALID');
    });

    it('neither its code nor a token is in the clear, in the store or in the log', async () => {
      let deviceCode = '';
      let token = '';
      const provider = await listenOnLoopback(0, () => async (request, response) => {
        const isDevice = request.url === '/device';
        deviceCode ||= 'canary-device-code-7f3a';
        token ||= 'canary-device-token-9b1c';
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify(
            isDevice
              ? {
                  device_code: deviceCode,
                  user_code: 'ABCD-EFGH',
                  verification_uri: `${provider.url}/page`,
                  expires_in: 600,
                }
              : { access_token: token, token_type: 'bearer', expires_in: 600 },
          ),
        );
      });
      const begun = await create(
        alice,
        {
          authSchema: 'oauth2Device',
          deviceAuthorizationUrl: `${provider.url}/device`,
          tokenUrl: `${provider.url}/token`,
          clientId: 'c',
        },
        { authUrlOnly: true },
      );
      expect((await stateOf(alice, begun.body.signInId)).state).toBe('arrived');
      await provider.close();
      const everywhere = begun.text + server.logText() + (await server.storedText());
      expect(everywhere).not.toContain(deviceCode);
      expect(everywhere).not.toContain(token);
    });
  });

  describe('a refresh token that was issued elsewhere', () => {
    const properties = (more: object = {}) => ({
      authSchema: 'oauth2',
      issuer: lab.issuer,
      clientId: lab.client.clientId,
      clientSecret: lab.client.clientSecret,
      scope: 'openid read',
      ...more,
    });
    /** A grant that another program got for alice, or for bob. */
    const issued = async (login: 'alice' | 'bob' = 'alice'): Promise<string> => {
      const basic = Buffer.from(`${lab.client.clientId}:${lab.client.clientSecret}`).toString('base64');
      const post = async (url: string, form: Record<string, string>) =>
        (
          await fetch(url, {
            method: 'POST',
            headers: { authorization: `Basic ${basic}` },
            body: new URLSearchParams(form),
          })
        ).json() as Promise<Record<string, string>>;
      const begun = await post(lab.deviceAuthorizationEndpoint, { scope: 'openid read' });
      await asDevice(begun['verification_uri_complete'] ?? '', login);
      const tokens = await post(lab.tokenEndpoint, {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: begun['device_code'] ?? '',
      });
      lab.resetCounts();
      return tokens['refresh_token'] ?? '';
    };

    it('is used once before it is stored, and what came back is what is kept', async () => {
      const refreshToken = await issued();
      const made = await create(alice, properties({ refreshToken }));
      expect(made.status).toBe(201);
      expect(lab.counts().token.refresh_token).toBe(1);
      lab.expireAccessTokens();
      // The lab rotates: the pasted token would end the whole grant if it were used again.
      const rows = await read(alice, made.body.id);
      expect(rows.text).toContain('alice');
      expect(await server.storedText()).not.toContain(refreshToken);
    });

    it('that is dead is a 400 with the class of the answer, and nothing is stored', async () => {
      const refused = await create(alice, properties({ refreshToken: 'canary-dead-refresh-token' }));
      expect(refused.status).toBe(400);
      expect(refused.body.errors[0].code).toBe('PROVIDER-REFUSED');
      expect(refused.body.errors[0].detail).toContain('invalid_grant');
      expect(refused.text).not.toContain('canary');
      const mine = await alice.api.get(`${door}?limit=100`);
      expect(mine.text).not.toContain(`ways ${serial}"`);
    });

    it('that cannot be proven is not stored, and nobody is told it is dead', async () => {
      lab.switches.tokenNext = [{ kind: 'answer', answer: { status: 503, body: 'down' } }];
      const unknown = await create(alice, properties({ refreshToken: 'canary-unproven' }));
      expect(unknown.body.errors[0].code).toBe('PROVIDER-FAILED');
    });

    it('LI12: of an account that is not known to be the same waits for a choice, and what was there goes on', async () => {
      const made = await create(alice, properties({ refreshToken: await issued() }));
      const other = await issued('bob');
      const path = '/connectionProperties/refreshToken';
      const pasted = await alice.api.patch(`${door}/${made.body.id}`, [
        { op: 'replace', path, value: other },
      ]);
      expect([pasted.status, pasted.body.errors[0].code]).toEqual([409, 'SIGN-IN-ACCOUNT-DIFFERS']);
      expect((await read(alice, made.body.id)).text).toContain('alice');
      const { choose, signInId } = pasted.body.errors[0].meta;
      expect(await stateOf(alice, signInId)).toMatchObject({ state: 'needs_choice' });
      expect((await bob.api.post(choose, { choice: 'replace' })).status).toBe(404);
      expect((await alice.api.post(choose, { choice: 'replace' })).status).toBeLessThan(300);
      lab.expireAccessTokens();
      expect((await read(alice, made.body.id)).text).toContain('bob');
      expect(await server.storedText()).not.toContain(other);
    });

    it('and a code together are refused before either is used', async () => {
      const both = await create(alice, properties({ refreshToken: 'a', authCode: 'b' }));
      expect(both.status).toBe(400);
      expect(lab.counts().token).toMatchObject({ refresh_token: 0, authorization_code: 0 });
    });
  });

  describe('a program without a person', () => {
    it('client credentials with a private key of the connection', async () => {
      const made = await create(alice, {
        authSchema: 'oauth2ClientCredentials',
        issuer: lab.issuer,
        clientId: lab.keyClient.clientId,
        clientPrivateKey: lab.keyClient.privateKey,
        clientAuthentication: 'private_key_jwt',
        scope: 'read',
      });
      expect(made.status).toBe(201);
      expect((await read(alice, made.body.id)).text).toContain(lab.keyClient.clientId);
      const shown = await alice.api.get(`${door}/${made.body.id}`);
      expect(shown.text).not.toContain('PRIVATE KEY');
    });

    it('a service account: one token for many reads, its key sealed', async () => {
      const made = await create(alice, {
        authSchema: 'oauth2JwtBearer',
        tokenUrl: `${robots.url}/token`,
        scope: 'read',
        assertionIssuer: 'robot.lab.example',
        assertionPrivateKey: robotKey.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      });
      expect(made.status).toBe(201);
      robotTokens = 0;
      const answers = await Promise.all(Array.from({ length: 10 }, () => read(alice, made.body.id)));
      for (const answer of answers) expect(answer.text).toContain('robot-robot.lab.example');
      expect(robotTokens).toBe(1);
      expect(server.logText() + (await server.storedText())).not.toContain('PRIVATE KEY');
    });

    it('a service account without its key is told what is missing', async () => {
      const made = await create(alice, {
        authSchema: 'oauth2JwtBearer',
        tokenUrl: `${robots.url}/token`,
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
      ['broken', good.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA'), /is not a PEM private key/],
      ['cut off', good.slice(0, 700), /is not a PEM private key/],
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
        /unsupported type/,
      ],
      ['a public key', robotKey.publicKey.export({ type: 'spki', format: 'pem' }).toString(), /is not a PEM/],
    ];
    it.each(useless)('%s: is a 400 at the first call that has it', async (_, key, says) => {
      const interactive = {
        ...{ authSchema: 'oauth2', issuer: lab.issuer, clientId: lab.keyClient.clientId, scope: 'read' },
        ...{ clientAuthentication: 'private_key_jwt', clientPrivateKey: key },
      };
      const account = { type: 'service_account', client_email: 'a@b.example', private_key: key };
      const given: Record<string, () => Promise<Answer>> = {
        clientPrivateKey: () => create(alice, interactive, { authUrlOnly: true }),
        assertionPrivateKey: () =>
          create(alice, {
            ...{ authSchema: 'oauth2JwtBearer', tokenUrl: `${robots.url}/token` },
            ...{ assertionIssuer: 'robot', assertionPrivateKey: key },
          }),
        KeyFilePath: () =>
          alice.api.post('/api/v1/data-credentials', {
            ...{ datasourceID: 'gbq', qName: 'key' },
            connectionProperties: { KeyFilePath: [{ name: 'key.json', value: JSON.stringify(account) }] },
          }),
      };
      for (const [property, send] of Object.entries(given)) {
        const refused = await send();
        expect(refused.status, `${property} ${refused.text}`).toBe(400);
        expect(refused.body.errors[0].detail).toContain(property);
        if (property !== 'KeyFilePath' || key.startsWith('-----BEGIN ')) {
          expect(refused.body.errors[0].detail).toMatch(says);
        }
        expect(refused.text).not.toContain(key.slice(40, 60));
      }
      expect(lab.counts().authorization).toBe(0);
    });

    it('stops the start where it is the operator’s', async () => {
      const google = { clientId: 'c', privateKey: useless[2]?.[1] };
      await expect(startServer({ configuration: { oauth: { clients: { google } } } })).rejects.toThrow(
        /oauth\.clients\.google\.privateKey .*: is an RSA key of 1024 bits/,
      );
    });
  });

  it('a sign-in with the issuer alone goes to its end', async () => {
    const properties = {
      authSchema: 'oauth2',
      issuer: lab.issuer,
      clientId: lab.client.clientId,
      clientSecret: lab.client.clientSecret,
      scope: 'openid read',
    };
    const first = await create(alice, properties, { authUrlOnly: true });
    const redirect = new URL(first.body.authUrl).searchParams.get('redirect_uri') ?? '';
    lab.addRedirectUri(redirect);
    const { login, password } = lab.users[0];
    const { html } = await walkSignIn({ authUrl: first.body.authUrl, login, password });
    const made = await create(alice, { ...properties, authCode: codeOf(html) });
    expect(made.status).toBe(201);
    expect((await read(alice, made.body.id)).text).toContain('alice');
  });

  it('O11: parameters of the exchange cannot be set from outside', async () => {
    for (const name of [
      'redirect_uri',
      'client_id',
      'code_challenge_method',
      'device_code',
      'assertion',
      'state',
    ]) {
      const refused = await create(alice, device({ [name]: 'x' }), { authUrlOnly: true });
      expect(refused.status, name).toBe(400);
    }
  });
});
