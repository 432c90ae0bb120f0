import type { ProviderManifest } from '../interface/provider.js';

export const provider: ProviderManifest = {
  id: 'google',
  name: 'Google',
  documentation: 'https://developers.google.com/identity/protocols/oauth2/web-server',
  register:
    'A project with an OAuth client of the type Web application; enable the APIs to read in the project, and put their scopes into `scope`.',
  preset: () => ({
    authorizationEndpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
    tokenEndpoint: 'https://oauth2.googleapis.com/token',
    revocationEndpoint: 'https://oauth2.googleapis.com/revoke',
    issuer: 'https://accounts.google.com',
    scopes: [],
    accountScopes: ['openid', 'email'],
    authorizationParameters: { prompt: 'consent', access_type: 'offline' },
    clientAuthentication: 'client_secret_post',
    idleDays: 180,
    // A workspace that limits session length requires users to sign in again.
    answers: [{ code: 'invalid_grant', detail: 'invalid_rapt', means: 'policy' }],
  }),
  quirks: [
    'A refresh token is issued only with access_type=offline, and not again on refresh.',
    'Revoking a token ends every grant of the account to this client.',
    'A refresh token expires after six months without use.',
  ],
};
