import type { Secret } from '@mooring/connectors/interface/secret';
import { processRefreshTokenResponse, refreshTokenGrantRequest } from 'oauth4webapi';
import { targetParameters } from './target-parameters.js';
import { requestTokens } from './token-endpoint.js';
import type { ProviderCall, TokenSet } from './types.js';

export interface RefreshRequest extends ProviderCall {
  refreshToken: Secret<string>;
}

/**
 * Refreshes an access token (RFC 6749 section 6).
 * @returns tokens; `refreshToken` is the new one, or the given one if the provider sends none
 * @throws OAuthError; only `grant_dead` proves that the user has to sign in again
 */
export async function refreshGrant(request: RefreshRequest): Promise<TokenSet> {
  const { preset, refreshToken } = request;
  const tokens = await requestTokens(request, {
    step: 'refresh',
    isRenewable: true,
    send: ({ server, client, authentication }, options) =>
      refreshTokenGrantRequest(server, client, authentication, refreshToken.reveal(), {
        ...options,
        additionalParameters: targetParameters(preset),
      }),
    process: ({ server, client }, response) => processRefreshTokenResponse(server, client, response),
  });
  return { refreshToken, ...tokens };
}
