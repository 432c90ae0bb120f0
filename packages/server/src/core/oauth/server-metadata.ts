import type { Network } from '@mooring/connectors/interface/network';
import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';
import type { AuthorizationServer } from 'oauth4webapi';
import { isPlainLoopback } from '../egress/plain-loopback.js';
import { askMetadata } from './discovery.js';
import { OAuthError } from './oauth-error.js';

// Endpoints by issuer: a preset with an issuer and without a token endpoint gets them from the issuer's metadata.

const keptMs = 10 * 60_000;
const keptMax = 200;

type Endpoints = Pick<
  OAuthPreset,
  | 'tokenEndpoint'
  | 'authorizationEndpoint'
  | 'revocationEndpoint'
  | 'deviceAuthorizationEndpoint'
  | 'pushedAuthorizationRequestEndpoint'
>;

interface Kept {
  until: number;
  endpoints: Promise<Endpoints>;
}

/** By network, since they differ in what they may reach. */
const keptBy = new WeakMap<Network, Map<string, Kept>>();

export interface Asking {
  preset: OAuthPreset;
  network: Network;
  now: () => number;
}

/**
 * The call with every endpoint that its preset leaves to the issuer. Metadata is cached for ten minutes.
 * @throws OAuthError `client_refused` if the issuer publishes no usable metadata, or metadata of another issuer;
 * `unavailable` if it does not answer
 */
export async function withEndpoints<Call extends Asking>(call: Call): Promise<Call> {
  const { preset, network } = call;
  if (preset.tokenEndpoint !== '' || preset.issuer === undefined) return call;
  const endpoints = await endpointsOf(preset.issuer, network, call.now());
  return { ...call, preset: { ...endpoints, ...preset, tokenEndpoint: endpoints.tokenEndpoint } };
}

function endpointsOf(issuer: string, network: Network, now: number): Promise<Endpoints> {
  const kept = keptBy.get(network) ?? new Map<string, Kept>();
  keptBy.set(network, kept);
  const found = kept.get(issuer);
  if (found && found.until > now) return found.endpoints;
  const endpoints = askMetadata(issuer, network).then((metadata) => readEndpoints(issuer, metadata));
  kept.delete(issuer);
  const oldest = kept.size >= keptMax ? kept.keys().next().value : undefined;
  if (oldest !== undefined) kept.delete(oldest);
  kept.set(issuer, { until: now + keptMs, endpoints });
  endpoints.catch(() => {
    if (kept.get(issuer)?.endpoints === endpoints) kept.delete(issuer);
  });
  return endpoints;
}

function readEndpoints(issuer: string, metadata: AuthorizationServer): Endpoints {
  const { token_endpoint: tokenEndpoint } = metadata;
  if (tokenEndpoint === undefined) {
    throw new OAuthError('client_refused', { detail: 'Its metadata names no token endpoint.' });
  }
  const mustPush = metadata.require_pushed_authorization_requests === true;
  const endpoints = {
    tokenEndpoint,
    authorizationEndpoint: metadata.authorization_endpoint,
    revocationEndpoint: metadata.revocation_endpoint,
    deviceAuthorizationEndpoint: metadata.device_authorization_endpoint,
    pushedAuthorizationRequestEndpoint: mustPush ? metadata.pushed_authorization_request_endpoint : undefined,
  };
  for (const endpoint of Object.values(endpoints)) assertAllowed(issuer, endpoint);
  return Object.fromEntries(
    Object.entries(endpoints).filter(([, value]) => value !== undefined),
  ) as unknown as Endpoints;
}

/** Only an issuer on this machine may name plain-text endpoints on this machine. */
function assertAllowed(issuer: string, endpoint: unknown): void {
  if (endpoint === undefined) return;
  const isUrl = typeof endpoint === 'string' && URL.canParse(endpoint);
  if (isUrl && new URL(endpoint).protocol === 'https:') return;
  if (isUrl && isPlainLoopback(endpoint) && isPlainLoopback(issuer)) return;
  throw new OAuthError('client_refused', { detail: 'Its metadata names an endpoint that is not https.' });
}
