import { Secret } from '@mooring/connectors/interface/secret';
import {
  allowInsecureRequests,
  customFetch,
  deviceAuthorizationRequest,
  deviceCodeGrantRequest,
  processDeviceAuthorizationResponse,
  processDeviceCodeResponse,
} from 'oauth4webapi';
import { isPlainLoopback } from '../egress/plain-loopback.js';
import { createEndpointFetch } from './endpoint-fetch.js';
import { OAuthError } from './oauth-error.js';
import { requestHeaders } from './request-headers.js';
import { scopeParameter, withRequestedScope } from './requested-scope.js';
import { withEndpoints } from './server-metadata.js';
import { targetParameters } from './target-parameters.js';
import { libraryParts, requestTokens, translateLibraryError } from './token-endpoint.js';
import type { ProviderCall, TokenSet } from './types.js';

/** A sign-in on another device (RFC 8628 section 3.2). */
export interface DeviceAuthorization {
  /** Secret: anyone with it gets the tokens. */
  deviceCode: Secret<string>;
  /** What the user enters on the page, or compares with what it shows. */
  userCode: string;
  /** The page; with the code in it if the provider has such a link. */
  verificationUrl: string;
  expiresInSeconds: number;
  /** Seconds between two polls, at least 5. */
  intervalSeconds: number;
}

const members = [
  'device_code',
  'user_code',
  'verification_uri',
  'verification_uri_complete',
  'expires_in',
  'interval',
];
/** Section 3.2: the default interval; also our minimum. */
const intervalSecondsMin = 5;
const intervalSecondsMax = 60;
const textMax = 2048;

/**
 * Asks for a device code (section 3.1).
 * @throws OAuthError `client_refused` if the provider has no endpoint for it
 */
export async function requestDeviceCode(given: ProviderCall): Promise<DeviceAuthorization> {
  const call = await withEndpoints(given);
  const { preset } = call;
  const endpoint = preset.deviceAuthorizationEndpoint;
  if (endpoint === undefined) {
    throw new OAuthError('client_refused', { detail: 'It has no device authorization endpoint.' });
  }
  try {
    const { server, client, authentication } = await libraryParts(preset, call.client, call.now());
    const parameters = { ...scopeParameter(preset), ...targetParameters(preset) };
    const response = await deviceAuthorizationRequest(server, client, authentication, parameters, {
      [customFetch]: createEndpointFetch(call, members, 200),
      [allowInsecureRequests]: isPlainLoopback(endpoint),
      headers: requestHeaders,
    });
    const answer = await processDeviceAuthorizationResponse(server, client, response);
    return {
      deviceCode: new Secret(answer.device_code),
      userCode: shown(answer.user_code),
      verificationUrl: page(answer.verification_uri_complete ?? answer.verification_uri),
      expiresInSeconds: answer.expires_in,
      intervalSeconds: intervalOf(answer.interval),
    };
  } catch (error) {
    throw translateLibraryError(error);
  }
}

const intervalOf = (seconds: number | undefined): number =>
  Math.min(Math.max(seconds ?? intervalSecondsMin, intervalSecondsMin), intervalSecondsMax);

function shown(userCode: string): string {
  if (/^[\x20-\x7e]{1,64}$/.test(userCode)) return userCode;
  throw new OAuthError('nonsense', { detail: 'Its user code cannot be displayed.' });
}

/** Users are sent there, so it must be a page: not a `javascript:` or `data:` URL. */
function page(url: string): string {
  const isPage = URL.canParse(url) && (new URL(url).protocol === 'https:' || isPlainLoopback(url));
  if (isPage && url.length <= textMax) return url;
  throw new OAuthError('nonsense', { detail: 'Its verification page is not an https URL.' });
}

export type DevicePoll = { state: 'granted'; tokens: TokenSet } | { state: 'pending' } | { state: 'slower' };

const waiting = new Map<string, 'pending' | 'slower'>([
  ['authorization_pending', 'pending'],
  ['slow_down', 'slower'],
]);

/**
 * Polls once whether the user has decided (section 3.4).
 * @throws OAuthError for every response that ends the sign-in, and for those that say nothing about it
 */
export async function pollDeviceCode(
  call: ProviderCall & { deviceCode: Secret<string> },
): Promise<DevicePoll> {
  try {
    const tokens = await requestTokens(call, {
      step: 'device',
      send: ({ server, client, authentication }, options) =>
        deviceCodeGrantRequest(server, client, authentication, call.deviceCode.reveal(), {
          ...options,
          additionalParameters: targetParameters(call.preset),
        }),
      process: ({ server, client }, response) => processDeviceCodeResponse(server, client, response),
    });
    return { state: 'granted', tokens: withRequestedScope(call.preset, tokens) };
  } catch (error) {
    const state = error instanceof OAuthError ? waiting.get(error.providerCode ?? '') : undefined;
    if (state) return { state };
    throw error;
  }
}
