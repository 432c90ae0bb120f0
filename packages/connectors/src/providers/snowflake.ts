import type { ProviderManifest } from '../interface/provider.js';

const accountPattern = /^[a-z][a-z0-9_-]{0,62}(?:\.[a-z0-9-]{1,40}){0,3}$/i;

export const provider: ProviderManifest = {
  id: 'snowflake',
  name: 'Snowflake',
  documentation: 'https://docs.snowflake.com/en/user-guide/oauth-custom',
  register:
    'A security integration of the type OAUTH with OAUTH_CLIENT = CUSTOM, a confidential client and OAUTH_ISSUE_REFRESH_TOKENS = TRUE. session:role:… in `scope` chooses a role.',
  place: {
    title: 'Account',
    description: 'Account identifier, as in the host name before .snowflakecomputing.com.',
    pattern: accountPattern,
    example: 'myorg-account1',
  },
  preset: (account) => ({
    authorizationEndpoint: `https://${account}.snowflakecomputing.com/oauth/authorize`,
    tokenEndpoint: `https://${account}.snowflakecomputing.com/oauth/token-request`,
    scopes: ['refresh_token'],
    clientAuthentication: 'client_secret_basic',
    account: { subject: '/username' },
    idleDays: 90,
  }),
  quirks: [
    'Access tokens last ten minutes.',
    'The scope refresh_token requests a refresh token.',
    'Administrators revoke the grant with a SQL statement.',
  ],
};
