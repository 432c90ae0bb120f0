import type { Network } from '@mooring/connectors/interface/network';
import {
  type AuthorizationServer,
  allowInsecureRequests,
  customFetch,
  discoveryRequest,
  OperationProcessingError,
  processDiscoveryResponse,
} from 'oauth4webapi';
import { isPlainLoopback } from '../egress/plain-loopback.js';
import { OAuthError } from './oauth-error.js';
import { askProvider } from './provider-fetch.js';
import { requestHeaders } from './request-headers.js';

/** Short: a user waits for the link to sign in. */
const metadataTimeoutMs = 3_000;

/**
 * The metadata of an issuer, at the location of OpenID Connect Discovery and then of RFC 8414. The issuer that it names
 * must be identical (RFC 8414 section 3.3).
 * @throws OAuthError `client_refused` without metadata or with metadata of another issuer; `unavailable` or
 * `egress_refused` if it could not be fetched
 */
export async function askMetadata(issuer: string, network: Network): Promise<AuthorizationServer> {
  if (!URL.canParse(issuer))
    throw new OAuthError('client_refused', { detail: 'Its issuer is not a valid URL.' });
  const url = new URL(issuer);
  if (url.protocol !== 'https:' && !isPlainLoopback(issuer)) {
    throw new OAuthError('client_refused', { detail: 'Its issuer must begin with https.' });
  }
  let trouble: OAuthError | undefined;
  for (const algorithm of ['oidc', 'oauth2'] as const) {
    try {
      const response = await discoveryRequest(url, {
        algorithm,
        [customFetch]: async (place, options) => {
          const asking = { network, tokenTimeoutMs: metadataTimeoutMs };
          const { status, body } = await askProvider(asking, place, options);
          if (status >= 500 || status === 429) throw new OAuthError('unavailable');
          return Response.json(body ?? {}, { status: status === 200 && body ? 200 : 404 });
        },
        [allowInsecureRequests]: isPlainLoopback(issuer),
        headers: requestHeaders,
      });
      const metadata = await processDiscoveryResponse(url, response);
      if (metadata.issuer !== issuer) throw foreignMetadata();
      return metadata;
    } catch (error) {
      if (isForeign(error)) throw foreignMetadata();
      if (error instanceof OAuthError) trouble = error;
    }
  }
  throw trouble ?? new OAuthError('client_refused', { detail: 'Its issuer publishes no metadata.' });
}

const foreignDetail = 'Its metadata names another issuer than was asked.';
const foreignMetadata = () => new OAuthError('client_refused', { detail: foreignDetail });
const isForeign = (error: unknown): boolean =>
  (error instanceof OperationProcessingError && error.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') ||
  (error instanceof OAuthError && error.message.includes(foreignDetail));

/**
 * Whether a provider promises `iss` in every redirect (RFC 9207 section 3). Never throws.
 * @returns false without metadata; true also if the metadata names another issuer, so that a redirect is accepted only if it
 * names the right one
 */
export async function issuerPromisesParameter(issuer: string, network: Network): Promise<boolean> {
  try {
    const metadata = await askMetadata(issuer, network);
    return metadata.authorization_response_iss_parameter_supported === true;
  } catch (error) {
    return isForeign(error);
  }
}
