import type { Secret } from '@mooring/connectors/interface/secret';
import {
  authorizationCodeGrantRequest,
  expectNoState,
  processAuthorizationCodeResponse,
  validateAuthResponse,
} from 'oauth4webapi';
import { withRequestedScope } from './requested-scope.js';
import { targetParameters } from './target-parameters.js';
import { requestTokens } from './token-endpoint.js';
import type { ProviderCall, TokenSet } from './types.js';

export interface CodeExchange extends ProviderCall {
  /** Exactly as in the authorization URL. */
  redirectUri: string;
  /** From a redirect that `readRedirect` accepted. */
  code: Secret<string>;
  codeVerifier: Secret<string>;
}

/**
 * Redeems an authorization code (RFC 6749 section 4.1.3, with PKCE). An ID token is validated if the issuer is known.
 * @returns tokens; `scope` is the requested one if the provider sends none (section 5.1)
 * @throws OAuthError. After `unavailable` the code may have been used
 */
export async function exchangeCode(exchange: CodeExchange): Promise<TokenSet> {
  const { preset, redirectUri, code, codeVerifier } = exchange;
  const tokens = await requestTokens(exchange, {
    step: 'code',
    send: ({ server, client, authentication }, options) => {
      // State and issuer were validated when the redirect arrived; only the code was kept.
      const callback = validateAuthResponse(
        server,
        client,
        new URLSearchParams({ code: code.reveal() }),
        expectNoState,
      );
      return authorizationCodeGrantRequest(
        server,
        client,
        authentication,
        callback,
        redirectUri,
        codeVerifier.reveal(),
        {
          ...options,
          additionalParameters: targetParameters(preset),
        },
      );
    },
    process: ({ server, client }, response) => processAuthorizationCodeResponse(server, client, response),
  });
  return withRequestedScope(preset, tokens);
}
