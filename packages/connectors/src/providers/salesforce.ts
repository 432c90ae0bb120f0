import type { ProviderManifest } from '../spec/provider.js';

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
    clientAuthentication: 'client_secret_post',
    tokenLifeSeconds: 7200,
    answers: [
      { code: 'inactive_user', means: 'policy' },
      { code: 'inactive_org', means: 'policy' },
    ],
  }),
  quirks: [
    'Answers have no expires_in: the session time of the org decides, two hours unless set.',
    'The answer of the token endpoint says whose account it is, with the address of the identity.',
    'Two refreshes at once: one is refused with invalid_grant and the words that it is already being processed.',
  ],
};
