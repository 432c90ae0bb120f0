import type { Network } from '@mooring/connectors/interface/network';
import type { Secret } from '@mooring/connectors/interface/secret';
import type { OAuthPreset } from '@mooring/connectors/interface/sign-in';

/** A registration at a provider. Without a secret it is a public client (RFC 6749 section 2.1). */
export interface OAuthClient {
  clientId: string;
  clientSecret?: Secret<string>;
  /** PEM, for `private_key_jwt`: PKCS#8, PKCS#1 or SEC1, not encrypted. */
  privateKey?: Secret<string>;
  /** `kid` of its assertions. */
  keyId?: string;
}

/** A token response. */
export interface TokenSet {
  accessToken: Secret<string>;
  refreshToken?: Secret<string>;
  /**
   * Milliseconds since the epoch, counted from the moment of the request. Absent if the provider sent neither a usable
   * lifetime nor a refresh token: then only the source can tell that the token has ended.
   */
  expiresAt?: number;
  /** Granted scopes, separated by spaces. */
  scope?: string;
  /** The API that the response names, as it is written there: `apiOriginOf` judges it before each use. */
  apiUrl?: string;
  /** `sub` and `email` of a validated ID token (OpenID Connect Core section 3.1.3.7). */
  subject?: string;
  email?: string;
}

/** One call to an identity provider. */
export interface ProviderCall {
  preset: OAuthPreset;
  client: OAuthClient;
  /** Of the gate. */
  network: Network;
  signal?: AbortSignal;
  /** Timeout of the whole call, response included. Default 10 s. */
  tokenTimeoutMs?: number;
  /** As `NetworkRequest.beforeSend`, of the call to the token endpoint. */
  beforeSend?: () => void;
  /** The store's clock, in milliseconds since the epoch. */
  now: () => number;
}
