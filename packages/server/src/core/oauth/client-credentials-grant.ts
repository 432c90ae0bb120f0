import { clientCredentialsGrantRequest, processClientCredentialsResponse } from 'oauth4webapi';
import { scopeParameter, withRequestedScope } from './requested-scope.js';
import { targetParameters } from './target-parameters.js';
import { requestTokens } from './token-endpoint.js';
import type { ProviderCall, TokenSet } from './types.js';

/**
 * A token for the client itself (RFC 6749 section 4.4).
 * @throws OAuthError
 */
export async function requestClientCredentials(call: ProviderCall): Promise<TokenSet> {
  // A client has no account.
  const { accountScopes: _account, ...preset } = call.preset;
  const parameters = { ...scopeParameter(preset), ...targetParameters(preset) };
  const tokens = await requestTokens(call, {
    step: 'client',
    isRenewable: true,
    send: ({ server, client, authentication }, options) =>
      clientCredentialsGrantRequest(server, client, authentication, parameters, options),
    process: ({ server, client }, response) => processClientCredentialsResponse(server, client, response),
  });
  // Section 4.4.3 forbids a refresh token here, and one kept by accident would outlive the client.
  const { refreshToken: _, ...own } = tokens;
  return withRequestedScope(preset, own);
}
