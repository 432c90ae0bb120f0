import { domainPattern, type ProviderManifest } from '../interface/provider.js';

export const provider: ProviderManifest = {
  id: 'okta',
  name: 'Okta',
  documentation: 'https://developer.okta.com/docs/guides/implement-grant-type/authcodepkce/main/',
  register:
    'An OIDC app integration of the type Web Application, with the refresh token grant; allow it on the default authorization server.',
  place: {
    title: 'Domain',
    description: 'Domain of the org; its default authorization server is used.',
    pattern: domainPattern,
    example: 'example.okta.com',
  },
  preset: (domain) => {
    const issuer = `https://${domain}/oauth2/default`;
    return {
      authorizationEndpoint: `${issuer}/v1/authorize`,
      tokenEndpoint: `${issuer}/v1/token`,
      revocationEndpoint: `${issuer}/v1/revoke`,
      deviceAuthorizationEndpoint: `${issuer}/v1/device/authorize`,
      issuer,
      scopes: ['openid', 'offline_access'],
      accountScopes: ['email'],
      clientAuthentication: 'client_secret_basic',
      idleDays: 7,
      answers: [{ code: 'e0000047', means: 'rate_limited' }],
    };
  },
  quirks: [
    'A refresh token expires after seven days without use, unless the policy says otherwise.',
    'Rotation has a grace period of up to a minute.',
    'Rate limiting is reported as E0000047 in errorCode.',
  ],
};
