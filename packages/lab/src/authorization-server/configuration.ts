import { randomBytes } from 'node:crypto';
import type { Configuration } from 'oidc-provider';
import { errorPage, type LabUser, page } from './pages.js';
import type { AuthorizationStore } from './store.js';

/** Scopes beside OpenID's that the server knows; unknown ones are ignored, as RFC 6749 section 3.3 allows. */
const apiScopes = [
  'https://www.googleapis.com/auth/bigquery',
  'https://www.googleapis.com/auth/bigquery.readonly',
  'https://www.googleapis.com/auth/cloud-platform',
  'read',
  'write',
];

const day = 24 * 3600;

const isOwnToken = (_: unknown, client: { clientId: string }, token: { clientId?: string | undefined }) =>
  token.clientId === client.clientId;

/** Answers with one of our pages. */
function show(context: { type: string; body: unknown }, html: string): void {
  context.type = 'text/html; charset=utf-8';
  context.body = html;
}

/** oidc-provider's own pages submit the forms by script; ours have no scripts. */
const withButton = (form: string): string =>
  form.replace('</form>', '<button type="submit">Continue</button></form>');

const features: NonNullable<Configuration['features']> = {
  devInteractions: { enabled: false },
  clientCredentials: { enabled: true },
  revocation: { enabled: true, allowedPolicy: isOwnToken },
  introspection: { enabled: true, allowedPolicy: isOwnToken },
  rpInitiatedLogout: { enabled: false },
  // RFC 8628.
  deviceFlow: {
    enabled: true,
    userCodeInputSource: (context, form) =>
      show(context, page('Enter the code of your device', withButton(form))),
    userCodeConfirmSource: (context, form, ...[, , userCode]) =>
      show(context, page('Is this the code of your device?', `<p>${userCode}</p>${withButton(form)}`)),
    successSource: (context) => show(context, page('Signed in', '<p>Go back to your device.</p>')),
  },
  pushedAuthorizationRequests: { enabled: true },
  resourceIndicators: {
    enabled: true,
    defaultResource: () => [],
    useGrantedResource: () => true,
    getResourceServerInfo: (_, resource) => ({
      scope: apiScopes.join(' '),
      audience: resource,
      accessTokenFormat: 'opaque',
    }),
  },
};

function lifetimes(accessTokenSeconds: number): NonNullable<Configuration['ttl']> {
  return {
    AccessToken: accessTokenSeconds,
    ClientCredentials: accessTokenSeconds,
    // RFC 6749 section 4.1.2 allows ten minutes; a user who copies a code by hand needs more than one.
    AuthorizationCode: 600,
    DeviceCode: 600,
    IdToken: 3600,
    RefreshToken: 14 * day,
    Grant: 14 * day,
    Session: day,
    Interaction: 3600,
  };
}

/**
 * Settings of oidc-provider. Everything it has a "you should change this" default for is set, because it prints
 * a notice on standard output where it is not.
 */
export function providerConfiguration(input: {
  store: AuthorizationStore;
  users: readonly LabUser[];
  accessTokenSeconds: number;
  /** Asked at each refresh. */
  rotates: () => boolean;
  jwks: NonNullable<Configuration['jwks']>;
  /** Whether the sign-in that led to this code requested offline access. */
  isOfflineCode: (code: string) => boolean;
}): Configuration {
  return {
    adapter: input.store.adapter,
    jwks: input.jwks,
    cookies: { keys: [randomBytes(24).toString('base64url')] },
    scopes: ['openid', 'offline_access', ...apiScopes],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    extraParams: ['access_type', 'include_granted_scopes'],
    // As large providers do: the ID token itself identifies the user.
    conformIdTokenClaims: false,
    responseTypes: ['code'],
    pkce: { required: () => true },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    features,
    ttl: lifetimes(input.accessTokenSeconds),
    renderError: (context, { error, error_description: description }) =>
      show(context, errorPage(error, description ?? '')),
    expiresWithSession: () => false,
    rotateRefreshToken: input.rotates,
    issueRefreshToken: async (_, client, code) =>
      client.grantTypeAllowed('refresh_token') &&
      (code.kind === 'DeviceCode' || input.isOfflineCode(code.jti)),
    findAccount: (_, id) => {
      const user = input.users.find(({ login }) => login === id);
      if (user === undefined) return undefined;
      const claims = { sub: id, name: user.login, email: user.email, email_verified: true };
      return { accountId: id, claims: () => claims };
    },
  };
}
