import { labelPattern, type ProviderManifest } from '../spec/provider.js';

export const provider: ProviderManifest = {
  id: 'zendesk',
  name: 'Zendesk',
  documentation:
    'https://developer.zendesk.com/documentation/api-basics/authentication/using-oauth-to-authenticate-zendesk-api-requests-in-a-web-app/',
  register: 'An OAuth client in the Admin Center of the subdomain, of the kind confidential.',
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
    'Refresh tokens are rotated; the old access token ends with the old refresh token.',
    'Codes live two minutes.',
    'Access tokens of older clients have no end and no refresh token.',
  ],
};
