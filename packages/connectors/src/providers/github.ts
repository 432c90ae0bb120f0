import type { ProviderManifest } from '../spec/provider.js';

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
  quirks: [
    'Errors come with status 200.',
    'Tokens come as a form unless JSON is asked for; both are read.',
    'Granted scopes are separated by commas.',
    'Tokens of OAuth apps have no end and no refresh token; those of GitHub Apps last eight hours and are rotated.',
  ],
};
