import type { ProviderManifest } from '../interface/provider.js';

const orgPattern =
  /^(?:login|test)\.salesforce\.com$|^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.sandbox)?\.my\.salesforce\.com$/i;

export const provider: ProviderManifest = {
  id: 'salesforce',
  name: 'Salesforce',
  documentation: 'https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_web_server_flow.htm',
  register:
    'An external client app or connected app with OAuth settings, the scopes api and refresh_token, and a refresh token policy that keeps tokens until they are revoked.',
  place: {
    title: 'Domain',
    description: 'login.salesforce.com, test.salesforce.com, or a My Domain host.',
    pattern: orgPattern,
    example: 'example.my.salesforce.com',
    default: 'login.salesforce.com',
  },
  preset: (domain) => ({
    authorizationEndpoint: `https://${domain}/services/oauth2/authorize`,
    tokenEndpoint: `https://${domain}/services/oauth2/token`,
    revocationEndpoint: `https://${domain}/services/oauth2/revoke`,
    scopes: ['api', 'refresh_token'],
    account: { subject: '/id' },
    apiPlace: { at: '/instance_url', domains: ['salesforce.com'] },
    clientAuthentication: 'client_secret_post',
    tokenLifeSeconds: 7200,
    answers: [
      { code: 'inactive_user', means: 'policy' },
      { code: 'inactive_org', means: 'policy' },
    ],
  }),
  quirks: [
    'Token responses have no expires_in: the session timeout of the org applies, two hours by default.',
    'The token response identifies the account by the URL of its identity.',
    'A connection whose `url` is at the sign-in host is read at the API that each user’s token response names.',
    'Of two concurrent refreshes, one fails with invalid_grant and a text that the token is already being processed.',
  ],
};
