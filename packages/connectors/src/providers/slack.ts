import type { ProviderManifest } from '../spec/provider.js';

export const provider: ProviderManifest = {
  id: 'slack',
  name: 'Slack',
  documentation: 'https://docs.slack.dev/authentication/installing-with-oauth',
  register: 'An app with bot scopes, which go into `scope`; turn token rotation on if tokens are to end.',
  preset: () => ({
    authorizationEndpoint: 'https://slack.com/oauth/v2/authorize',
    tokenEndpoint: 'https://slack.com/api/oauth.v2.access',
    scopes: [],
    scopeSeparator: ',',
    clientAuthentication: 'client_secret_post',
    bearerName: 'bot',
    account: { subject: '/authed_user/id' },
    answers: [
      { code: 'token_revoked', means: 'revoked' },
      { code: 'token_expired', means: 'expired' },
      { code: 'account_inactive', means: 'policy' },
    ],
  }),
  quirks: [
    'Errors come with status 200 and ok: false.',
    'Scopes are separated by commas, in requests and in answers.',
    'The token type is bot, and the token is a bearer token all the same.',
    'The token is the one of the bot; tokens end and are rotated only where rotation was turned on.',
  ],
};
