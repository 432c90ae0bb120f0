import { Secret } from '@mooring/connectors/interface/secret';
import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import { decodeJwt } from 'jose';
import {
  type AuthorizationServer,
  allowInsecureRequests,
  type Client,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  clockSkew,
  clockTolerance,
  customFetch,
  getValidatedIdTokenClaims,
  None,
  OperationProcessingError,
  PrivateKeyJwt,
  type TokenEndpointRequestOptions,
  type TokenEndpointResponse,
  UnsupportedOperationError,
} from 'oauth4webapi';
import { isPlainLoopback } from '../egress/plain-loopback.js';
import { type Account, accountInAnswer, askAccount } from './account.js';
import type { GrantStep } from './answers.js';
import { namedApi } from './api-origin.js';
import { OAuthError } from './oauth-error.js';
import { readPrivateKey } from './private-key.js';
import { createTokenFetch } from './provider-fetch.js';
import { requestHeaders } from './request-headers.js';
import { withEndpoints } from './server-metadata.js';
import type { OAuthClient, ProviderCall, TokenSet } from './types.js';

/** Parameters of the library's functions. */
export interface LibraryParts {
  server: AuthorizationServer;
  client: Client;
  authentication: ClientAuth;
}

export interface TokenRequest {
  step: GrantStep;
  /** The token can be requested again, with or without a new refresh token. */
  isRenewable?: boolean;
  send: (parts: LibraryParts, options: TokenEndpointRequestOptions) => Promise<Response>;
  process: (parts: LibraryParts, response: Response) => Promise<TokenEndpointResponse>;
}

/** Asymmetric only: a signature with the client's own secret, or `none`, proves nothing. */
const idTokenAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
];
const clockToleranceSeconds = 600;
const forbiddenTargets = ['OAUTH_HTTP_REQUEST_FORBIDDEN', 'OAUTH_REQUEST_PROTOCOL_FORBIDDEN'];
const brokenTargets = ['OAUTH_MISSING_SERVER_METADATA', 'OAUTH_INVALID_SERVER_METADATA'];

/**
 * Sends a request to the token endpoint through the library.
 * @throws OAuthError for every failure
 */
export async function requestTokens(given: ProviderCall, request: TokenRequest): Promise<TokenSet> {
  const call = await withEndpoints(given);
  const { now } = call;
  const sentAt = now();
  const parts = await libraryParts(call.preset, call.client, sentAt);
  const isSignIn = request.step === 'code' || request.step === 'device';
  let account: Account | undefined;
  let apiUrl: string | undefined;
  let { issuer } = call.preset;
  const body = {
    isRenewable: request.isRenewable === true,
    // Without a known issuer an ID token cannot be validated, and in a refresh it could only cost the new tokens.
    keepsIdToken(idToken: string) {
      issuer ??= issuerNamed(idToken, call.preset);
      return isSignIn && issuer !== undefined;
    },
    onBody(answer: Readonly<Record<string, unknown>>) {
      if (isSignIn) account = accountInAnswer(call.preset, answer);
      apiUrl = namedApi(call.preset, answer);
    },
  };
  try {
    const response = await request.send(parts, {
      [customFetch]: createTokenFetch(call, request.step, body),
      [allowInsecureRequests]: isPlainLoopback(call.preset.tokenEndpoint),
      headers: requestHeaders,
    });
    const server = issuer === undefined ? parts.server : { ...parts.server, issuer };
    const issued = toTokenSet(await request.process({ ...parts, server }, response), sentAt);
    const tokens = apiUrl === undefined ? issued : { ...issued, apiUrl };
    if (!isSignIn || tokens.subject !== undefined) return tokens;
    return { ...tokens, ...(account ?? (await askAccount(call, tokens.accessToken))) };
  } catch (error) {
    throw translateLibraryError(error);
  }
}

/** The issuer that an ID token names, if the preset has only a pattern for it. */
function issuerNamed(idToken: string, { idTokenIssuer }: OAuthPreset): string | undefined {
  if (idTokenIssuer === undefined) return undefined;
  try {
    const { iss } = decodeJwt(idToken);
    return iss !== undefined && idTokenIssuer.test(iss) ? iss : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param now milliseconds since the epoch, for the times in ID tokens
 * @throws OAuthError `client_refused` for an unusable private key
 */
export async function libraryParts(
  preset: OAuthPreset,
  client: OAuthClient,
  now: number,
): Promise<LibraryParts> {
  const { deviceAuthorizationEndpoint, pushedAuthorizationRequestEndpoint } = preset;
  return {
    server: {
      // The library requires one; it is compared only if the preset names it.
      issuer: preset.issuer ?? preset.tokenEndpoint,
      token_endpoint: preset.tokenEndpoint,
      ...(preset.revocationEndpoint === undefined ? {} : { revocation_endpoint: preset.revocationEndpoint }),
      ...(deviceAuthorizationEndpoint === undefined
        ? {}
        : { device_authorization_endpoint: deviceAuthorizationEndpoint }),
      ...(pushedAuthorizationRequestEndpoint === undefined
        ? {}
        : { pushed_authorization_request_endpoint: pushedAuthorizationRequestEndpoint }),
      id_token_signing_alg_values_supported: idTokenAlgorithms,
    },
    client: {
      client_id: client.clientId,
      [clockSkew]: Math.round((now - Date.now()) / 1000),
      [clockTolerance]: clockToleranceSeconds,
    },
    authentication: await authenticationOf(preset, client),
  };
}

async function authenticationOf(
  preset: OAuthPreset,
  { clientSecret, privateKey, keyId }: OAuthClient,
): Promise<ClientAuth> {
  if (preset.clientAuthentication === 'private_key_jwt') {
    const { key } = await readPrivateKey(privateKey);
    return PrivateKeyJwt(keyId === undefined ? key : { key, kid: keyId });
  }
  if (preset.clientAuthentication === 'none' || !clientSecret) return None();
  return preset.clientAuthentication === 'client_secret_basic'
    ? ClientSecretBasic(clientSecret.reveal())
    : ClientSecretPost(clientSecret.reveal());
}

/** Some providers have the e-mail address only in `preferred_username`, where others have a short name. */
const isAddress = (value: unknown): value is string =>
  typeof value === 'string' && /^[^@]+@[^@]+$/.test(value);

function toTokenSet(response: TokenEndpointResponse, sentAt: number): TokenSet {
  if (response.token_type !== 'bearer')
    throw new OAuthError('nonsense', { detail: 'The token is not a bearer token.' });
  const claims = getValidatedIdTokenClaims(response);
  const email = [claims?.['email'], claims?.['preferred_username']].find(isAddress);
  return {
    accessToken: new Secret(response.access_token),
    ...(response.refresh_token === undefined ? {} : { refreshToken: new Secret(response.refresh_token) }),
    ...(response.expires_in === undefined ? {} : { expiresAt: sentAt + response.expires_in * 1000 }),
    ...(response.scope === undefined ? {} : { scope: response.scope }),
    ...(claims === undefined ? {} : { subject: claims.sub }),
    ...(email === undefined ? {} : { email }),
  };
}

/** Errors of the library hold the response, and with it tokens: only their code is kept. */
export function translateLibraryError(error: unknown): unknown {
  if (!(error instanceof OperationProcessingError || error instanceof UnsupportedOperationError))
    return error;
  const code = error.code ?? '';
  if (forbiddenTargets.includes(code)) {
    return new OAuthError('egress_refused', { detail: 'Its URL must begin with https.' });
  }
  if (brokenTargets.includes(code))
    return new OAuthError('client_refused', { detail: 'It is not a valid URL.' });
  return new OAuthError('nonsense', { detail: `It failed the check ${code}.` });
}
