import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema, listLinksSchema, pageQuery } from '../wire.js';

// QLIK.md 1.5.

export const apiKeySchema = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    description: z.string(),
    sub: z.string().meta({ description: 'User the key acts as' }),
    subType: z.literal('user'),
    status: z.enum(['active', 'expired', 'revoked']),
    created: instantSchema,
    lastUpdated: instantSchema,
    createdByUser: z.string(),
    expiry: instantSchema.optional(),
    token: z
      .string()
      .optional()
      .meta({ description: 'Shown once, in the reply to its creation', secret: true }),
  })
  .meta({ id: 'ApiKey' });
export type ApiKeyReply = z.infer<typeof apiKeySchema>;

export const listApiKeys = defineRoute({
  id: 'listApiKeys',
  method: 'GET',
  path: '/api/v1/api-keys',
  summary: 'List API keys, without their tokens',
  tag: 'api-keys',
  auth: 'person',
  permission: 'Own keys; all of the tenant for tenant administrators.',
  tier: 1,
  query: z.object({
    sub: z.string().max(64).optional(),
    status: z.enum(['active', 'expired', 'revoked']).optional(),
    ...pageQuery,
  }),
  responses: {
    200: { description: 'Keys', schema: z.object({ data: z.array(apiKeySchema), links: listLinksSchema }) },
  },
  errors: ['DCERROR-0010'],
});

export const createApiKey = defineRoute({
  id: 'createApiKey',
  method: 'POST',
  path: '/api/v1/api-keys',
  summary: 'Make an API key; the token is in this reply only',
  tag: 'api-keys',
  auth: 'person',
  permission: 'For oneself; for another person (`sub`) by tenant administrators.',
  tier: 2,
  body: z.object({
    description: z.string().max(256).optional(),
    expiry: z.iso
      .duration()
      .optional()
      .meta({ description: 'ISO 8601 duration, at most P3650D; absent: P365D' }),
    sub: z.string().max(64).optional(),
    subType: z.enum(['user']).optional(),
  }),
  responses: { 201: { description: 'The key with its token', schema: apiKeySchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});

export const deleteApiKey = defineRoute({
  id: 'deleteApiKey',
  method: 'DELETE',
  path: '/api/v1/api-keys/{id}',
  summary: 'Revoke an API key',
  tag: 'api-keys',
  auth: 'person',
  permission: 'Own keys; any of the tenant for tenant administrators.',
  tier: 2,
  params: z.object({ id: z.string().min(1).max(64) }),
  responses: { 204: { description: 'Revoked; refused from the next request on' } },
  errors: ['NOT-FOUND'],
});
