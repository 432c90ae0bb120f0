import { domainPattern, type ProviderManifest } from '../interface/provider.js';

const tenantId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Tokens contain the tenant id in lower case, whatever name the request used. */
const issuerOfAnyTenant = new RegExp(
  `^https://login\\.microsoftonline\\.com/${tenantId.source.slice(1, -1)}/v2\\.0$`,
);
const domainOrTenant = new RegExp(`${tenantId.source}|${domainPattern.source}`, 'i');

export const provider: ProviderManifest = {
  id: 'entra',
  name: 'Microsoft Entra ID',
  documentation: 'https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow',
  register:
    'An app registration with the platform Web and a client secret; delegated permissions of the API to read, whose scopes go into `scope`.',
  place: {
    title: 'Tenant',
    description: 'Directory (tenant) id or domain.',
    pattern: domainOrTenant,
    example: 'contoso.onmicrosoft.com',
  },
  preset: (tenant) => {
    const base = `https://login.microsoftonline.com/${tenant}`;
    return {
      authorizationEndpoint: `${base}/oauth2/v2.0/authorize`,
      tokenEndpoint: `${base}/oauth2/v2.0/token`,
      deviceAuthorizationEndpoint: `${base}/oauth2/v2.0/devicecode`,
      ...(tenantId.test(tenant)
        ? { issuer: `https://login.microsoftonline.com/${tenant.toLowerCase()}/v2.0` }
        : { idTokenIssuer: issuerOfAnyTenant }),
      scopes: ['offline_access'],
      accountScopes: ['openid', 'profile', 'email'],
      // Only for access tokens of Microsoft Graph, and with less data than the ID token.
      account: { endpoint: 'https://graph.microsoft.com/oidc/userinfo', subject: '/sub', email: '/email' },
      clientAuthentication: 'client_secret_post',
      idleDays: 90,
      answers: [
        { code: 'invalid_grant', detail: '700082', means: 'expired' },
        { code: 'invalid_grant', detail: '700084', means: 'expired' },
        { code: 'invalid_grant', detail: '50173', means: 'revoked' },
        // Sent as invalid_grant although the grant is valid: the user must provide more, or a policy forbids it.
        { code: 'invalid_grant', detail: '65001', means: 'consent_required' },
        { code: 'invalid_grant', detail: '50076', means: 'policy' },
        { code: 'invalid_grant', detail: '50079', means: 'policy' },
        { code: 'invalid_grant', detail: '53003', means: 'policy' },
      ],
    };
  },
  quirks: [
    'Each refresh returns a new refresh token; the old one stays valid for a while.',
    'ID tokens name the tenant by its id, even if the sign-in used its domain.',
    'The reason for an error is in the list error_codes.',
    'Policies ask for the user with interaction_required; the grant itself stays valid.',
    'Administrators revoke sessions in the directory.',
  ],
};
