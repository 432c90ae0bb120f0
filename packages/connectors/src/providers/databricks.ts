import type { ProviderManifest } from '../interface/provider.js';

const workspacePattern =
  /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.\d{1,3})?\.(?:cloud\.databricks\.com|azuredatabricks\.net|gcp\.databricks\.com)$/i;

export const provider: ProviderManifest = {
  id: 'databricks',
  name: 'Databricks',
  documentation: 'https://docs.databricks.com/aws/en/dev-tools/auth/oauth-u2m',
  register: 'A custom OAuth application in the account console, confidential, with the scope all-apis.',
  place: {
    title: 'Workspace host',
    description: 'Host name of the workspace.',
    pattern: workspacePattern,
    example: 'dbc-a1b2345c-d6e7.cloud.databricks.com',
  },
  preset: (host) => ({
    authorizationEndpoint: `https://${host}/oidc/v1/authorize`,
    tokenEndpoint: `https://${host}/oidc/v1/token`,
    scopes: ['all-apis', 'offline_access'],
    clientAuthentication: 'client_secret_basic',
    account: {
      endpoint: `https://${host}/api/2.0/preview/scim/v2/Me`,
      subject: '/id',
      email: '/userName',
    },
    // The generic code for a malformed request; only this text makes it about the grant.
    answers: [{ code: 'invalid_request', words: 'refresh token is invalid', means: 'grant_dead' }],
  }),
  quirks: [
    'PKCE is required.',
    'Refresh tokens rotate.',
    'An invalid refresh token gets invalid_request with the text "Refresh token is invalid".',
  ],
};
