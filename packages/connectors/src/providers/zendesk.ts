import { labelPattern, type ProviderManifest } from '../interface/provider.js';

export const provider: ProviderManifest = {
  id: 'zendesk',
  name: 'Zendesk',
  documentation:
    'https://developer.zendesk.com/documentation/api-basics/authentication/using-oauth-to-authenticate-zendesk-api-requests-in-a-web-app/',
  register: 'A confidential OAuth client in the Admin Center of the subdomain.',
  place: {
    title: 'Subdomain',
    description: 'The part of the address before .zendesk.com.',
    pattern: labelPattern,
    example: 'example',
  },
  preset: (subdomain) => ({
    authorizationEndpoint: `https://${subdomain}.zendesk.com/oauth/authorizations/new`,
    tokenEndpoint: `https://${subdomain}.zendesk.com/oauth/tokens`,
    scopes: ['read'],
    account: {
      endpoint: `https://${subdomain}.zendesk.com/api/v2/users/me.json`,
      subject: '/user/id',
      email: '/user/email',
    },
    clientAuthentication: 'client_secret_post',
  }),
  quirks: [
    'Refresh tokens rotate; the old access token ends with the old refresh token.',
    'Authorization codes last two minutes.',
    'Access tokens of older clients do not expire and have no refresh token.',
  ],
};
