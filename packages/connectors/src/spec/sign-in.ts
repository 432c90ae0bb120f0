/** What the service needs to run an OAuth exchange for a source. Pure data: no vendor is named outside a manifest. */
export interface OAuthPreset {
  /** Key under `oauth.clients` in the operator's configuration; absent when the connection brings its own client. */
  provider?: string;
  authorizationEndpoint?: string;
  tokenEndpoint: string;
  revocationEndpoint?: string;
  /** Issuer identifier; when set, the `iss` parameter of the redirect must equal it where it is sent (RFC 9207). */
  issuer?: string;
  scopes: readonly string[];
  /** Sent as given on the authorization request, for instance `prompt=consent`. */
  authorizationParameters?: Readonly<Record<string, string>>;
  /** How the client authenticates at the token endpoint (RFC 6749 section 2.3.1). */
  clientAuthentication: 'client_secret_post' | 'client_secret_basic' | 'none';
  /** `resource` (RFC 8707) or `audience` to send, when the provider wants one. */
  resource?: string;
  audience?: string;
}

/** The client of a connection that brings its own OAuth registration as properties. */
export interface OAuthClientFields {
  /** Names of the properties that hold client id and secret. */
  clientId: string;
  clientSecret: string;
}

export interface OAuthSignIn {
  grant: 'authorization_code' | 'client_credentials';
  /** Derives the exchange from the definition's properties; a fixed preset ignores them. */
  preset: (properties: Readonly<Record<string, unknown>>) => OAuthPreset;
  clientFields?: OAuthClientFields;
}

/** One way of signing in to a source. */
export interface SignInMethod {
  id: string;
  label: string;
  /** Property values that select this method; the first method of the manifest whose values all match is used. */
  when?: Readonly<Record<string, string>>;
  /** Credential properties that this method uses. */
  fields: readonly string[];
  /** Those of `fields` without which the method cannot work. */
  required: readonly string[];
  /** Definition properties that this method needs beside those the schema requires. */
  requiredProperties?: readonly string[];
  oauth?: OAuthSignIn;
}
