import type { ProviderManifest } from '../spec/provider.js';

export const provider: ProviderManifest = {
  id: 'box',
  name: 'Box',
  documentation: 'https://developer.box.com/guides/authentication/oauth2/oauth2-setup/',
  register: 'A custom app with user authentication (OAuth 2.0); its application scopes are set there.',
  preset: () => ({
    authorizationEndpoint: 'https://account.box.com/api/oauth2/authorize',
    tokenEndpoint: 'https://api.box.com/oauth2/token',
    revocationEndpoint: 'https://api.box.com/oauth2/revoke',
    scopes: [],
    account: { endpoint: 'https://api.box.com/2.0/users/me', subject: '/id', email: '/login' },
    clientAuthentication: 'client_secret_post',
    idleDays: 60,
    answers: [{ code: 'invalid_grant', words: 'refresh token has expired', means: 'expired' }],
  }),
  quirks: [
    'A refresh token works once and ends after sixty days. The words that it has expired are also said of one that was used.',
    'Scopes are set where the application is registered, not in the request.',
  ],
};
