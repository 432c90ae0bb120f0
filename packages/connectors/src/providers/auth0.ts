import { domainPattern, type ProviderManifest } from '../interface/provider.js';

export const provider: ProviderManifest = {
  id: 'auth0',
  name: 'Auth0',
  documentation:
    'https://auth0.com/docs/get-started/authentication-and-authorization-flow/authorization-code-flow-with-pkce',
  register:
    'A Regular Web Application with the refresh token grant; an API with Allow Offline Access, whose identifier goes into `audience`.',
  place: {
    title: 'Domain',
    description: 'Domain of the tenant, or a custom domain.',
    pattern: domainPattern,
    example: 'example.eu.auth0.com',
  },
  preset: (domain) => ({
    authorizationEndpoint: `https://${domain}/authorize`,
    tokenEndpoint: `https://${domain}/oauth/token`,
    revocationEndpoint: `https://${domain}/oauth/revoke`,
    deviceAuthorizationEndpoint: `https://${domain}/oauth/device/code`,
    issuer: `https://${domain}/`,
    scopes: ['openid', 'offline_access'],
    accountScopes: ['email'],
    clientAuthentication: 'client_secret_post',
    idleDays: 15,
  }),
  quirks: [
    'An invalid refresh token gets status 403, not 400.',
    'The issuer ends with a slash.',
    'Reuse of a rotated refresh token revokes the whole token family.',
    'A refresh token expires after 15 days without use, unless configured otherwise.',
  ],
};
