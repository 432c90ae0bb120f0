import { randomBytes } from 'node:crypto';
import { exportJWK, exportPKCS8, generateKeyPair, type JWK, SignJWT } from 'jose';
import { type Configuration, Provider } from 'oidc-provider';
import { providerConfiguration } from './authorization-server/configuration.js';
import {
  type AuthorizationCounts,
  type AuthorizationSwitches,
  createFaultMiddleware,
  createSwitches,
  emptyCounts,
  type SignIdToken,
} from './authorization-server/faults.js';
import { createPagesMiddleware, type LabUser } from './authorization-server/pages.js';
import { type AuthorizationStore, createAuthorizationStore } from './authorization-server/store.js';
import { knowSecret } from './known-secrets.js';
import { listenOnLoopback } from './loopback-http.js';

export interface AuthorizationServerOptions {
  /** 0 (default): a free one. */
  port?: number;
  /** Allowed redirect URIs; add more with `addRedirectUri`. */
  redirectUris?: readonly string[];
  /** Lifetime of access tokens; 300 by default. */
  accessTokenSeconds?: number;
  /** New refresh token at each refresh, the old one's second use ends the whole grant; true by default. */
  rotate?: boolean;
}

export interface OAuthClient {
  clientId: string;
  clientSecret: string;
}

/** What an access token stands for. `sub` is the login, or the client id of a client-credentials token. */
export interface VerifiedToken {
  active: boolean;
  sub?: string;
  scope?: string;
  /** Resource indicator (RFC 8707), if the client sent one. */
  audience?: string;
}

/** A running authorization server: OAuth 2.0 with PKCE, RFC 7009, 7662 and 9207, OpenID Connect. */
export interface LabAuthorizationServer {
  url: string;
  issuer: string;
  authorizationEndpoint: string;
  tokenEndpoint: string;
  revocationEndpoint: string;
  deviceAuthorizationEndpoint: string;
  pushedAuthorizationRequestEndpoint: string;
  introspectionEndpoint: string;
  userinfoEndpoint: string;
  jwksUri: string;
  /** For authorization code (PKCE S256 required) and refresh; secret by basic or post. */
  client: OAuthClient;
  /** For client credentials; secret by basic or post. */
  machineClient: OAuthClient;
  /** As both of them, and for a sign-in on another device; proves itself with its key (`private_key_jwt`). */
  keyClient: { clientId: string; privateKey: string };
  /** Public, with a redirect to any port of this machine (RFC 8252). */
  nativeClient: { clientId: string };
  /** `alice` and `bob`. */
  users: readonly [LabUser, LabUser];
  addRedirectUri(uri: string): void;
  /** A snapshot. */
  counts(): AuthorizationCounts;
  resetCounts(): void;
  /** Expires all access tokens issued so far; refresh tokens stay valid. */
  expireAccessTokens(): void;
  /** Revokes all grants of this user, as if they had removed the application from their account. */
  revokeGrantsOf(login: string): void;
  switches: AuthorizationSwitches;
  verifyAccessToken(token: string): Promise<VerifiedToken>;
  close(): Promise<void>;
}

function freshClient(clientId: string): OAuthClient {
  const clientSecret = knowSecret(`client secret of ${clientId}`, randomBytes(24).toString('base64url'));
  return { clientId, clientSecret };
}

function freshUser(login: string): LabUser {
  const password = knowSecret(`sign-in password of ${login}`, randomBytes(12).toString('base64url'));
  return { login, password, email: `${login}@lab.example` };
}

/** Google's way (`access_type=offline`) beside OpenID Connect's (`offline_access`, `prompt=consent`). */
function asksForOfflineAccess(params: Record<string, unknown>): boolean {
  const scopes = String(params['scope'] ?? '').split(' ');
  const prompts = String(params['prompt'] ?? '').split(' ');
  return (
    params['access_type'] === 'offline' || scopes.includes('offline_access') || prompts.includes('consent')
  );
}

const nativeClientId = 'mooring-lab-native';
const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code';

async function freshKeyClient() {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  return {
    clientId: 'mooring-lab-key',
    privateKey: knowSecret('private key of a client', await exportPKCS8(privateKey)),
    jwk: { ...(await exportJWK(publicKey)), kid: 'lab-key' },
  };
}

async function freshSigningKey() {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'lab-signing-key' };
  const signIdToken: SignIdToken = (claims) =>
    new SignJWT(claims).setProtectedHeader({ alg: key.alg, kid: key.kid }).sign(privateKey);
  return { jwks: { keys: [key] } as NonNullable<Configuration['jwks']>, signIdToken };
}

/** Grant types of each client. A client without a redirect URI cannot receive a code. */
function registrationsOf(clients: {
  client: OAuthClient;
  machineClient: OAuthClient;
  keyClient: { clientId: string; jwk: JWK };
  redirectUris: readonly string[];
}): ({ client_id: string } & Record<string, unknown>)[] {
  const { client, machineClient, keyClient, redirectUris } = clients;
  const code = redirectUris.length === 0 ? [] : ['authorization_code'];
  const interactive = {
    grant_types: [...code, 'refresh_token', deviceCodeGrant],
    response_types: code.length === 0 ? [] : ['code'],
    redirect_uris: [...redirectUris],
  };
  return [
    {
      client_id: client.clientId,
      client_secret: client.clientSecret,
      client_name: 'Mooring',
      ...interactive,
    },
    {
      client_id: machineClient.clientId,
      client_secret: machineClient.clientSecret,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    },
    {
      client_id: keyClient.clientId,
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [keyClient.jwk] },
      ...interactive,
      grant_types: [...interactive.grant_types, 'client_credentials'],
    },
    {
      client_id: nativeClientId,
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      // Any port (RFC 8252 section 7.3).
      redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback'],
    },
  ];
}

async function registerClients(
  store: AuthorizationStore,
  clients: Parameters<typeof registrationsOf>[0],
): Promise<void> {
  const table = store.adapter('Client');
  for (const registration of registrationsOf(clients)) {
    await table.upsert(
      registration.client_id,
      registration as unknown as Parameters<typeof table.upsert>[1],
      0,
    );
  }
}

async function verify(provider: Provider, token: string): Promise<VerifiedToken> {
  const ofUser = await provider.AccessToken.find(token);
  const machine = ofUser ? undefined : await provider.ClientCredentials.find(token);
  const found = ofUser ?? machine;
  if (found === undefined || found.isExpired) return { active: false };
  const sub = ofUser?.accountId ?? found.clientId;
  return {
    active: true,
    ...(sub === undefined ? {} : { sub }),
    ...(found.scope === undefined ? {} : { scope: found.scope }),
    ...(typeof found.aud === 'string' ? { audience: found.aud } : {}),
  };
}

function endpointsOf(url: string) {
  return {
    url,
    issuer: url,
    authorizationEndpoint: `${url}/auth`,
    tokenEndpoint: `${url}/token`,
    revocationEndpoint: `${url}/token/revocation`,
    deviceAuthorizationEndpoint: `${url}/device/auth`,
    pushedAuthorizationRequestEndpoint: `${url}/request`,
    introspectionEndpoint: `${url}/token/introspection`,
    userinfoEndpoint: `${url}/me`,
    jwksUri: `${url}/jwks`,
  };
}

/** Starts the authorization server on 127.0.0.1. Secrets and passwords are fresh at each start. */
export async function startAuthorizationServer(
  options: AuthorizationServerOptions = {},
): Promise<LabAuthorizationServer> {
  const { redirectUris: given = [], accessTokenSeconds = 300, rotate = true } = options;
  const switches: AuthorizationSwitches = { ...createSwitches(), rotation: rotate ? 'strict' : 'off' };
  const store = createAuthorizationStore({ keepsOldRefreshTokens: () => switches.rotation === 'lenient' });
  const users = [freshUser('alice'), freshUser('bob')] as const;
  const client = freshClient('mooring-lab');
  const machineClient = freshClient('mooring-lab-machine');
  const keyClient = await freshKeyClient();
  const redirectUris = new Set(given);
  const saveClients = () =>
    registerClients(store, { client, machineClient, keyClient, redirectUris: [...redirectUris] });
  await saveClients();
  let counts = emptyCounts();
  const offlineCodes = new Set<string>();
  const isOfflineCode = (code: string) => offlineCodes.has(code);
  const { jwks, signIdToken } = await freshSigningKey();
  const rotates = () => switches.rotation !== 'off';
  const settings = providerConfiguration({ store, users, accessTokenSeconds, rotates, jwks, isOfflineCode });
  const started: { provider?: Provider } = {};
  const server = await listenOnLoopback(options.port ?? 0, (url) => {
    const provider = new Provider(url, settings);
    provider.on('authorization.success', (context, response) => {
      // Absent for the device flow, which issued its code before.
      const { code } = (response ?? {}) as { code?: string };
      if (code !== undefined && asksForOfflineAccess(context.oidc.params ?? {})) offlineCodes.add(code);
    });
    provider.use(createFaultMiddleware(switches, () => counts, signIdToken));
    provider.use(createPagesMiddleware(provider, users));
    started.provider = provider;
    return provider.callback();
  });
  return {
    ...endpointsOf(server.url),
    ...{ client, machineClient, users, switches },
    nativeClient: { clientId: nativeClientId },
    keyClient: { clientId: keyClient.clientId, privateKey: keyClient.privateKey },
    addRedirectUri(uri) {
      redirectUris.add(uri);
      void saveClients();
    },
    counts: () => structuredClone(counts),
    resetCounts() {
      counts = emptyCounts();
    },
    expireAccessTokens: () => store.forget((model) => /^(AccessToken|ClientCredentials)$/.test(model)),
    revokeGrantsOf: (login) => store.forget((_, payload) => payload.accountId === login),
    verifyAccessToken: async (token) =>
      started.provider === undefined ? { active: false } : await verify(started.provider, token),
    close: server.close,
  };
}
