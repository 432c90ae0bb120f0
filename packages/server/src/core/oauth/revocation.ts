import type { Secret } from '@mooring/connectors/interface/secret';
import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import {
  allowInsecureRequests,
  customFetch,
  processRevocationResponse,
  revocationRequest,
} from 'oauth4webapi';
import { isPlainLoopback } from '../egress/plain-loopback.js';
import { askProvider } from './provider-fetch.js';
import { requestHeaders } from './request-headers.js';
import { withEndpoints } from './server-metadata.js';
import { libraryParts } from './token-endpoint.js';
import type { ProviderCall } from './types.js';

export interface RevocationRequest extends ProviderCall {
  /** A refresh token if there is one: with it the provider ends the whole grant. */
  token: Secret<string>;
}

/** `revoked` also if the token was no longer valid; `failed` may be retried. */
export type RevocationOutcome = 'revoked' | 'unsupported' | 'failed';

/** False if there is no endpoint. The metadata of an issuer may name one. */
export const mayRevoke = ({ revocationEndpoint, tokenEndpoint }: OAuthPreset): boolean =>
  revocationEndpoint !== undefined || tokenEndpoint === '';

/** Ends a grant at the provider (RFC 7009). Never throws: no deletion may depend on the outcome. */
export async function revokeToken(given: RevocationRequest): Promise<RevocationOutcome> {
  let outcome: RevocationOutcome = 'failed';
  try {
    const request = await withEndpoints(given);
    const endpoint = request.preset.revocationEndpoint;
    if (endpoint === undefined) return 'unsupported';
    const { server, client, authentication } = await libraryParts(
      request.preset,
      request.client,
      request.now(),
    );
    const response = await revocationRequest(server, client, authentication, request.token.reveal(), {
      [customFetch]: async (url, options) => {
        const { status, body } = await askProvider(request, url, options);
        outcome = outcomeOf(status, body?.['error']);
        return new Response(null, { status: outcome === 'revoked' ? 200 : 400 });
      },
      [allowInsecureRequests]: isPlainLoopback(endpoint),
      headers: requestHeaders,
    });
    await processRevocationResponse(response);
    return outcome;
  } catch {
    return outcome;
  }
}

/** Section 2.2 requires 200 for an unknown token; some providers send the code of RFC 6750 section 3.1 instead. */
function outcomeOf(status: number, error: unknown): RevocationOutcome {
  if (status >= 200 && status < 300) return 'revoked';
  if (status >= 500) return 'failed';
  if (error === 'invalid_token') return 'revoked';
  return error === 'unsupported_token_type' ? 'unsupported' : 'failed';
}
