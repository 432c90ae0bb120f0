import type { ProviderManifest } from '../interface/provider.js';

export const provider: ProviderManifest = {
  id: 'github',
  name: 'GitHub',
  documentation: 'https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps',
  register: 'A GitHub App with expiring user tokens, or an OAuth app, whose scopes go into `scope`.',
  preset: () => ({
    authorizationEndpoint: 'https://github.com/login/oauth/authorize',
    tokenEndpoint: 'https://github.com/login/oauth/access_token',
    deviceAuthorizationEndpoint: 'https://github.com/login/device/code',
    scopes: [],
    account: { endpoint: 'https://api.github.com/user', subject: '/id', email: '/email' },
    grantedScopeSeparator: ',',
    answersForms: true,
    clientAuthentication: 'client_secret_post',
  }),
  // With data residency (https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency), the API has a host of
  // its own; GitHub Enterprise Server has one host for all.
  ownServer({ origin, pathname }) {
    const site = origin.replace(/^https:\/\/api\.(?=[a-z0-9-]+\.ghe\.com$)/, 'https://');
    return {
      authorizationEndpoint: `${site}/login/oauth/authorize`,
      tokenEndpoint: `${site}/login/oauth/access_token`,
      deviceAuthorizationEndpoint: `${site}/login/device/code`,
      account: { endpoint: `${origin}${pathname.replace(/\/$/, '')}/user`, subject: '/id', email: '/email' },
    };
  },
  quirks: [
    'Errors come with status 200.',
    'Token responses are form-encoded unless JSON is requested; both are accepted.',
    'Granted scopes are separated by commas.',
    'Tokens of OAuth apps do not expire and have no refresh token; tokens of GitHub Apps last eight hours and rotate.',
  ],
};
