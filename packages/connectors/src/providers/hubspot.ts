import type { ProviderManifest } from '../interface/provider.js';

export const provider: ProviderManifest = {
  id: 'hubspot',
  name: 'HubSpot',
  documentation: 'https://developers.hubspot.com/docs/api-reference/auth-oauth-v3/guide',
  register: 'A public app; `scope` must list every scope that the app requires, including oauth.',
  preset: () => ({
    authorizationEndpoint: 'https://app.hubspot.com/oauth/authorize',
    tokenEndpoint: 'https://api.hubapi.com/oauth/v3/token',
    scopes: ['oauth'],
    account: { subject: '/user_id' },
    clientAuthentication: 'client_secret_post',
  }),
  quirks: [
    'Error codes are in the member status, for instance BAD_REFRESH_TOKEN.',
    'The token response identifies the account.',
    'Refresh tokens do not expire until the app is removed.',
  ],
};
