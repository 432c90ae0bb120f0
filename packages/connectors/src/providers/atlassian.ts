import type { ProviderManifest } from '../interface/provider.js';

export const provider: ProviderManifest = {
  id: 'atlassian',
  name: 'Atlassian',
  documentation: 'https://developer.atlassian.com/cloud/oauth/getting-started/',
  register:
    'An OAuth 2.0 (3LO) app in the developer console, with the APIs to read and the User identity API (read:me).',
  preset: () => ({
    authorizationEndpoint: 'https://auth.atlassian.com/authorize',
    tokenEndpoint: 'https://auth.atlassian.com/oauth/token',
    scopes: ['offline_access'],
    accountScopes: ['read:me'],
    account: { endpoint: 'https://api.atlassian.com/me', subject: '/account_id', email: '/email' },
    authorizationParameters: { audience: 'api.atlassian.com', prompt: 'consent' },
    clientAuthentication: 'client_secret_post',
    idleDays: 90,
    // Otherwise this code is about the client; Atlassian also uses it with other texts.
    answers: [{ code: 'unauthorized_client', words: 'refresh_token is invalid', means: 'grant_dead' }],
  }),
  quirks: [
    'Refresh tokens rotate and expire after 90 days without use.',
    'An invalid refresh token gets status 403 with invalid_grant, or with unauthorized_client and the text "refresh_token is invalid".',
    'The audience parameter names its API.',
  ],
};
