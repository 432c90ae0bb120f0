import type { ProviderManifest } from '../spec/provider.js';

export const provider: ProviderManifest = {
  id: 'atlassian',
  name: 'Atlassian',
  documentation: 'https://developer.atlassian.com/cloud/oauth/getting-started/',
  register:
    'An OAuth 2.0 (3LO) app in the developer console, with the APIs that are read and the User identity API (read:me).',
  preset: () => ({
    authorizationEndpoint: 'https://auth.atlassian.com/authorize',
    tokenEndpoint: 'https://auth.atlassian.com/oauth/token',
    scopes: ['offline_access'],
    accountScopes: ['read:me'],
    account: { endpoint: 'https://api.atlassian.com/me', subject: '/account_id', email: '/email' },
    authorizationParameters: { audience: 'api.atlassian.com', prompt: 'consent' },
    clientAuthentication: 'client_secret_post',
    idleDays: 90,
    // Elsewhere the code is about the client, and with other words here too.
    answers: [{ code: 'unauthorized_client', words: 'refresh_token is invalid', means: 'grant_dead' }],
  }),
  quirks: [
    'Refresh tokens are rotated and end after ninety days without use.',
    'A dead refresh token is refused with status 403: invalid_grant, or unauthorized_client and the words refresh_token is invalid.',
    'The parameter audience names its API.',
  ],
};
