import type { PropertyProblem } from './property-problem.js';

/**
 * The meaning of a token endpoint's response; see `server/src/core/oauth/answers.ts`. The first four end a grant:
 * `grant_dead` if the provider gives no reason.
 */
export type AnswerMeaning =
  | 'grant_dead'
  | 'revoked'
  | 'expired'
  /** A replaced refresh token came back: two programs may hold copies of one grant. */
  | 'rotated_away'
  | 'code_refused'
  | 'client_refused'
  | 'consent_required'
  /** A policy of the organisation blocks it; the user may have to prove more, or an administrator to act. */
  | 'policy'
  | 'rate_limited'
  | 'unavailable'
  | 'nonsense';

/** One response of one provider. All given conditions must hold; statuses that prove nothing are handled before. */
export interface AnswerRule {
  /** Lower-cased error code. */
  code?: string;
  /** More specific code: `error_subtype`, `suberror`, or one of the list `error_codes`, as text. */
  detail?: string;
  /** Part of the description, lower-cased. */
  words?: string;
  means: AnswerMeaning;
}

/** Where a provider without ID tokens identifies the user; JSON pointers into its response. */
export interface AccountPlace {
  /** Called by GET with the access token. Absent: the token response itself identifies the user. */
  endpoint?: string;
  subject: string;
  email?: string;
}

/** Where a token response names the API of the user who signed in, for providers with many. */
export interface ApiPlace {
  /** JSON pointer to its URL, of which the origin counts. */
  at: string;
  /** The provider's domains. A token is never sent to a host outside of them, whatever a response says. */
  domains: readonly string[];
  /** Origins that the operator allows for tokens of its client. */
  origins?: readonly string[];
}

/**
 * What the service needs to run an OAuth exchange for a source. Pure data: vendors are named only in manifests and
 * presets.
 */
export interface OAuthPreset {
  /** Key under `oauth.clients` in the operator's configuration; absent if only the connection can have a client. */
  provider?: string;
  /**
   * Tenant, domain or account at the provider to which the endpoints belong: an operator's client is for one of them.
   */
  place?: string;
  /** The provider's page about registering a client. */
  documentation?: string;
  authorizationEndpoint?: string;
  /** Empty if `issuer` determines it: the endpoints then come from the issuer's metadata (RFC 8414). */
  tokenEndpoint: string;
  revocationEndpoint?: string;
  /** Where a device requests its code (RFC 8628 section 3.1). */
  deviceAuthorizationEndpoint?: string;
  /** Where to push authorization requests (RFC 9126); if set, they are always pushed. */
  pushedAuthorizationRequestEndpoint?: string;
  /** Issuer identifier; if set, an `iss` parameter in the redirect must equal it (RFC 9207). */
  issuer?: string;
  /**
   * For an issuer that is known only after a sign-in: the pattern of an ID token's issuer. No effect beside `issuer`.
   */
  idTokenIssuer?: RegExp;
  scopes: readonly string[];
  /** Requested in addition to `scopes`, so that the provider identifies the user (`openid`, `email`). */
  accountScopes?: readonly string[];
  /** Scope separator in requests; a space (RFC 6749 section 3.3) unless the provider deviates. */
  scopeSeparator?: ' ' | ',';
  /** Scope separator in responses; default: the separator of requests. */
  grantedScopeSeparator?: ' ' | ',';
  /** No effect if a validated ID token identifies the user. */
  account?: AccountPlace;
  apiPlace?: ApiPlace;
  /** Tokens may arrive form-encoded (`application/x-www-form-urlencoded`), although JSON is requested. */
  answersForms?: true;
  /** A `token_type`, lower-cased, that is sent as a bearer token despite its name. */
  bearerName?: string;
  /** Sent as given with the authorization request, for instance `prompt=consent`. */
  authorizationParameters?: Readonly<Record<string, string>>;
  /** How the client authenticates at the token endpoint (RFC 6749 section 2.3.1, RFC 7523 section 2.2). */
  clientAuthentication: 'client_secret_post' | 'client_secret_basic' | 'private_key_jwt' | 'none';
  /** `resource` (RFC 8707) or `audience` to send, if the provider requires one. */
  resource?: string;
  audience?: string;
  /** Days after which an unused refresh token expires; the service then renews idle grants in half that time. */
  idleDays?: number;
  /** Lifetime of a renewable access token whose response has no `expires_in`; default: one hour. */
  tokenLifeSeconds?: number;
  /** Responses with a different meaning than usual; the first match counts. */
  answers?: readonly AnswerRule[];
}

/** The client of a connection that has its own OAuth registration as properties. */
export interface OAuthClientFields {
  /** Names of the properties that hold client id and secret. */
  clientId: string;
  clientSecret: string;
  /** Private key of the client, and its key id at the provider, for `private_key_jwt`. */
  privateKey?: string;
  keyId?: string;
  /**
   * Property with the URL that receives tokens. A connection without its own client may use an operator's, but only for
   * origins that the operator has listed: users trust that client's name on the provider's page.
   */
  tokensGoTo: string;
}

/** The claims of a service account's assertion (RFC 7523 section 3). */
export interface AssertionClaims {
  issuer: string;
  /** Default: the issuer itself. */
  subject?: string;
  /** Default: the token endpoint. */
  audience?: string;
}

export interface OAuthSignIn {
  grant: 'authorization_code' | 'device_code' | 'client_credentials' | 'jwt_bearer';
  /** Derives the exchange from the definition's properties; a fixed preset ignores them. */
  preset: (properties: Readonly<Record<string, unknown>>) => OAuthPreset;
  clientFields?: OAuthClientFields;
  /** The definition that selects a provider by its key, if users can choose one; undefined for an unknown provider. */
  select?: (provider: string, place?: string) => Readonly<Record<string, unknown>> | undefined;
  /** Credential property with a refresh token that was issued elsewhere; it makes the sign-in page unnecessary. */
  refreshTokenField?: string;
  /** For `jwt_bearer`: the claims of the assertion, and the credential properties with the key that signs it. */
  assertion?: {
    claims: (properties: Readonly<Record<string, unknown>>) => AssertionClaims;
    privateKey: string;
    keyId?: string;
  };
}

/** A grant that a user gives on a page of the provider, and that is stored. */
export const isInteractive = (oauth: OAuthSignIn | undefined): boolean =>
  oauth?.grant === 'authorization_code' || oauth?.grant === 'device_code';

/** One way of signing in to a source. */
export interface SignInMethod {
  id: string;
  label: string;
  /** Property values that select this method; the first method of the manifest whose values all match is used. */
  when?: Readonly<Record<string, string>>;
  /** Like `when`, for conditions beyond single values. */
  applies?: (properties: Readonly<Record<string, unknown>>) => boolean;
  /** Credential properties that this method uses. */
  fields: readonly string[];
  /** The `fields` without which the method cannot work. */
  required: readonly string[];
  /** What else the definition needs in a login besides `required`, where that depends on more than the method. */
  lacking?: (
    definition: Readonly<Record<string, unknown>>,
    login: Readonly<Record<string, unknown>>,
  ) => PropertyProblem[];
  /** Definition properties that this method needs besides those that the schema requires. */
  requiredProperties?: readonly string[];
  /** Sets of definition properties; this method needs at least one complete set. */
  requiredOneOf?: readonly (readonly string[])[];
  oauth?: OAuthSignIn;
}
