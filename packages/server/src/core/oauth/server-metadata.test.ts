import type { ServerResponse } from 'node:http';
import { startAuthorizationServer } from '@mooring/lab/authorization-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hiddenClient } from '../config/hidden-client.js';
import {
  type Behaviour,
  gateOf,
  json,
  startTokenServer,
  type TokenServer,
} from './__fixtures__/token-server.js';
import { requestClientCredentials } from './client-credentials-grant.js';
import { issuerPromisesParameter } from './discovery.js';
import { type Asking, withEndpoints } from './server-metadata.js';

const presetOf = (issuer: string) => ({
  issuer,
  tokenEndpoint: '',
  scopes: [],
  clientAuthentication: 'client_secret_post' as const,
});
const endpointsOf = async (issuer: string, network = gateOf(), now: () => number = Date.now) =>
  (await withEndpoints<Asking>({ preset: presetOf(issuer), network, now })).preset;

describe('endpoints by issuer', () => {
  let server: TokenServer;
  beforeAll(async () => {
    server = await startTokenServer(json({}, 404));
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const metadata = (more: object = {}) => ({
    issuer: server.url,
    token_endpoint: `${server.url}/token`,
    ...more,
  });
  const only =
    (place: string, behaviour: Behaviour): Behaviour =>
    (response: ServerResponse, request) =>
      (request.path.startsWith(place) ? behaviour : json({}, 404))(response, request);

  it('a client of a real server gets its token with the issuer alone', async () => {
    const lab = await startAuthorizationServer();
    try {
      const preset = await endpointsOf(lab.issuer);
      expect(preset).toMatchObject({
        tokenEndpoint: lab.tokenEndpoint,
        authorizationEndpoint: lab.authorizationEndpoint,
        revocationEndpoint: lab.revocationEndpoint,
        deviceAuthorizationEndpoint: lab.deviceAuthorizationEndpoint,
      });
      const { accessToken } = await requestClientCredentials({
        preset: presetOf(lab.issuer),
        client: hiddenClient(lab.machineClient),
        network: gateOf(),
        now: Date.now,
      });
      expect((await lab.verifyAccessToken(accessToken.reveal())).active).toBe(true);
    } finally {
      await lab.close();
    }
  });

  it('are asked for only when the preset leaves them to the issuer, and never replace its own', async () => {
    server.behaviour = json(
      metadata({
        revocation_endpoint: `${server.url}/theirs`,
        device_authorization_endpoint: `${server.url}/d`,
      }),
    );
    const given = { ...presetOf(server.url), revocationEndpoint: 'https://own.example/revoke' };
    const asking = { network: gateOf(), now: Date.now };
    expect((await withEndpoints<Asking>({ ...asking, preset: given })).preset).toEqual({
      ...given,
      tokenEndpoint: `${server.url}/token`,
      deviceAuthorizationEndpoint: `${server.url}/d`,
    });
    server.received.length = 0;
    const whole = { ...given, tokenEndpoint: 'https://own.example/token' };
    expect((await withEndpoints<Asking>({ ...asking, preset: whole })).preset).toBe(whole);
    expect(server.received).toEqual([]);
  });

  it('are found at the place of RFC 8414 too', async () => {
    server.behaviour = only('/.well-known/oauth-authorization-server', json(metadata()));
    expect((await endpointsOf(server.url)).tokenEndpoint).toBe(`${server.url}/token`);
  });

  it('push authorization requests only where the server requires it', async () => {
    const pushed = { pushed_authorization_request_endpoint: `${server.url}/par` };
    server.behaviour = json(metadata(pushed));
    expect(await endpointsOf(server.url)).not.toHaveProperty('pushedAuthorizationRequestEndpoint');
    server.behaviour = json(metadata({ ...pushed, require_pushed_authorization_requests: true }));
    expect((await endpointsOf(server.url)).pushedAuthorizationRequestEndpoint).toBe(`${server.url}/par`);
  });

  it('O09: metadata of another issuer is refused, a final slash included', async () => {
    for (const issuer of ['https://evil.example', `${server.url}/`]) {
      server.behaviour = json(metadata({ issuer }));
      server.received.length = 0;
      await expect(endpointsOf(server.url)).rejects.toMatchObject({ kind: 'client_refused' });
      // No other place makes that good.
      expect(server.received).toHaveLength(1);
    }
  });

  it.each<[string, (at: string) => Behaviour, string]>([
    ['nowhere', () => json({}, 404), 'client_refused'],
    ['as no object', () => json('[]'), 'client_refused'],
    ['with another success', () => json(metadata(), 203), 'client_refused'],
    ['nowhere now', () => json({}, 500), 'unavailable'],
    ['nowhere for those in a hurry', () => json({}, 429), 'unavailable'],
    ['perhaps at the first place', () => only('/.well-known/openid', json({}, 503)), 'unavailable'],
    ['perhaps at the second place', () => only('/.well-known/oauth', json({}, 503)), 'unavailable'],
  ])('O25: an issuer that publishes metadata %s has its own failure', async (_, behaviour, kind) => {
    server.behaviour = behaviour(server.url);
    await expect(endpointsOf(server.url)).rejects.toMatchObject({ kind });
    expect(await issuerPromisesParameter(server.url, gateOf())).toBe(false);
  });

  it('O09: iss is promised by true, and by nothing else', async () => {
    for (const [value, isPromised] of [
      [true, true],
      ['true', false],
      [undefined, false],
    ]) {
      server.behaviour = json(metadata({ authorization_response_iss_parameter_supported: value }));
      expect(await issuerPromisesParameter(server.url, gateOf())).toBe(isPromised);
    }
  });

  it('a gate that is shut is the reason, not the issuer', async () => {
    await expect(endpointsOf(server.url, gateOf('deny'))).rejects.toMatchObject({ kind: 'egress_refused' });
    await expect(endpointsOf('no url')).rejects.toMatchObject({ kind: 'client_refused' });
  });

  it('O33: an issuer elsewhere names no endpoint on this machine', async () => {
    const network = {
      fetch: async () =>
        Response.json({ issuer: 'https://idp.example', token_endpoint: 'http://127.0.0.1:9/token' }),
    } as unknown as ReturnType<typeof gateOf>;
    await expect(endpointsOf('https://idp.example', network)).rejects.toMatchObject({
      kind: 'client_refused',
    });
  });

  it('an issuer in clear text is asked nothing', async () => {
    server.received.length = 0;
    await expect(endpointsOf('http://idp.example')).rejects.toMatchObject({ kind: 'client_refused' });
    expect(server.received).toEqual([]);
  });

  it('are asked for once in ten minutes, and after a failure again', async () => {
    const network = gateOf();
    let now = 1_000_000;
    server.behaviour = json({}, 503);
    await expect(endpointsOf(server.url, network, () => now)).rejects.toMatchObject({ kind: 'unavailable' });
    server.behaviour = json(metadata());
    server.received.length = 0;
    await Promise.all(Array.from({ length: 20 }, () => endpointsOf(server.url, network, () => now)));
    expect(server.received).toHaveLength(1);
    now += 10 * 60_000 - 1;
    await endpointsOf(server.url, network, () => now);
    expect(server.received).toHaveLength(1);
    // What one network may reach is nothing that another may.
    await endpointsOf(server.url, gateOf(), () => now);
    expect(server.received).toHaveLength(2);
    server.received.length = 1;
    now += 2;
    await endpointsOf(server.url, network, () => now);
    expect(server.received).toHaveLength(2);
  });

  it.each<[string, Behaviour]>([
    ['HTML', (response) => response.end('<html>sign in</html>')],
    ['a redirect', (response) => response.writeHead(302, { location: 'https://evil.example/' }).end()],
    ['50 MB', (response) => response.end(Buffer.alloc(50 * 1024 * 1024, 0x20))],
    ['no token endpoint', (response) => json({ issuer: server.url })(response, {} as never)],
    [
      'a token endpoint that is a number',
      (response) => json(metadata({ token_endpoint: 7 }))(response, {} as never),
    ],
    [
      'an endpoint elsewhere in clear text',
      (response) =>
        json(metadata({ authorization_endpoint: 'http://idp.example/auth' }))(response, {} as never),
    ],
    [
      'a script for an endpoint',
      (response) => json(metadata({ token_endpoint: 'javascript:1' }))(response, {} as never),
    ],
    [
      '__proto__',
      (response) =>
        json(`{"__proto__":{"token_endpoint":"${server.url}/x"},"issuer":"${server.url}"}`)(
          response,
          {} as never,
        ),
    ],
  ])('O16: metadata that is %s ends in a typed error', async (_, behaviour) => {
    server.behaviour = behaviour;
    const network = gateOf();
    await expect(endpointsOf(server.url, network)).rejects.toMatchObject({ name: 'OAuthError' });
    expect(({} as Record<string, unknown>)['token_endpoint']).toBeUndefined();
  });
});
