import type { Network } from '@mooring/connectors/spec/network';
import {
  allowInsecureRequests,
  customFetch,
  discoveryRequest,
  OperationProcessingError,
  processDiscoveryResponse,
} from 'oauth4webapi';
import { isPlainLoopback } from './endpoint-scheme.js';
import { askProvider } from './provider-fetch.js';
import { requestHeaders } from './token-endpoint.js';

/** A person waits for the link to sign in, and what is asked here only makes it stricter. */
const metadataTimeoutMs = 3_000;

/**
 * Whether a provider promises to name itself in every redirect (RFC 9207 section 3). Asks its metadata, at the place
 * of OpenID Connect Discovery and then of RFC 8414. Never throws.
 * @returns false when there is no metadata; true also when metadata names another issuer than was asked, so that
 * a redirect counts only when it names the right one itself
 */
export async function issuerPromisesParameter(issuer: string, network: Network): Promise<boolean> {
  if (!URL.canParse(issuer)) return false;
  for (const algorithm of ['oidc', 'oauth2'] as const) {
    try {
      const response = await discoveryRequest(new URL(issuer), {
        algorithm,
        [customFetch]: async (url, options) => {
          const { status, body } = await askProvider(
            { network, tokenTimeoutMs: metadataTimeoutMs },
            url,
            options,
          );
          return Response.json(body ?? {}, { status: status === 200 && body ? 200 : 404 });
        },
        [allowInsecureRequests]: isPlainLoopback(issuer),
        headers: requestHeaders,
      });
      const metadata = await processDiscoveryResponse(new URL(issuer), response);
      return metadata.authorization_response_iss_parameter_supported === true;
    } catch (error) {
      if (isForeignMetadata(error)) return true;
    }
  }
  return false;
}

const isForeignMetadata = (error: unknown): boolean =>
  error instanceof OperationProcessingError && error.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED';
