import { Secret } from '@mooring/connectors/interface/secret';
import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { walkSignIn } from '@mooring/lab/sign-in-walk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hiddenClient } from '../config/hidden-client.js';
import { plain } from './__fixtures__/plain-secrets.js';
import { gateOf, json, startTokenServer, type TokenServer } from './__fixtures__/token-server.js';
import { pollDeviceCode, requestDeviceCode } from './device-grant.js';

const network = gateOf();
const answer = {
  device_code: 'canary-device-code',
  user_code: 'ABCD-EFGH',
  verification_uri: 'https://idp.example/device',
  expires_in: 600,
};

describe('sign-in on another device', () => {
  let lab: LabAuthorizationServer;
  let server: TokenServer;
  beforeAll(async () => {
    lab = await startAuthorizationServer();
    server = await startTokenServer(json(answer));
  });
  afterAll(async () => {
    await lab.close();
    await server[Symbol.asyncDispose]();
  });
  const labCall = () => ({
    preset: {
      tokenEndpoint: lab.tokenEndpoint,
      deviceAuthorizationEndpoint: lab.deviceAuthorizationEndpoint,
      issuer: lab.issuer,
      scopes: ['openid', 'read'],
      clientAuthentication: 'client_secret_basic' as const,
    },
    client: hiddenClient(lab.client),
    network,
    now: Date.now,
  });
  const call = () => ({
    preset: { ...server.preset, deviceAuthorizationEndpoint: `${server.url}/device` },
    client: hiddenClient({ clientId: 'c', clientSecret: 'canary-client-secret' }),
    network,
    now: Date.now,
  });

  it('waits until the user has allowed it, and gets the tokens of that user', async () => {
    const device = await requestDeviceCode(labCall());
    expect(device.intervalSeconds).toBe(5);
    const poll = { ...labCall(), deviceCode: device.deviceCode };
    expect(await pollDeviceCode(poll)).toEqual({ state: 'pending' });
    const { login, password } = lab.users[1];
    const { html } = await walkSignIn({
      authUrl: device.verificationUrl,
      login,
      password,
      endsAtServer: true,
    });
    expect(html).toContain('Signed in');
    const polled = await pollDeviceCode(poll);
    expect(polled).toMatchObject({ state: 'granted', tokens: { subject: 'bob' } });
  });

  it('ends when the user refuses', async () => {
    const device = await requestDeviceCode(labCall());
    const { login, password } = lab.users[0];
    await walkSignIn({
      ...{ authUrl: device.verificationUrl, login, password },
      ...{ decision: 'deny', endsAtServer: true },
    });
    await expect(pollDeviceCode({ ...labCall(), deviceCode: device.deviceCode })).rejects.toMatchObject({
      providerCode: 'access_denied',
    });
  });

  it.each([
    [undefined, 5],
    [1, 5],
    [12, 12],
    [100_000, 60],
  ])('O31: an interval of %s seconds becomes %s', async (interval, seconds) => {
    server.behaviour = json({ ...answer, ...(interval === undefined ? {} : { interval }) });
    expect((await requestDeviceCode(call())).intervalSeconds).toBe(seconds);
  });

  it('O33: asks for scopes and resource, then for the tokens of both, and gives what the page needs', async () => {
    server.received.length = 0;
    server.behaviour = json({
      ...answer,
      verification_uri_complete: 'https://idp.example/device?c=1',
      more: 1,
    });
    const target = { resource: 'https://api.example', audience: 'api' };
    const asking = { ...call(), preset: { ...call().preset, ...target } };
    const device = await requestDeviceCode(asking);
    expect(plain(device)).toEqual({
      deviceCode: answer.device_code,
      userCode: answer.user_code,
      verificationUrl: 'https://idp.example/device?c=1',
      expiresInSeconds: 600,
      intervalSeconds: 5,
    });
    server.behaviour = json({ access_token: 'canary-access-token', token_type: 'bearer' });
    const { deviceCode } = device;
    const polled = await pollDeviceCode({ ...asking, deviceCode });
    expect(polled).toMatchObject({ state: 'granted', tokens: { scope: 'read write' } });
    const own = { client_id: 'c', client_secret: 'canary-client-secret' };
    expect(server.received.map(({ form }) => Object.fromEntries(form))).toEqual([
      { scope: 'read write', ...target, ...own },
      {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        ...{ device_code: answer.device_code, ...target, ...own },
      },
    ]);
    for (const { headers } of server.received) expect(headers['user-agent']).toBe('Mooring');
  });

  it('shows codes and pages of sane length', async () => {
    const begin = async (change: object) => {
      server.behaviour = json({ ...answer, ...change });
      return (await requestDeviceCode(call()).catch(({ kind }) => ({ userCode: kind }))).userCode;
    };
    const code = 'x'.repeat(64);
    expect(await begin({ user_code: code })).toBe(code);
    expect(await begin({ user_code: `${code}x` })).toBe('nonsense');
    const page = `https://idp.example/${'x'.repeat(2048 - 20)}`;
    expect(await begin({ verification_uri: page })).toBe(answer.user_code);
    expect(await begin({ verification_uri: `${page}x` })).toBe('nonsense');
    expect(await begin({ verification_uri: 'idp.example/device' })).toBe('nonsense');
  });

  it('LI21: a refusal says how long to wait or what came instead, and no code of the provider', async () => {
    server.behaviour = json({ error: 'canary_code' }, 429, { 'retry-after': '30' });
    await expect(requestDeviceCode(call())).rejects.toMatchObject({
      ...{ kind: 'rate_limited', retryAfterSeconds: 30, providerCode: undefined, detail: undefined },
    });
    server.behaviour = (response) => response.setHeader('content-type', 'text/html').end('<p>');
    await expect(requestDeviceCode(call())).rejects.toMatchObject({
      ...{ kind: 'nonsense', detail: expect.stringContaining('web page') },
    });
    server.behaviour = json({ error: 'expired_token' }, 400);
    const poll = { ...call(), deviceCode: new Secret('canary-device-code') };
    await expect(pollDeviceCode(poll)).rejects.toMatchObject({ providerCode: 'expired_token' });
    server.behaviour = json({ error: 'canary-device-code' }, 400);
    await expect(pollDeviceCode(poll)).rejects.toMatchObject({ providerCode: undefined });
  });

  it('an endpoint in clear text is asked nothing', async () => {
    const preset = { ...call().preset, deviceAuthorizationEndpoint: 'http://idp.example/device' };
    await expect(requestDeviceCode({ ...call(), preset })).rejects.toMatchObject({ kind: 'egress_refused' });
  });

  it('a provider that asks to slow down is distinguished from one that waits', async () => {
    const poll = { ...call(), deviceCode: new Secret('canary-device-code') };
    server.behaviour = json({ error: 'slow_down' }, 400);
    expect(await pollDeviceCode(poll)).toEqual({ state: 'slower' });
    server.behaviour = json({ error: 'authorization_pending' }, 400);
    expect(await pollDeviceCode(poll)).toEqual({ state: 'pending' });
  });

  it.each([
    ['HTML', '<html>'],
    ['no device code', { ...answer, device_code: 7 }],
    ['no end', { ...answer, expires_in: 'soon' }],
    ['a page that is a script', { ...answer, verification_uri: 'javascript:alert(1)' }],
    ['a page in clear text', { ...answer, verification_uri_complete: 'http://idp.example/device' }],
    ['a user code with line breaks', { ...answer, user_code: 'a\r\nb' }],
  ])('O16: an answer with %s begins nothing, and shows no secret', async (_, body) => {
    server.behaviour = json(body);
    const failure = await requestDeviceCode(call()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'OAuthError' });
    expect(String(failure)).not.toContain('canary');
  });

  it('a provider without the endpoint is asked nothing', async () => {
    server.received.length = 0;
    await expect(requestDeviceCode({ ...call(), preset: server.preset })).rejects.toMatchObject({
      kind: 'client_refused',
    });
    expect(server.received).toEqual([]);
  });
});
