import { z } from 'zod';
import { passedOver, passedOverInList } from '../passed-over.js';
import { defineRoute } from '../route.js';
import { instantSchema, listLinksSchema, pageQuery, patchBodySchema } from '../wire.js';

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
    scopes: z
      .array(z.enum(['metrics']))
      .optional()
      .meta({ description: 'What the key is for; absent: everything its user may' }),
    expiry: instantSchema.meta({ description: '9999-12-31T23:59:59.999Z: does not end' }),
    invitedBy: z.string().optional().meta({
      description: 'Of a key that came from an invitation, and of keys made with it: who invited',
    }),
    awaitsApproval: z.boolean().optional().meta({
      description:
        'True: reaches no credential and no embedded login that is older than it, until another key of the user approves it',
    }),
  })
  .meta({ id: 'ApiKey' });

const apiKeyWithTokenSchema = apiKeySchema
  .extend({
    token: z.string().meta({ description: 'Shown once, in the reply to its creation', secret: true }),
  })
  .meta({ id: 'ApiKeyWithToken' });
export type ApiKeyReply = z.infer<typeof apiKeySchema>;

export const listApiKeys = defineRoute({
  id: 'listApiKeys',
  method: 'GET',
  path: '/api/v1/api-keys',
  passesOver: passedOverInList({
    ownerId: 'use sub',
    owner: 'use sub',
    where: 'use sub, status or createdByUser',
  }),
  summary: 'List API keys, without their tokens',
  tag: 'api-keys',
  auth: 'person',
  permission: 'Own keys; all of the tenant for tenant administrators.',
  tier: 1,
  query: z.object({
    sub: z.string().max(64).optional(),
    status: z.enum(['active', 'expired', 'revoked']).optional(),
    createdByUser: z.string().max(64).optional(),
    sort: z.string().max(64).optional().meta({
      description: 'id, sub, createdByUser, description or created, with + or - before it',
    }),
    startingAfter: z.string().min(1).max(64).optional().meta({ description: 'Ids above this one' }),
    endingBefore: z.string().min(1).max(64).optional().meta({ description: 'Ids below this one' }),
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
  passesOver: passedOver,
  summary: 'Make an API key; the token is in this reply only',
  tag: 'api-keys',
  auth: 'person',
  description:
    'With an API key; neither with an access token nor for a machine. The new key ends no later than the one it is made with, and inherits its reach. `successor: true` makes the one successor of that key, which lives as long as it did; the old one ends within seven days.',
  permission: 'For oneself. Other users come in by invitation (`POST /api/v1/invitations`).',
  tier: 2,
  body: z.object({
    description: z.string().max(256).optional(),
    expiry: z.iso.duration().optional().meta({
      description:
        'ISO 8601 duration, at most `max_api_key_expiry` of the tenant and what is left of the key it is made with; absent: P365D or those, whichever is less',
    }),
    successor: z
      .boolean()
      .optional()
      .meta({ description: 'The new key takes the place of the one it is made with; without `expiry`' }),
    sub: z.string().max(64).optional().meta({ description: 'Oneself' }),
    subType: z.enum(['user']).optional(),
    scopes: z
      .array(z.enum(['metrics']))
      .length(1)
      .optional()
      .meta({
        description: '`metrics`: reads `/metrics` and nothing else; by tenant administrators',
      }),
  }),
  idempotent: true,
  showsSecret: true,
  responses: { 201: { description: 'The key with its token', schema: apiKeyWithTokenSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'CONFLICT'],
});

const keyParams = z.object({ id: z.string().min(1).max(64) });
const ownOrAdministered = 'Own keys; any of the tenant for tenant administrators.';

export const getApiKey = defineRoute({
  id: 'getApiKey',
  method: 'GET',
  path: '/api/v1/api-keys/{id}',
  passesOver: passedOver,
  summary: 'Get an API key, without its token',
  tag: 'api-keys',
  auth: 'person',
  permission: ownOrAdministered,
  tier: 1,
  params: keyParams,
  responses: { 200: { description: 'The key', schema: apiKeySchema } },
  errors: ['NOT-FOUND'],
});

export const patchApiKey = defineRoute({
  id: 'patchApiKey',
  method: 'PATCH',
  path: '/api/v1/api-keys/{id}',
  passesOver: passedOver,
  summary: 'Change the description of an API key',
  tag: 'api-keys',
  auth: 'person',
  permission: ownOrAdministered,
  tier: 2,
  params: keyParams,
  body: patchBodySchema,
  responses: { 204: { description: 'Changed' } },
  errors: ['DCERROR-0010', 'NOT-FOUND'],
});

const apiKeysConfigSchema = z
  .object({
    max_api_key_expiry: z.string().meta({
      description: 'Longest life of a new key, and its life when none is asked for; ISO 8601 duration',
    }),
    max_keys_per_user: z.int().meta({ description: 'Most active keys of one person' }),
  })
  .meta({ id: 'ApiKeysConfig' });
export type ApiKeysConfig = z.output<typeof apiKeysConfigSchema>;

const configParams = z.object({ tenantId: z.string().min(1).max(64) });

export const getApiKeysConfig = defineRoute({
  id: 'getApiKeysConfig',
  method: 'GET',
  path: '/api/v1/api-keys/configs/{tenantId}',
  passesOver: passedOver,
  summary: "Limits of the tenant's API keys",
  tag: 'api-keys',
  auth: 'person',
  permission: 'Any person of the tenant.',
  tier: 1,
  params: configParams,
  responses: { 200: { description: 'The limits', schema: apiKeysConfigSchema } },
  errors: ['NOT-FOUND'],
});

export const patchApiKeysConfig = defineRoute({
  id: 'patchApiKeysConfig',
  method: 'PATCH',
  path: '/api/v1/api-keys/configs/{tenantId}',
  passesOver: passedOver,
  summary: "Change the limits of the tenant's API keys",
  description:
    '`replace` on `/max_api_key_expiry` and `/max_keys_per_user`. Keys that exist keep their life.',
  tag: 'api-keys',
  auth: 'person',
  permission: 'Tenant administrators.',
  tier: 2,
  params: configParams,
  body: patchBodySchema,
  responses: { 204: { description: 'Changed' } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});

export const approveApiKey = defineRoute({
  id: 'approveApiKey',
  method: 'POST',
  path: '/api/v1/api-keys/{id}/actions/approve',
  summary: 'It was me: let a key that came from an invitation reach what is older than it',
  description: 'Holds for the keys that were made with it as well. If it was not you, delete the key.',
  tag: 'api-keys',
  auth: 'person',
  permission: 'Own keys, with another one that itself awaits no approval.',
  tier: 2,
  params: keyParams,
  responses: { 200: { description: 'The key', schema: apiKeySchema } },
  errors: ['ACCESS-DENIED', 'NOT-FOUND'],
});

export const deleteApiKey = defineRoute({
  id: 'deleteApiKey',
  method: 'DELETE',
  path: '/api/v1/api-keys/{id}',
  passesOver: passedOver,
  summary: 'Revoke an API key',
  tag: 'api-keys',
  auth: 'person',
  permission: ownOrAdministered,
  tier: 2,
  params: keyParams,
  responses: {
    204: {
      description:
        'Revoked; refused from the next request on. With a key that awaits approval all that were made with it end',
    },
  },
  errors: ['NOT-FOUND'],
});
