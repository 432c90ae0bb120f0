import type { ProviderManifest } from '../interface/provider.js';

export const provider: ProviderManifest = {
  id: 'slack',
  name: 'Slack',
  documentation: 'https://docs.slack.dev/authentication/installing-with-oauth',
  register: 'An app with bot scopes, which go into `scope`; turn on token rotation if tokens should expire.',
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
    'Scopes are separated by commas, in requests and in responses.',
    'The token type is bot, although the token is a bearer token.',
    'The token is the bot token; tokens expire and rotate only if rotation is turned on.',
  ],
};
