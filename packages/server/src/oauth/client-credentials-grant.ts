import { clientCredentialsGrantRequest, processClientCredentialsResponse } from 'oauth4webapi';
import { requestTokens } from './token-endpoint.js';
import type { ProviderCall, TokenSet } from './types.js';

/**
 * A token for the client itself (RFC 6749 section 4.4).
 * @throws OAuthError
 */
export async function requestClientCredentials(call: ProviderCall): Promise<TokenSet> {
  const { scopes, resource, audience } = call.preset;
  const parameters = {
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    ...(resource === undefined ? {} : { resource }),
    ...(audience === undefined ? {} : { audience }),
  };
  const tokens = await requestTokens(call, {
    step: 'client',
    isRenewable: true,
    send: ({ server, client, authentication }, options) =>
      clientCredentialsGrantRequest(server, client, authentication, parameters, options),
    process: ({ server, client }, response) => processClientCredentialsResponse(server, client, response),
  });
  // Section 4.4.3 lets no refresh token be part of this, and one kept by accident would outlive the client.
  const { refreshToken: _, ...own } = tokens;
  return scopes.length === 0 ? own : { scope: scopes.join(' '), ...own };
}
