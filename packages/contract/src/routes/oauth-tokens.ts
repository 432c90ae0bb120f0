import { z } from 'zod';
import { passedOver, passedOverInList } from '../passed-over.js';
import { defineRoute } from '../route.js';
import { errorItemSchema, instantSchema, listLinksSchema, pageQuery } from '../wire.js';

// Access tokens of OAuth clients: RFC 6749 section 4.4 with the members that Qlik's client reads.

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
  passesOver: passedOver,
  summary: 'Get an access token with the secret of an OAuth client',
  description:
    'Grant type `client_credentials`. The body is JSON or a form; id and secret may also come as HTTP Basic authentication. The token is sent as `Authorization: Bearer` like an API key.',
  tag: 'oauth-tokens',
  auth: 'public',
  permission: 'Whoever has the secret of a client. Wrong secrets are limited by address.',
  tier: 'none',
  bodyTypes: ['application/json', 'application/x-www-form-urlencoded'],
  body: z.object({
    grant_type: text,
    client_id: text,
    client_secret: text,
    scope: text.meta({ description: 'Space-separated; absent: all the client may have' }),
  }),
  responses: {
    200: {
      description: 'The token',
      schema: z.object({
        access_token: z.string().meta({ description: 'The one place it is shown', secret: true }),
        token_type: z.literal('bearer'),
        expires_in: z.int().meta({ description: 'Seconds' }),
        expires_at: instantSchema,
        scope: z.string(),
      }),
    },
    400: { description: 'The request or the scope is not valid', schema: tokenErrorSchema },
    401: { description: 'The client is unknown or its secret wrong', schema: tokenErrorSchema },
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
  passesOver: passedOverInList({ ownerId: 'use userId', owner: 'use userId', sub: 'use userId' }),
  summary: 'Access tokens that are valid now; never the tokens themselves',
  tag: 'oauth-tokens',
  auth: 'person',
  permission: 'Own tokens; all of the tenant for tenant administrators.',
  tier: 1,
  query: z.object({
    userId: z.string().max(64).optional(),
    sort: z.string().max(64).optional().meta({ description: 'id or userId, with + or - before it' }),
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
  passesOver: passedOver,
  summary: 'Revoke an access token',
  tag: 'oauth-tokens',
  auth: 'person',
  permission: 'Own tokens; any of the tenant for tenant administrators.',
  tier: 2,
  params: z.object({ tokenId: z.string().min(1).max(64) }),
  responses: { 204: { description: 'Revoked; refused from the next request on' } },
  errors: ['NOT-FOUND'],
});
