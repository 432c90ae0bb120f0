import { Secret } from '@mooring/connectors/interface/secret';
import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import { calculatePKCECodeChallenge, generateRandomCodeVerifier, generateRandomState } from 'oauth4webapi';
import { isPlainLoopback } from '../egress/plain-loopback.js';
import { OAuthError } from './oauth-error.js';
import { scopeParameter } from './requested-scope.js';
import { targetParameters } from './target-parameters.js';
import type { OAuthClient } from './types.js';

export interface SignInSecrets {
  /** 256 random bits, base64url. */
  state: string;
  /** PKCE verifier (RFC 7636 section 4.1), 256 random bits, base64url. Sent to the token endpoint only. */
  codeVerifier: Secret<string>;
}

export function createSignInSecrets(): SignInSecrets {
  return { state: generateRandomState(), codeVerifier: new Secret(generateRandomCodeVerifier()) };
}

export interface AuthorizationUrlInput extends SignInSecrets {
  preset: OAuthPreset;
  client: OAuthClient;
  redirectUri: string;
}

/**
 * URL of the sign-in page (RFC 6749 section 4.1.1, PKCE S256). The preset's parameters never replace those that protect
 * the exchange.
 * @throws OAuthError `client_refused` unless the authorization endpoint is https, or http on loopback
 */
export async function authorizationUrl(input: AuthorizationUrlInput): Promise<string> {
  const url = parseEndpoint(input.preset.authorizationEndpoint);
  const parameters = await authorizationParameters(input);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

export async function authorizationParameters(input: AuthorizationUrlInput): Promise<Record<string, string>> {
  const { preset, client } = input;
  return {
    ...preset.authorizationParameters,
    ...targetParameters(preset),
    client_id: client.clientId,
    response_type: 'code',
    ...scopeParameter(preset),
    redirect_uri: input.redirectUri,
    state: input.state,
    code_challenge: await calculatePKCECodeChallenge(input.codeVerifier.reveal()),
    code_challenge_method: 'S256',
  };
}

/** @throws OAuthError `client_refused` unless it is https, or http on loopback, and without a user */
export function parseEndpoint(endpoint: string | undefined): URL {
  if (endpoint === undefined || !URL.canParse(endpoint)) {
    throw new OAuthError('client_refused', { detail: 'Its authorization endpoint is not a valid URL.' });
  }
  const url = new URL(endpoint);
  const isSafe = url.protocol === 'https:' || isPlainLoopback(endpoint);
  if (!isSafe || url.username !== '' || url.password !== '') {
    throw new OAuthError('client_refused', { detail: 'Its authorization endpoint must begin with https.' });
  }
  url.hash = '';
  return url;
}
