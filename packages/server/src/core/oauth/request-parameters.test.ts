import { type LabAuthorizationServer, startAuthorizationServer } from '@mooring/lab/authorization-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hiddenClient } from '../config/hidden-client.js';
import { good, startTokenProbe, type TokenProbe } from './__fixtures__/token-probe.js';
import { gateOf, json } from './__fixtures__/token-server.js';
import { authorizationUrl, createSignInSecrets } from './authorization-url.js';
import { requestClientCredentials } from './client-credentials-grant.js';

describe('what a preset asks for', () => {
  let probe: TokenProbe;
  let lab: LabAuthorizationServer;
  beforeAll(async () => {
    probe = await startTokenProbe();
    lab = await startAuthorizationServer();
  });
  afterAll(async () => {
    await probe[Symbol.asyncDispose]();
    await lab.close();
  });
  const last = () => Object.fromEntries(probe.server.received.at(-1)?.form ?? []);
  const linkOf = async (preset: typeof probe.server.preset) => {
    const secrets = createSignInSecrets();
    const redirectUri = 'https://m.example/cb';
    const url = await authorizationUrl({ preset, client: probe.call.client, redirectUri, ...secrets });
    return Object.fromEntries(new URL(url).searchParams);
  };

  it('O33: resource and audience go with every request of a grant', async () => {
    const target = { resource: 'https://api.example/v1', audience: 'api' };
    const preset = { ...probe.server.preset, ...target };
    expect(await linkOf(preset)).toMatchObject(target);
    await probe.exchange(json(good), { preset });
    expect(last()).toMatchObject(target);
    await probe.refresh(json(good), { preset });
    expect(last()).toMatchObject(target);
    await requestClientCredentials({ ...probe.call, preset });
    expect(last()).toMatchObject(target);
  });

  it('without them, none is sent', async () => {
    await probe.refresh(json(good));
    expect(Object.keys(last())).not.toContain('resource');
    expect(Object.keys(last())).not.toContain('audience');
  });

  it('O33: a token asked for one resource is meant for that resource', async () => {
    const resource = 'https://api.example/v1';
    const { accessToken } = await requestClientCredentials({
      preset: {
        tokenEndpoint: lab.tokenEndpoint,
        scopes: ['read'],
        resource,
        clientAuthentication: 'client_secret_post',
      },
      client: hiddenClient(lab.machineClient),
      network: gateOf(),
      now: Date.now,
    });
    expect(await lab.verifyAccessToken(accessToken.reveal())).toMatchObject({
      active: true,
      audience: resource,
    });
  });

  it('the account scopes join the others once, with the separator the provider wants', async () => {
    const preset = {
      ...probe.server.preset,
      scopes: ['read', 'openid'],
      accountScopes: ['openid', 'email'],
      scopeSeparator: ',' as const,
    };
    expect((await linkOf(preset))['scope']).toBe('read,openid,email');
    expect(await probe.exchange(json(good), { preset })).toMatchObject({ scope: 'read openid email' });
    await requestClientCredentials({ ...probe.call, preset });
    expect(last()['scope']).toBe('read,openid');
  });
});
