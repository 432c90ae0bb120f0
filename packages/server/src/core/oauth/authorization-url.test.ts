import { createHash } from 'node:crypto';
import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import { full } from '@mooring/lab/test-tier';
import { describe, expect, it } from 'vitest';
import { hiddenClient } from '../config/hidden-client.js';
import { authorizationUrl, createSignInSecrets } from './authorization-url.js';

const preset: OAuthPreset = {
  authorizationEndpoint: 'https://provider.example/auth?tenant=t1#part',
  tokenEndpoint: 'https://provider.example/token',
  scopes: ['read', 'write all'],
  authorizationParameters: { prompt: 'consent', access_type: 'offline' },
  clientAuthentication: 'client_secret_post',
};
const client = hiddenClient({ clientId: 'client 1', clientSecret: 'never-in-the-url' });
const redirectUri = 'https://mooring.example/oauth/callback/one';

describe('the secrets of a sign-in', () => {
  it('O10: are 256 random bits each, and never the same twice', () => {
    const seen = new Set<string>();
    const rounds = full(10_000, 1_000);
    for (let count = 0; count < rounds; count += 1) {
      const { state, codeVerifier } = createSignInSecrets();
      expect(Buffer.from(state, 'base64url')).toHaveLength(32);
      expect(codeVerifier.reveal()).toMatch(/^[\w-]{43}$/);
      seen.add(state).add(codeVerifier.reveal());
    }
    expect(seen.size).toBe(2 * rounds);
  });
});

describe('the authorization URL', () => {
  it('A5, O10: asks for a code with a real S256 challenge, and holds neither verifier nor secret', async () => {
    const secrets = createSignInSecrets();
    const text = await authorizationUrl({ preset, client, redirectUri, ...secrets });
    const url = new URL(text);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      tenant: 't1',
      prompt: 'consent',
      access_type: 'offline',
      client_id: 'client 1',
      response_type: 'code',
      scope: 'read write all',
      redirect_uri: redirectUri,
      state: secrets.state,
      code_challenge: createHash('sha256').update(secrets.codeVerifier.reveal()).digest('base64url'),
      code_challenge_method: 'S256',
    });
    expect(url.hash).toBe('');
    expect(text).not.toContain(secrets.codeVerifier.reveal());
    expect(text).not.toContain('never-in-the-url');
  });

  it('O33: names resource and audience when the provider wants them, and no empty scope', async () => {
    const asking = { ...preset, scopes: [], resource: 'https://api.example', audience: 'api' };
    const url = new URL(
      await authorizationUrl({ preset: asking, client, redirectUri, ...createSignInSecrets() }),
    );
    expect(url.searchParams.get('resource')).toBe('https://api.example');
    expect(url.searchParams.get('audience')).toBe('api');
    expect(url.searchParams.has('scope')).toBe(false);
  });

  it('O11: keeps what protects the exchange, whatever preset or endpoint say', async () => {
    const secrets = createSignInSecrets();
    const forged = {
      state: 'x',
      code_challenge_method: 'plain',
      code_challenge: 'x',
      redirect_uri: 'x',
      scope: 'x',
    };
    const query = new URLSearchParams({ ...forged, client_id: 'x', response_type: 'token' });
    const url = new URL(
      await authorizationUrl({
        preset: {
          ...preset,
          authorizationEndpoint: `https://provider.example/auth?${query}&state=y`,
          authorizationParameters: { ...forged, client_id: 'x', response_type: 'token' },
        },
        client,
        redirectUri,
        ...secrets,
      }),
    );
    expect(url.searchParams.getAll('state')).toEqual([secrets.state]);
    expect(url.searchParams.getAll('code_challenge_method')).toEqual(['S256']);
    expect(url.searchParams.getAll('response_type')).toEqual(['code']);
    expect(url.searchParams.getAll('redirect_uri')).toEqual([redirectUri]);
    expect(url.searchParams.getAll('client_id')).toEqual(['client 1']);
    expect(url.searchParams.getAll('scope')).toEqual(['read write all']);
  });

  it.each([
    undefined,
    '',
    'provider.example/auth',
    'http://provider.example/auth',
    'http://127.0.0.1.evil.example/auth',
    'http://localhost.evil.example/auth',
    'https://user:secret@provider.example/auth',
    'https://user@provider.example/auth',
    'https://:secret@provider.example/auth',
    'javascript:alert(1)',
    'file:///etc/passwd',
  ])('is refused for the endpoint %j', async (authorizationEndpoint) => {
    const { authorizationEndpoint: _, ...rest } = preset;
    const input = {
      preset: { ...rest, ...(authorizationEndpoint === undefined ? {} : { authorizationEndpoint }) },
    };
    await expect(
      authorizationUrl({ ...input, client, redirectUri, ...createSignInSecrets() }),
    ).rejects.toMatchObject({ name: 'OAuthError', kind: 'client_refused' });
  });

  it.each([
    'http://127.0.0.1:9/auth',
    'http://127.9.9.9/auth',
    'http://[::1]:9/auth',
    'http://localhost:9/auth',
  ])('may be plain http on loopback: %s', async (authorizationEndpoint) => {
    const input = { preset: { ...preset, authorizationEndpoint }, client, redirectUri };
    await expect(authorizationUrl({ ...input, ...createSignInSecrets() })).resolves.toContain(
      authorizationEndpoint,
    );
  });
});
