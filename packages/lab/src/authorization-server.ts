import { randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';
import { providerConfiguration } from './authorization-server/configuration.js';
import {
  type AuthorizationCounts,
  type AuthorizationSwitches,
  createFaultMiddleware,
  createSwitches,
  emptyCounts,
} from './authorization-server/faults.js';
import { createPagesMiddleware, type LabUser } from './authorization-server/pages.js';
import { type AuthorizationStore, createAuthorizationStore } from './authorization-server/store.js';
import { listenOnLoopback } from './loopback-http.js';

export interface AuthorizationServerOptions {
  /** 0 (default): a free one. */
  port?: number;
  /** Where codes may be sent; more with `addRedirectUri`. */
  redirectUris?: readonly string[];
  /** Life of access tokens; 300 by default. */
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
}

/** A running authorization server: OAuth 2.0 with PKCE, RFC 7009, 7662 and 9207, OpenID Connect. */
export interface LabAuthorizationServer {
  url: string;
  issuer: string;
  authorizationEndpoint: string;
  tokenEndpoint: string;
  revocationEndpoint: string;
  introspectionEndpoint: string;
  userinfoEndpoint: string;
  jwksUri: string;
  /** For authorization code (PKCE S256 required) and refresh; secret by basic or post. */
  client: OAuthClient;
  /** For client credentials; secret by basic or post. */
  machineClient: OAuthClient;
  /** `alice` and `bob`. */
  users: readonly [LabUser, LabUser];
  addRedirectUri(uri: string): void;
  /** A snapshot. */
  counts(): AuthorizationCounts;
  resetCounts(): void;
  /** Access tokens issued so far stop working; refresh tokens live on. */
  expireAccessTokens(): void;
  /** Ends everything granted by this person, as if they had removed the application from their account. */
  revokeGrantsOf(login: string): void;
  switches: AuthorizationSwitches;
  verifyAccessToken(token: string): Promise<VerifiedToken>;
  close(): Promise<void>;
}

function freshClient(clientId: string): OAuthClient {
  return { clientId, clientSecret: randomBytes(24).toString('base64url') };
}

function freshUser(login: string): LabUser {
  return { login, password: randomBytes(12).toString('base64url'), email: `${login}@lab.example` };
}

/** Google's way (`access_type=offline`) beside OpenID Connect's (`offline_access`, `prompt=consent`). */
function asksForOfflineAccess(params: Record<string, unknown>): boolean {
  const scopes = String(params['scope'] ?? '').split(' ');
  const prompts = String(params['prompt'] ?? '').split(' ');
  return (
    params['access_type'] === 'offline' || scopes.includes('offline_access') || prompts.includes('consent')
  );
}

async function registerClients(
  store: AuthorizationStore,
  clients: { client: OAuthClient; machineClient: OAuthClient; redirectUris: readonly string[] },
): Promise<void> {
  const { client, machineClient, redirectUris } = clients;
  const table = store.adapter('Client');
  await table.upsert(
    client.clientId,
    {
      client_id: client.clientId,
      client_secret: client.clientSecret,
      client_name: 'Mooring',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      redirect_uris: [...redirectUris],
    } as Parameters<typeof table.upsert>[1],
    0,
  );
  await table.upsert(
    machineClient.clientId,
    {
      client_id: machineClient.clientId,
      client_secret: machineClient.clientSecret,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    } as Parameters<typeof table.upsert>[1],
    0,
  );
}

async function verify(provider: Provider, token: string): Promise<VerifiedToken> {
  const person = await provider.AccessToken.find(token);
  const machine = person ? undefined : await provider.ClientCredentials.find(token);
  const found = person ?? machine;
  if (found === undefined || found.isExpired) return { active: false };
  const sub = person?.accountId ?? found.clientId;
  return {
    active: true,
    ...(sub === undefined ? {} : { sub }),
    ...(found.scope === undefined ? {} : { scope: found.scope }),
  };
}

function endpointsOf(url: string) {
  return {
    url,
    issuer: url,
    authorizationEndpoint: `${url}/auth`,
    tokenEndpoint: `${url}/token`,
    revocationEndpoint: `${url}/token/revocation`,
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
  const store = createAuthorizationStore();
  const users = [freshUser('alice'), freshUser('bob')] as const;
  const client = freshClient('mooring-lab');
  const machineClient = freshClient('mooring-lab-machine');
  const redirectUris = new Set(given);
  const saveClients = () =>
    registerClients(store, { client, machineClient, redirectUris: [...redirectUris] });
  await saveClients();
  const switches = createSwitches();
  let counts = emptyCounts();
  const offlineCodes = new Set<string>();
  const isOfflineCode = (code: string) => offlineCodes.has(code);
  const settings = await providerConfiguration({ store, users, accessTokenSeconds, rotate, isOfflineCode });
  const started: { provider?: Provider } = {};
  const server = await listenOnLoopback(options.port ?? 0, (url) => {
    const provider = new Provider(url, settings);
    provider.on('authorization.success', (context, response) => {
      const { code } = response as { code?: string };
      if (code !== undefined && asksForOfflineAccess(context.oidc.params ?? {})) offlineCodes.add(code);
    });
    provider.use(createFaultMiddleware(switches, () => counts));
    provider.use(createPagesMiddleware(provider, users));
    started.provider = provider;
    return provider.callback();
  });
  return {
    ...endpointsOf(server.url),
    ...{ client, machineClient, users, switches },
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
