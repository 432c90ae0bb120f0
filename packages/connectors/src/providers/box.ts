import type { ProviderManifest } from '../interface/provider.js';

export const provider: ProviderManifest = {
  id: 'box',
  name: 'Box',
  documentation: 'https://developer.box.com/guides/authentication/oauth2/oauth2-setup/',
  register: 'A custom app with user authentication (OAuth 2.0); set its application scopes there.',
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
    'A refresh token works once and expires after 60 days. The error text "Refresh token has expired" also covers a used one.',
    'Scopes are set in the app registration, not in the request.',
  ],
};
