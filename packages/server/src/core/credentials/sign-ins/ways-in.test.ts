import { listenOnLoopback } from '@mooring/lab/loopback-http';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { describe, expect, it } from 'vitest';
import { codeOf } from './__fixtures__/callback-page.js';
import { door, waysInCase } from './__fixtures__/ways-in-case.js';

describe('sign-ins other than by a pasted code', () => {
  const { given, create, device, read, asDevice, stateOf, devicePolls } = waysInCase();

  describe('a sign-in on another device', () => {
    it('O31: goes to its end with the id in place of the code; the device code never leaves the server', async () => {
      const begun = await create(given.alice, device(), { authUrlOnly: true });
      expect(begun.status).toBe(201);
      expect(begun.body).toMatchObject({ userCode: expect.stringMatching(/^[A-Z-]{9}$/) });
      expect(Object.keys(begun.body).toSorted()).toEqual(['authUrl', 'expiresAt', 'signInId', 'userCode']);
      await asDevice(begun.body.authUrl);
      expect((await stateOf(given.alice, begun.body.signInId)).state).toBe('arrived');
      const made = await create(given.alice, device({ authCode: begun.body.signInId }));
      expect(made.status).toBe(201);
      const rows = await read(given.alice, made.body.id);
      expect(rows.text).toContain('alice');
      expect((await stateOf(given.alice, begun.body.signInId)).state).toBe('completed');
      const again = await create(given.alice, device({ authCode: begun.body.signInId }));
      expect(again.body.errors[0].code).toBe('SIGN-IN-INVALID');
    });

    it('O31: however often its user looks, the provider is asked once in five seconds', async () => {
      const begun = await create(given.alice, device(), { authUrlOnly: true });
      const states = await Promise.all(
        Array.from({ length: 30 }, () => stateOf(given.alice, begun.body.signInId)),
      );
      expect(new Set(states.map(({ state }) => state))).toEqual(new Set(['pending']));
      expect(devicePolls()).toBe(1);
      const early = await create(given.alice, device({ authCode: begun.body.signInId }));
      expect(early).toMatchObject({ status: 409 });
      expect(early.body.errors[0].code).toBe('SIGN-IN-IN-PROGRESS');
      expect(devicePolls()).toBe(1);
    });

    it('O31, O05: another user gets 404, causes no poll and cannot complete it', async () => {
      const begun = await create(given.alice, device(), { authUrlOnly: true });
      expect((await given.bob.api.get(`/api/v1/sign-ins/${begun.body.signInId}`)).status).toBe(404);
      await asDevice(begun.body.authUrl);
      const stolen = await create(given.bob, device({ authCode: begun.body.signInId }));
      expect(stolen.body.errors[0].code).toBe('SIGN-IN-INVALID');
      expect(devicePolls()).toBe(0);
      expect((await create(given.alice, device({ authCode: begun.body.signInId }))).status).toBe(201);
    });

    it('a refusal of the user ends it', async () => {
      const begun = await create(given.alice, device(), { authUrlOnly: true });
      await asDevice(begun.body.authUrl, 'alice', 'deny');
      expect(await stateOf(given.alice, begun.body.signInId)).toMatchObject({
        state: 'failed',
        error: 'access_denied',
      });
    });

    it('serves only the destination it was begun for', async () => {
      const begun = await create(given.alice, device(), { authUrlOnly: true });
      await asDevice(begun.body.authUrl);
      const other = await create(
        given.alice,
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
        given.alice,
        {
          authSchema: 'oauth2Device',
          deviceAuthorizationUrl: `${provider.url}/device`,
          tokenUrl: `${provider.url}/token`,
          clientId: 'c',
        },
        { authUrlOnly: true },
      );
      expect((await stateOf(given.alice, begun.body.signInId)).state).toBe('arrived');
      await provider.close();
      const everywhere = begun.text + given.server.logText() + (await given.server.storedText());
      expect(everywhere).not.toContain(deviceCode);
      expect(everywhere).not.toContain(token);
    });
  });

  describe('a refresh token that was issued elsewhere', () => {
    const properties = (more: object = {}) => ({
      authSchema: 'oauth2',
      issuer: given.lab.issuer,
      clientId: given.lab.client.clientId,
      clientSecret: given.lab.client.clientSecret,
      scope: 'openid read',
      ...more,
    });
    /** A grant that another program got for alice, or for bob. */
    const issued = async (login: 'alice' | 'bob' = 'alice'): Promise<string> => {
      const basic = Buffer.from(`${given.lab.client.clientId}:${given.lab.client.clientSecret}`).toString(
        'base64',
      );
      const post = async (url: string, form: Record<string, string>) =>
        (
          await fetch(url, {
            method: 'POST',
            headers: { authorization: `Basic ${basic}` },
            body: new URLSearchParams(form),
          })
        ).json() as Promise<Record<string, string>>;
      const begun = await post(given.lab.deviceAuthorizationEndpoint, { scope: 'openid read' });
      await asDevice(begun['verification_uri_complete'] ?? '', login);
      const tokens = await post(given.lab.tokenEndpoint, {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        device_code: begun['device_code'] ?? '',
      });
      given.lab.resetCounts();
      return tokens['refresh_token'] ?? '';
    };

    it('is used once before it is stored, and what came back is what is kept', async () => {
      const refreshToken = await issued();
      const made = await create(given.alice, properties({ refreshToken }));
      expect(made.status).toBe(201);
      expect(given.lab.counts().token.refresh_token).toBe(1);
      given.lab.expireAccessTokens();
      // The lab rotates: the pasted token would end the whole grant if it were used again.
      const rows = await read(given.alice, made.body.id);
      expect(rows.text).toContain('alice');
      expect(await given.server.storedText()).not.toContain(refreshToken);
    });

    it('that is dead is a 400 with the class of the answer, and nothing is stored', async () => {
      const refused = await create(given.alice, properties({ refreshToken: 'canary-dead-refresh-token' }));
      expect(refused.status).toBe(400);
      expect(refused.body.errors[0].code).toBe('PROVIDER-REFUSED');
      expect(refused.body.errors[0].detail).toContain('invalid_grant');
      expect(refused.text).not.toContain('canary');
      const mine = await given.alice.api.get(`${door}?limit=100`);
      expect(mine.text).not.toContain(`ways ${given.serial}"`);
    });

    it('that cannot be verified is not stored, and is not reported as dead', async () => {
      given.lab.switches.tokenNext = [{ kind: 'answer', answer: { status: 503, body: 'down' } }];
      const unknown = await create(given.alice, properties({ refreshToken: 'canary-unproven' }));
      expect(unknown.body.errors[0].code).toBe('PROVIDER-FAILED');
    });

    it('LI12: of an account that is not known to be the same waits for a choice, and the existing grant keeps working', async () => {
      const made = await create(given.alice, properties({ refreshToken: await issued() }));
      const other = await issued('bob');
      const path = '/connectionProperties/refreshToken';
      const pasted = await given.alice.api.patch(`${door}/${made.body.id}`, [
        { op: 'replace', path, value: other },
      ]);
      expect([pasted.status, pasted.body.errors[0].code]).toEqual([409, 'SIGN-IN-ACCOUNT-DIFFERS']);
      expect((await read(given.alice, made.body.id)).text).toContain('alice');
      const { choose, signInId } = pasted.body.errors[0].meta;
      expect(await stateOf(given.alice, signInId)).toMatchObject({ state: 'needs_choice' });
      expect((await given.bob.api.post(choose, { choice: 'replace' })).status).toBe(404);
      expect((await given.alice.api.post(choose, { choice: 'replace' })).status).toBeLessThan(300);
      given.lab.expireAccessTokens();
      expect((await read(given.alice, made.body.id)).text).toContain('bob');
      expect(await given.server.storedText()).not.toContain(other);
    });

    it('and a code together are refused before either is used', async () => {
      const both = await create(given.alice, properties({ refreshToken: 'a', authCode: 'b' }));
      expect(both.status).toBe(400);
      expect(given.lab.counts().token).toMatchObject({ refresh_token: 0, authorization_code: 0 });
    });
  });

  it('a sign-in with the issuer alone goes to its end', async () => {
    const properties = {
      authSchema: 'oauth2',
      issuer: given.lab.issuer,
      clientId: given.lab.client.clientId,
      clientSecret: given.lab.client.clientSecret,
      scope: 'openid read',
    };
    const first = await create(given.alice, properties, { authUrlOnly: true });
    const redirect = new URL(first.body.authUrl).searchParams.get('redirect_uri') ?? '';
    given.lab.addRedirectUri(redirect);
    const { login, password } = given.lab.users[0];
    const { html } = await walkSignIn({ authUrl: first.body.authUrl, login, password });
    const made = await create(given.alice, { ...properties, authCode: codeOf(html) });
    expect(made.status).toBe(201);
    expect((await read(given.alice, made.body.id)).text).toContain('alice');
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
      const refused = await create(given.alice, device({ [name]: 'x' }), { authUrlOnly: true });
      expect(refused.status, name).toBe(400);
    }
  });
});
