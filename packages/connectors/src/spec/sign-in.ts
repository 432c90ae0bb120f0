import type { PropertyProblem } from './manifest.js';

/**
 * What an answer of a token endpoint means; see `server/src/core/oauth/answers.ts`. The first four end a grant: `grant_dead`
 * where the provider does not say why.
 */
export type AnswerMeaning =
  | 'grant_dead'
  | 'revoked'
  | 'expired'
  /** A refresh token that was replaced came back: two programs may hold copies of one grant. */
  | 'rotated_away'
  | 'code_refused'
  | 'client_refused'
  | 'consent_required'
  /** A rule of the organisation stands in the way; the person may have to prove more, or an administrator to act. */
  | 'policy'
  | 'rate_limited'
  | 'unavailable'
  | 'nonsense';

/** One answer of one provider. Every condition that is given must hold; statuses that prove nothing are judged before. */
export interface AnswerRule {
  /** Error code in lower case. */
  code?: string;
  /** Finer code: one of `error_subtype`, `suberror`, or of the list `error_codes`, as text. */
  detail?: string;
  /** Part of the description, in lower case. */
  words?: string;
  means: AnswerMeaning;
}

/** Where a provider without ID tokens says who signed in; JSON pointers into its answer. */
export interface AccountPlace {
  /** Asked by GET with the access token. Absent: the answer of the token endpoint itself says it. */
  endpoint?: string;
  subject: string;
  email?: string;
}

/** What the service needs to run an OAuth exchange for a source. Pure data: no vendor is named outside a manifest or preset. */
export interface OAuthPreset {
  /** Key under `oauth.clients` in the operator's configuration; absent when only the connection can bring a client. */
  provider?: string;
  /** Tenant, domain or account at the provider that the endpoints are of: an operator's client is for one of them. */
  place?: string;
  /** The provider's page about registering a client. */
  documentation?: string;
  authorizationEndpoint?: string;
  /** Empty when `issuer` is to name it: endpoints then come from the issuer's metadata (RFC 8414). */
  tokenEndpoint: string;
  revocationEndpoint?: string;
  /** Where a device asks for its code (RFC 8628 section 3.1). */
  deviceAuthorizationEndpoint?: string;
  /** Where authorization requests are pushed (RFC 9126); when set, they always are. */
  pushedAuthorizationRequestEndpoint?: string;
  /** Issuer identifier; when set, the `iss` parameter of the redirect must equal it where it is sent (RFC 9207). */
  issuer?: string;
  /** Where it is known only after a sign-in: what the issuer of an ID token must look like. Without effect beside `issuer`. */
  idTokenIssuer?: RegExp;
  scopes: readonly string[];
  /** Asked for beside `scopes`, so that the provider says who signed in (`openid`, `email`). */
  accountScopes?: readonly string[];
  /** What separates scopes in requests; a blank (RFC 6749 section 3.3) unless the provider departs from it. */
  scopeSeparator?: ' ' | ',';
  /** What separates scopes in answers; that of requests unless given. */
  grantedScopeSeparator?: ' ' | ',';
  /** Of no effect where a validated ID token says who signed in. */
  account?: AccountPlace;
  /** Tokens may come as a form (`application/x-www-form-urlencoded`), although JSON is asked for. */
  answersForms?: true;
  /** A `token_type`, in lower case, that is sent as a bearer token although it is called otherwise. */
  bearerName?: string;
  /** Sent as given on the authorization request, for instance `prompt=consent`. */
  authorizationParameters?: Readonly<Record<string, string>>;
  /** How the client authenticates at the token endpoint (RFC 6749 section 2.3.1, RFC 7523 section 2.2). */
  clientAuthentication: 'client_secret_post' | 'client_secret_basic' | 'private_key_jwt' | 'none';
  /** `resource` (RFC 8707) or `audience` to send, when the provider wants one. */
  resource?: string;
  audience?: string;
  /** Days after which an unused refresh token ends; the service then renews idle grants in half that time. */
  idleDays?: number;
  /** Life of an access token that can be renewed and whose answer has no `expires_in`; an hour unless given. */
  tokenLifeSeconds?: number;
  /** Answers that mean something else here than in general; the first that fits counts. */
  answers?: readonly AnswerRule[];
}

/** The client of a connection that brings its own OAuth registration as properties. */
export interface OAuthClientFields {
  /** Names of the properties that hold client id and secret. */
  clientId: string;
  clientSecret: string;
  /** Private key of the client and the name the provider knows it by, for `private_key_jwt`. */
  privateKey?: string;
  keyId?: string;
  /**
   * Property with the URL that tokens are sent to. A connection without a client of its own may use an operator's, but
   * only for origins that the operator has listed: people trust that client's name on the provider's page.
   */
  tokensGoTo: string;
}

/** What a service account says of itself in its assertion (RFC 7523 section 3). */
export interface AssertionClaims {
  issuer: string;
  /** The issuer itself unless given. */
  subject?: string;
  /** The token endpoint unless given. */
  audience?: string;
}

export interface OAuthSignIn {
  grant: 'authorization_code' | 'device_code' | 'client_credentials' | 'jwt_bearer';
  /** Derives the exchange from the definition's properties; a fixed preset ignores them. */
  preset: (properties: Readonly<Record<string, unknown>>) => OAuthPreset;
  clientFields?: OAuthClientFields;
  /** The definition that chooses a provider by its key, where people can; undefined for one that is not known. */
  select?: (provider: string, place?: string) => Readonly<Record<string, unknown>> | undefined;
  /** Credential property with a refresh token that was issued elsewhere; with it no page is visited. */
  refreshTokenField?: string;
  /** Of `jwt_bearer`: what the assertion says, and the credential properties with the key that signs it. */
  assertion?: {
    claims: (properties: Readonly<Record<string, unknown>>) => AssertionClaims;
    privateKey: string;
    keyId?: string;
  };
}

/** A grant that a person gives at a page of the provider, and that is kept. */
export const isInteractive = (oauth: OAuthSignIn | undefined): boolean =>
  oauth?.grant === 'authorization_code' || oauth?.grant === 'device_code';

/** One way of signing in to a source. */
export interface SignInMethod {
  id: string;
  label: string;
  /** Property values that select this method; the first method of the manifest whose values all match is used. */
  when?: Readonly<Record<string, string>>;
  /** As `when`, for what is no single value. */
  applies?: (properties: Readonly<Record<string, unknown>>) => boolean;
  /** Credential properties that this method uses. */
  fields: readonly string[];
  /** Those of `fields` without which the method cannot work. */
  required: readonly string[];
  /** What of a login a definition needs beside `required`, where that depends on more than the method. */
  lacking?: (
    definition: Readonly<Record<string, unknown>>,
    login: Readonly<Record<string, unknown>>,
  ) => PropertyProblem[];
  /** Definition properties that this method needs beside those the schema requires. */
  requiredProperties?: readonly string[];
  /** Sets of definition properties, at least one of which this method needs whole. */
  requiredOneOf?: readonly (readonly string[])[];
  oauth?: OAuthSignIn;
}
