import { issuerPattern, type ProviderManifest } from '../interface/provider.js';

export const provider: ProviderManifest = {
  id: 'oidc',
  name: 'Any OpenID Connect issuer',
  documentation: 'https://openid.net/specs/openid-connect-discovery-1_0.html',
  register: 'A confidential client for the authorization code flow with PKCE, allowed to use refresh tokens.',
  place: {
    title: 'Issuer',
    description: 'Issuer identifier; endpoints come from its metadata.',
    pattern: issuerPattern,
    example: 'https://id.example.com',
  },
  preset: (issuer) => ({
    tokenEndpoint: '',
    issuer,
    scopes: ['openid', 'offline_access'],
    accountScopes: ['email'],
    authorizationParameters: { prompt: 'consent' },
    clientAuthentication: 'client_secret_basic',
  }),
  quirks: ['Follows the metadata of the issuer.'],
};
