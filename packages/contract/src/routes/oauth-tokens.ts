import { z } from 'zod';
import { ignored, ignoredExceptFilters } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import { errorItemSchema, instantSchema, listLinksSchema, pageQuery } from '../wire.js';

// Access tokens of OAuth clients: RFC 6749 section 4.4, with the members that Qlik's client reads.

const tokenErrorSchema = z
  .object({
    errors: z.array(errorItemSchema),
    traceId: z.string(),
    error: z
      .enum(['invalid_request', 'invalid_client', 'unsupported_grant_type', 'invalid_scope'])
      .meta({ description: 'RFC 6749 section 5.2' }),
    error_description: z.string(),
  })
  .meta({ id: 'TokenError' });

const text = z.string().max(4096).optional();

export const issueToken = defineRoute({
  id: 'issueToken',
  method: 'POST',
  path: '/oauth/token',
  unknownInput: ignored,
  summary: 'Get an access token with the secret of an OAuth client',
  description:
    'Grant type `client_credentials`. The body is JSON or form-encoded; client id and secret may also be sent by HTTP Basic authentication. Send the token as `Authorization: Bearer`, like an API key.',
  tag: 'oauth-tokens',
  public: true,
  permission: 'Anyone with the secret of a client. Failed attempts are rate limited by IP address.',
  tier: 'none',
  bodyTypes: ['application/json', 'application/x-www-form-urlencoded'],
  body: z.object({
    grant_type: text,
    client_id: text,
    client_secret: text,
    scope: text.meta({ description: 'Space-separated; absent: all scopes of the client' }),
  }),
  responses: {
    200: {
      description: 'The token',
      schema: z.object({
        access_token: z.string().meta({ description: 'Shown in this answer only', secret: true }),
        token_type: z.literal('bearer'),
        expires_in: z.int().meta({ description: 'Seconds' }),
        expires_at: instantSchema,
        scope: z.string(),
      }),
    },
    400: { description: 'Invalid request or scope', schema: tokenErrorSchema },
    401: { description: 'Unknown client or wrong secret', schema: tokenErrorSchema },
  },
  errors: ['HTTP-429'],
});

const tokenSchema = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    userId: z.string(),
    clientId: z.string(),
    description: z.string(),
    createdAt: instantSchema,
    expiresAt: instantSchema,
  })
  .meta({ id: 'OAuthToken' });

export const listOAuthTokens = defineRoute({
  id: 'listOAuthTokens',
  method: 'GET',
  path: '/api/v1/oauth-tokens',
  unknownInput: ignoredExceptFilters({ ownerId: 'use userId', owner: 'use userId', sub: 'use userId' }),
  summary: 'List valid access tokens, without the tokens themselves',
  tag: 'oauth-tokens',
  permission: 'Your own tokens; tenant administrators: all tokens of the tenant.',
  tier: 1,
  query: z.object({
    userId: z.string().max(64).optional(),
    sort: z.string().max(64).optional().meta({ description: 'id or userId, prefixed with + or -' }),
    ...pageQuery,
  }),
  responses: {
    200: { description: 'Tokens', schema: z.object({ data: z.array(tokenSchema), links: listLinksSchema }) },
  },
  errors: ['DCERROR-0010'],
});

export const revokeOAuthToken = defineRoute({
  id: 'revokeOAuthToken',
  method: 'DELETE',
  path: '/api/v1/oauth-tokens/{tokenId}',
  unknownInput: ignored,
  summary: 'Revoke an access token',
  tag: 'oauth-tokens',
  permission: 'Your own tokens; tenant administrators: any token of the tenant.',
  tier: 2,
  params: z.object({ tokenId: z.string().min(1).max(64) }),
  responses: { 204: { description: 'Revoked, effective from the next request' } },
  errors: ['NOT-FOUND'],
});
