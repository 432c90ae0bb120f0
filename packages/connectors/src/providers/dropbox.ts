import type { ProviderManifest } from '../interface/provider.js';

export const provider: ProviderManifest = {
  id: 'dropbox',
  name: 'Dropbox',
  documentation: 'https://developers.dropbox.com/oauth-guide',
  register: 'An app in the App Console; its permissions are the scopes.',
  preset: () => ({
    authorizationEndpoint: 'https://www.dropbox.com/oauth2/authorize',
    tokenEndpoint: 'https://api.dropboxapi.com/oauth2/token',
    scopes: [],
    account: { subject: '/account_id' },
    authorizationParameters: { token_access_type: 'offline' },
    clientAuthentication: 'client_secret_post',
    answers: [{ code: 'invalid_grant', words: 'refresh token is invalid or revoked', means: 'revoked' }],
  }),
  quirks: [
    'A refresh token is issued only with token_access_type=offline, stays valid until it is revoked, and is not repeated on refresh.',
    'The token response identifies the account.',
    'Tokens are revoked by a proprietary API call, not by RFC 7009.',
  ],
};
