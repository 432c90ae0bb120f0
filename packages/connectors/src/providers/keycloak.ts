import { issuerPattern, type ProviderManifest } from '../interface/provider.js';

export const provider: ProviderManifest = {
  id: 'keycloak',
  name: 'Keycloak',
  documentation: 'https://www.keycloak.org/securing-apps/oidc-layers',
  register:
    'A client with client authentication and the standard flow; assign the scope offline_access to it.',
  place: {
    title: 'Issuer of the realm',
    description: 'For instance https://id.example.com/realms/main.',
    pattern: issuerPattern,
    example: 'https://id.example.com/realms/main',
  },
  preset: (issuer) => {
    const base = `${issuer.replace(/\/$/, '')}/protocol/openid-connect`;
    return {
      authorizationEndpoint: `${base}/auth`,
      tokenEndpoint: `${base}/token`,
      revocationEndpoint: `${base}/revoke`,
      deviceAuthorizationEndpoint: `${base}/auth/device`,
      issuer: issuer.replace(/\/$/, ''),
      scopes: ['openid', 'offline_access'],
      accountScopes: ['email'],
      clientAuthentication: 'client_secret_basic',
      idleDays: 30,
      answers: [
        { code: 'invalid_grant', words: 'token is not active', means: 'expired' },
        { code: 'invalid_grant', words: 'session not active', means: 'expired' },
        { code: 'invalid_grant', words: 'offline user session not found', means: 'revoked' },
        { code: 'invalid_grant', words: 'stale', means: 'rotated_away' },
        {
          code: 'invalid_grant',
          words: 'maximum allowed refresh token reuse exceeded',
          means: 'rotated_away',
        },
      ],
    };
  },
  quirks: [
    'Offline sessions expire after 30 days without use, unless configured otherwise.',
    'The reason why a grant ended is only in the error text: Token is not active, Session not active, Stale token and others.',
  ],
};
