import {
  allowInsecureRequests,
  customFetch,
  processPushedAuthorizationResponse,
  pushedAuthorizationRequest,
} from 'oauth4webapi';
import { isPlainLoopback } from '../egress/plain-loopback.js';
import {
  type AuthorizationUrlInput,
  authorizationParameters,
  authorizationUrl,
  parseEndpoint,
} from './authorization-url.js';
import { createEndpointFetch } from './endpoint-fetch.js';
import { requestHeaders } from './request-headers.js';
import { withEndpoints } from './server-metadata.js';
import { libraryParts, translateLibraryError } from './token-endpoint.js';
import type { ProviderCall } from './types.js';

/**
 * The link to sign in. If the provider takes pushed authorization requests, it holds only a reference to the request (RFC
 * 9126 section 4).
 * @throws OAuthError
 */
export async function signInUrl(given: AuthorizationUrlInput & ProviderCall): Promise<string> {
  const input = await withEndpoints(given);
  const endpoint = input.preset.pushedAuthorizationRequestEndpoint;
  if (endpoint === undefined) return authorizationUrl(input);
  const url = parseEndpoint(input.preset.authorizationEndpoint);
  try {
    const { server, client, authentication } = await libraryParts(input.preset, input.client, input.now());
    // Parameters in the endpoint's own query count only in the pushed request (RFC 9126 section 4).
    const parameters = new URLSearchParams(url.search);
    for (const [name, value] of Object.entries(await authorizationParameters(input)))
      parameters.set(name, value);
    const response = await pushedAuthorizationRequest(server, client, authentication, parameters, {
      [customFetch]: createEndpointFetch(input, ['request_uri', 'expires_in'], 201),
      [allowInsecureRequests]: isPlainLoopback(endpoint),
      headers: requestHeaders,
    });
    const pushed = await processPushedAuthorizationResponse(server, client, response);
    url.searchParams.set('client_id', input.client.clientId);
    url.searchParams.set('request_uri', pushed.request_uri);
    return url.href;
  } catch (error) {
    throw translateLibraryError(error);
  }
}
