import type { ProviderWays } from '@mooring/lab/imitated-provider';
import { decodeJwt } from 'jose';

// What the providers are documented to do, written down apart from the presets: a preset that lacks what its provider
// needs fails against these.

export interface ImitatedWays extends ProviderWays {
  provider: string;
  /** Where a provider has several kinds of clients. */
  variant?: string;
  place?: string;
  /** Issuer of its ID tokens, where it is not the lab. */
  issuer?: string;
  /** New refresh token at each refresh. */
  rotates: boolean;
  /** Data of the preset that this kind of client has no use for. */
  unmissed?: readonly string[];
  /** What a completed sign-in must be known to be. */
  expected: {
    /** Of alice. */
    subject: string;
    email?: string;
    scope: string;
    /** Absent: open. */
    lifeSeconds?: number;
    isRenewable: boolean;
    deadReason?: string;
  };
}

const mail = (login: string) => `${login}@lab.example`;
const offlineAccess: ProviderWays['isOffline'] = ({ scopes }) => scopes.includes('offline_access');
const always = () => true;
const invalidGrant = (description?: string, status = 400) => ({
  status,
  body: { error: 'invalid_grant', ...(description === undefined ? {} : { error_description: description }) },
});
/** ID tokens, scopes and life as the lab has them. */
const asGiven: ProviderWays['tokens'] = (given) => given;
const openId = { subject: 'alice', email: mail('alice'), lifeSeconds: 300, isRenewable: true };
/** Of the tenant of `contoso.onmicrosoft.com`. */
export const entraTenant = '5f1d2c3b-4a59-4687-9701-0a1b2c3d4e5f';

/**
 * ID tokens as Entra's version 2.0 endpoint has them: of the tenant by its id, whatever it was asked by, and without
 * `email` for most accounts. https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference
 */
export const entraTokens =
  (tenant: string): ProviderWays['tokens'] =>
  ({ id_token: idToken, ...given }, { login, scopes }) => {
    if (typeof idToken !== 'string') return given;
    const [header, , signature] = idToken.split('.');
    const { email: _email, ...claims } = decodeJwt(idToken);
    const named = {
      ...claims,
      iss: `https://login.microsoftonline.com/${tenant}/v2.0`,
      ...{ tid: tenant, oid: `oid-of-${login}`, ver: '2.0' },
      ...(scopes.includes('profile') ? { preferred_username: mail(login) } : {}),
    };
    const payload = Buffer.from(JSON.stringify(named)).toString('base64url');
    return { ...given, id_token: [header, payload, signature].join('.'), ext_expires_in: 300 };
  };

const members = (given: Record<string, unknown>) => ({
  access_token: given['access_token'],
  refresh_token: given['refresh_token'],
});

export const providerWays: readonly ImitatedWays[] = [
  {
    provider: 'google',
    secret: 'post',
    rotates: false,
    isOffline: ({ parameters }) =>
      parameters.get('access_type') === 'offline' && parameters.get('prompt') === 'consent',
    // The refresh token comes once.
    tokens: ({ refresh_token, ...given }, { isRefresh }) => ({
      ...given,
      scope: 'openid email write',
      ...(isRefresh ? {} : { refresh_token }),
    }),
    dead: invalidGrant('Token has been expired or revoked.'),
    expected: { ...openId, scope: 'openid email write' },
  },
  {
    provider: 'entra',
    variant: 'with a token of Graph, and an ID token of nobody that it knows',
    place: 'contoso.onmicrosoft.com',
    unmissed: ['idTokenIssuer', 'accountScopes profile'],
    secret: 'post',
    rotates: true,
    isOffline: offlineAccess,
    // It proves nothing, and is left aside.
    tokens: (given) => ({ ...given, id_token: 'e30.e30.', ext_expires_in: 300 }),
    account: (login, scopes) =>
      scopes.includes('openid')
        ? { sub: login, ...(scopes.includes('email') ? { email: mail(login) } : {}) }
        : undefined,
    dead: { status: 400, body: { error: 'invalid_grant', error_codes: [50173], suberror: 'bad_token' } },
    expected: { ...openId, scope: 'openid offline_access email write', deadReason: 'revoked' },
  },
  ...['contoso.onmicrosoft.com', entraTenant, entraTenant.toUpperCase()].map(
    (place): ImitatedWays => ({
      ...{
        provider: 'entra',
        variant: place,
        place,
        secret: 'post',
        rotates: true,
        isOffline: offlineAccess,
      },
      issuer: `https://login.microsoftonline.com/${entraTenant}/v2.0`,
      tokens: entraTokens(entraTenant),
      // Tokens of other APIs than Graph are refused where accounts are asked for, and the ID token has it all.
      unmissed: ['account'],
      dead: { status: 400, body: { error: 'invalid_grant', error_codes: [50173], suberror: 'bad_token' } },
      expected: { ...openId, scope: 'openid offline_access email write', deadReason: 'revoked' },
    }),
  ),
  {
    provider: 'snowflake',
    place: 'myorg-account1',
    secret: 'basic',
    rotates: false,
    isOffline: ({ scopes }) => scopes.includes('refresh_token'),
    tokens: (given, { login, isRefresh }) => ({
      access_token: given['access_token'],
      ...(isRefresh ? {} : { refresh_token: given['refresh_token'] }),
      token_type: 'Bearer',
      expires_in: 600,
      username: login,
    }),
    dead: { status: 400, body: { data: null, error: 'invalid_grant', code: null, message: '' } },
    expected: { subject: 'alice', scope: 'refresh_token write', lifeSeconds: 600, isRenewable: true },
  },
  {
    provider: 'databricks',
    place: 'dbc-a1b2345c-d6e7.cloud.databricks.com',
    secret: 'basic',
    rotates: true,
    demandsScopes: ['all-apis'],
    isOffline: offlineAccess,
    tokens: (given) => ({
      ...members(given),
      token_type: 'Bearer',
      expires_in: 3600,
      scope: 'all-apis offline_access',
    }),
    account: (login) => ({ id: `45${login.length}`, userName: mail(login) }),
    dead: { status: 400, body: { error: 'invalid_request', error_description: 'Refresh token is invalid' } },
    expected: {
      subject: '455',
      email: mail('alice'),
      scope: 'all-apis offline_access',
      lifeSeconds: 3600,
      isRenewable: true,
    },
  },
  {
    provider: 'salesforce',
    place: 'login.salesforce.com',
    secret: 'post',
    rotates: false,
    demandsScopes: ['api'],
    isOffline: ({ scopes }) => scopes.includes('refresh_token'),
    // No expires_in.
    tokens: (given, { login, isRefresh }) => ({
      access_token: given['access_token'],
      ...(isRefresh ? {} : { refresh_token: given['refresh_token'] }),
      token_type: 'Bearer',
      scope: 'refresh_token api',
      instance_url: 'https://example.my.salesforce.com',
      id: `https://login.salesforce.com/id/00D/${login}`,
    }),
    dead: invalidGrant('expired access/refresh token'),
    expected: {
      subject: 'https://login.salesforce.com/id/00D/alice',
      scope: 'refresh_token api',
      lifeSeconds: 7200,
      isRenewable: true,
    },
  },
  {
    provider: 'dropbox',
    secret: 'post',
    rotates: false,
    isOffline: ({ parameters }) => parameters.get('token_access_type') === 'offline',
    tokens: (given, { login, isRefresh }) => ({
      access_token: given['access_token'],
      token_type: 'bearer',
      expires_in: 14_400,
      ...(isRefresh
        ? {}
        : { refresh_token: given['refresh_token'], scope: 'write', uid: '12', account_id: `dbid:${login}` }),
    }),
    dead: invalidGrant('refresh token is invalid or revoked'),
    expected: {
      subject: 'dbid:alice',
      scope: 'write',
      lifeSeconds: 14_400,
      isRenewable: true,
      deadReason: 'revoked',
    },
  },
  {
    provider: 'github',
    variant: 'OAuth app',
    secret: 'post',
    rotates: false,
    isOffline: () => false,
    // Neither an end nor a refresh token.
    tokens: (given) => ({ access_token: given['access_token'], token_type: 'bearer', scope: 'write,gist' }),
    account: (login) => ({ id: 583_231, login, email: mail(login) }),
    dead: { status: 200, body: { error: 'bad_refresh_token' } },
    expected: { subject: '583231', email: mail('alice'), scope: 'write gist', isRenewable: false },
  },
  {
    provider: 'github',
    variant: 'GitHub App',
    unmissed: ['grantedScopeSeparator'],
    secret: 'post',
    rotates: true,
    isOffline: always,
    tokens: (given) => ({
      ...members(given),
      ...{ token_type: 'bearer', expires_in: 28_800, refresh_token_expires_in: 15_897_600, scope: '' },
    }),
    account: (login) => ({ id: login === 'alice' ? 583_231 : 583_232, login, email: null }),
    dead: { status: 200, body: { error: 'bad_refresh_token' } },
    expected: { subject: '583231', scope: 'write', lifeSeconds: 28_800, isRenewable: true },
  },
  {
    provider: 'box',
    secret: 'post',
    rotates: true,
    isOffline: always,
    tokens: (given) => ({ ...members(given), token_type: 'bearer', expires_in: 3600, restricted_to: [] }),
    account: (login) => ({ type: 'user', id: `1${login.length}`, login: mail(login) }),
    dead: invalidGrant('Refresh token has expired'),
    expected: {
      subject: '15',
      email: mail('alice'),
      scope: 'write',
      lifeSeconds: 3600,
      isRenewable: true,
      deadReason: 'expired',
    },
  },
  {
    provider: 'hubspot',
    secret: 'post',
    rotates: false,
    demandsScopes: ['oauth'],
    isOffline: always,
    tokens: (given, { login }) => ({
      ...members(given),
      ...{ token_type: 'bearer', expires_in: 1800, hub_id: 7, user_id: login === 'alice' ? 71 : 72 },
      scopes: ['oauth', 'write'],
    }),
    dead: { status: 400, body: { status: 'BAD_REFRESH_TOKEN', message: 'missing or invalid refresh token' } },
    expected: { subject: '71', scope: 'oauth write', lifeSeconds: 1800, isRenewable: true },
  },
  {
    provider: 'zendesk',
    place: 'example',
    secret: 'post',
    rotates: true,
    demandsScopes: ['read'],
    isOffline: always,
    tokens: (given) => ({
      ...members(given),
      token_type: 'bearer',
      scope: 'read write',
      expires_in: 300,
      refresh_token_expires_in: 2_592_000,
    }),
    account: (login) => ({ user: { id: login.length, email: mail(login) } }),
    dead: invalidGrant(),
    expected: {
      subject: '5',
      email: mail('alice'),
      scope: 'read write',
      lifeSeconds: 300,
      isRenewable: true,
    },
  },
  {
    provider: 'atlassian',
    secret: 'post',
    rotates: true,
    demands: { audience: 'api.atlassian.com', prompt: 'consent' },
    isOffline: offlineAccess,
    tokens: (given) => ({ ...members(given), expires_in: 3600, scope: 'write offline_access' }),
    account: (login, scopes) =>
      scopes.includes('read:me') ? { account_id: `a:${login}`, email: mail(login) } : undefined,
    dead: {
      status: 403,
      body: { error: 'unauthorized_client', error_description: 'refresh_token is invalid' },
    },
    expected: {
      subject: 'a:alice',
      email: mail('alice'),
      scope: 'write offline_access',
      lifeSeconds: 3600,
      isRenewable: true,
    },
  },
  {
    provider: 'slack',
    secret: 'post',
    rotates: true,
    scopeSeparator: ',',
    isOffline: always,
    tokens: (given, { login }) => ({
      ok: true,
      ...members(given),
      ...{
        token_type: 'bot',
        scope: 'write,chat:write',
        expires_in: 43_200,
        authed_user: { id: `U-${login}` },
      },
    }),
    dead: { status: 200, body: { ok: false, error: 'invalid_refresh_token' } },
    expected: { subject: 'U-alice', scope: 'write chat:write', lifeSeconds: 43_200, isRenewable: true },
  },
  {
    provider: 'okta',
    place: 'example.okta.com',
    secret: 'basic',
    rotates: true,
    isOffline: offlineAccess,
    tokens: asGiven,
    dead: invalidGrant('The refresh token is invalid or expired.'),
    expected: { ...openId, scope: 'openid email write offline_access' },
  },
  {
    provider: 'auth0',
    place: 'example.eu.auth0.com',
    secret: 'post',
    rotates: true,
    isOffline: offlineAccess,
    tokens: asGiven,
    dead: invalidGrant('Unknown or invalid refresh token.', 403),
    expected: { ...openId, scope: 'openid email write offline_access' },
  },
  {
    provider: 'keycloak',
    place: 'https://id.example.com/realms/main',
    secret: 'basic',
    rotates: true,
    isOffline: offlineAccess,
    tokens: (given) => ({ ...given, refresh_expires_in: 0, session_state: 'a', 'not-before-policy': 0 }),
    dead: invalidGrant('Offline user session not found'),
    expected: { ...openId, scope: 'openid email write offline_access', deadReason: 'revoked' },
  },
];
