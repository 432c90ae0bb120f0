import { z } from 'zod';
import { ignored, ignoredExceptFilters } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import { instantSchema, listLinksSchema, pageQuery, patchBodySchema } from '../wire.js';

// QLIK.md 1.5.

export const apiKeySchema = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    description: z.string(),
    sub: z.string().meta({ description: 'User that the key authenticates' }),
    subType: z.literal('user'),
    status: z.enum(['active', 'expired', 'revoked']),
    created: instantSchema,
    lastUpdated: instantSchema,
    createdByUser: z.string(),
    scopes: z
      .array(z.enum(['metrics']))
      .optional()
      .meta({ description: 'Restricts the key; absent: everything its user may do' }),
    expiry: instantSchema.meta({ description: '9999-12-31T23:59:59.999Z: never expires' }),
    invitedBy: z.string().optional().meta({
      description: 'For a key that came from an invitation, and keys created with it: the user who invited',
    }),
    awaitsApproval: z.boolean().optional().meta({
      description:
        'True: the key cannot use credentials and embedded logins that are older than it, until another key of the user approves it',
    }),
  })
  .meta({ id: 'ApiKey' });

const apiKeyWithTokenSchema = apiKeySchema
  .extend({
    token: z.string().meta({ description: 'Shown once, when the key is created', secret: true }),
  })
  .meta({ id: 'ApiKeyWithToken' });
export type ApiKeyReply = z.infer<typeof apiKeySchema>;

export const listApiKeys = defineRoute({
  id: 'listApiKeys',
  method: 'GET',
  path: '/api/v1/api-keys',
  unknownInput: ignoredExceptFilters({
    ownerId: 'use sub',
    owner: 'use sub',
    where: 'use sub, status or createdByUser',
  }),
  summary: 'List API keys, without their tokens',
  tag: 'api-keys',
  permission: 'Your own keys; tenant administrators: all keys of the tenant.',
  tier: 1,
  query: z.object({
    sub: z.string().max(64).optional(),
    status: z.enum(['active', 'expired', 'revoked']).optional(),
    createdByUser: z.string().max(64).optional(),
    sort: z.string().max(64).optional().meta({
      description: 'id, sub, createdByUser, description or created, prefixed with + or -',
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
  unknownInput: ignored,
  summary: 'Create an API key; the token is shown in this answer only',
  tag: 'api-keys',
  description:
    'Requires an API key; access tokens and machine users cannot create keys. The new key expires no later than the key that creates it, and inherits its reach. `successor: true` creates the one successor of that key, with the same lifetime; the old key expires within seven days.',
  permission: 'Any user, for themselves. Invite other users with `POST /api/v1/invitations`.',
  tier: 2,
  body: z.object({
    description: z.string().max(256).optional(),
    expiry: z.iso.duration().optional().meta({
      description:
        'ISO 8601 duration, at most `max_api_key_expiry` of the tenant and the remaining lifetime of the key that creates it; absent: P365D or the lower of these limits',
    }),
    successor: z
      .boolean()
      .optional()
      .meta({ description: 'The new key replaces the key that creates it; not with `expiry`' }),
    sub: z.string().max(64).optional().meta({ description: 'Your own user id' }),
    subType: z.enum(['user']).optional(),
    scopes: z
      .array(z.enum(['metrics']))
      .length(1)
      .optional()
      .meta({
        description: '`metrics`: a key that may read only `/metrics`; tenant administrators can create one',
      }),
  }),
  idempotent: true,
  showsSecret: true,
  responses: { 201: { description: 'The key with its token', schema: apiKeyWithTokenSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'CONFLICT'],
});

const keyParams = z.object({ id: z.string().min(1).max(64) });
const ownOrAdministered = 'Your own keys; tenant administrators: any key of the tenant.';

export const getApiKey = defineRoute({
  id: 'getApiKey',
  method: 'GET',
  path: '/api/v1/api-keys/{id}',
  unknownInput: ignored,
  summary: 'Get an API key, without its token',
  tag: 'api-keys',
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
  unknownInput: ignored,
  summary: 'Change the description of an API key',
  tag: 'api-keys',
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
      description: 'Maximum and default lifetime of a new key; ISO 8601 duration',
    }),
    max_keys_per_user: z.int().meta({ description: 'Maximum number of active keys per user' }),
  })
  .meta({ id: 'ApiKeysConfig' });
export type ApiKeysConfig = z.output<typeof apiKeysConfigSchema>;

const configParams = z.object({ tenantId: z.string().min(1).max(64) });

export const getApiKeysConfig = defineRoute({
  id: 'getApiKeysConfig',
  method: 'GET',
  path: '/api/v1/api-keys/configs/{tenantId}',
  unknownInput: ignored,
  summary: "Limits of the tenant's API keys",
  tag: 'api-keys',
  permission: 'Any user of the tenant.',
  tier: 1,
  params: configParams,
  responses: { 200: { description: 'The limits', schema: apiKeysConfigSchema } },
  errors: ['NOT-FOUND'],
});

export const patchApiKeysConfig = defineRoute({
  id: 'patchApiKeysConfig',
  method: 'PATCH',
  path: '/api/v1/api-keys/configs/{tenantId}',
  unknownInput: ignored,
  summary: "Change the limits of the tenant's API keys",
  description:
    '`replace` on `/max_api_key_expiry` and `/max_keys_per_user`. Existing keys keep their lifetime.',
  tag: 'api-keys',
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
  summary: 'Approve a key that came from an invitation, so that it can use older credentials',
  description:
    'Also approves the keys that were created with it. If you did not redeem the invitation yourself, delete the key.',
  tag: 'api-keys',
  permission: 'Your own keys, using another key that does not await approval itself.',
  tier: 2,
  params: keyParams,
  responses: { 200: { description: 'The key', schema: apiKeySchema } },
  errors: ['ACCESS-DENIED', 'NOT-FOUND'],
});

export const deleteApiKey = defineRoute({
  id: 'deleteApiKey',
  method: 'DELETE',
  path: '/api/v1/api-keys/{id}',
  unknownInput: ignored,
  summary: 'Revoke an API key',
  tag: 'api-keys',
  permission: ownOrAdministered,
  tier: 2,
  params: keyParams,
  responses: {
    204: {
      description:
        'Revoked, effective from the next request. Revoking a key that awaits approval also revokes the keys created with it',
    },
  },
  errors: ['NOT-FOUND'],
});
