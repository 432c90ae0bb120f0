import { z } from 'zod';
import { ignored, ignoredExceptFilters } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import {
  instantSchema,
  linkSchema,
  listLinksSchema,
  objectIdSchema,
  pageQuery,
  patchBodySchema,
  spaceNameSchema,
} from '../wire.js';

// Spaces: QLIK.md 1.5 and 6.1.

export const spaceTypeSchema = z.enum(['shared', 'managed', 'data']);
export type SpaceType = z.infer<typeof spaceTypeSchema>;

export const spaceRoleSchema = z.enum([
  'basicconsumer',
  'codeveloper',
  'consumer',
  'contributor',
  'dataconsumer',
  'datapreview',
  'facilitator',
  'operator',
  'producer',
  'publisher',
]);
export type SpaceRole = z.infer<typeof spaceRoleSchema>;

export const spaceSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    type: spaceTypeSchema,
    ownerId: z.string(),
    tenantId: z.string(),
    createdAt: instantSchema,
    createdBy: z.string(),
    updatedAt: instantSchema,
    links: z.object({ self: linkSchema, assignments: linkSchema }),
    meta: z.object({
      actions: z.array(z.string()),
      assignableRoles: z.array(z.string()),
      roles: z.array(z.string()),
    }),
  })
  .meta({ id: 'Space' });
export type SpaceReply = z.infer<typeof spaceSchema>;

export const spaceParams = z.object({ spaceId: objectIdSchema });

export const listSpaces = defineRoute({
  id: 'listSpaces',
  method: 'GET',
  path: '/api/v1/spaces',
  unknownInput: ignoredExceptFilters({
    owner: 'use ownerId',
    sub: 'use ownerId',
    where: 'use name, type or ownerId',
  }),
  summary: 'List the spaces of the caller',
  tag: 'spaces',
  permission: 'Spaces in which the caller has a role; tenant administrators: all spaces.',
  tier: 1,
  query: z.object({
    name: z.string().max(256).optional().meta({ description: 'Part of the name, case-insensitive' }),
    type: z.string().max(64).optional().meta({ description: 'Comma-separated list of types' }),
    ownerId: z.string().max(64).optional(),
    roles: z
      .union([z.string().max(256), z.array(z.string().max(64)).max(10)])
      .optional()
      .meta({
        description: 'Comma-separated roles: only spaces in which the caller has one of them',
      }),
    sort: z.string().max(64).optional().meta({
      description: 'name, type or createdAt, prefixed with + or -',
    }),
    ...pageQuery,
  }),
  responses: {
    200: {
      description: 'Spaces',
      schema: z.object({
        data: z.array(spaceSchema),
        links: listLinksSchema,
        meta: z.object({ count: z.int() }),
      }),
    },
  },
  errors: ['DCERROR-0010'],
});

export const createSpace = defineRoute({
  id: 'createSpace',
  method: 'POST',
  path: '/api/v1/spaces',
  unknownInput: ignored,
  summary: 'Create a space, owned by the caller',
  tag: 'spaces',
  permission: 'Any user.',
  tier: 2,
  body: z.object({
    name: spaceNameSchema,
    type: spaceTypeSchema,
    description: z.string().max(1024).optional(),
  }),
  idempotent: true,
  responses: { 201: { description: 'The space', schema: spaceSchema } },
  errors: ['QUOTA-EXCEEDED', 'DCERROR-0010', 'CONFLICT'],
});

export const listSpaceTypes = defineRoute({
  id: 'listSpaceTypes',
  method: 'GET',
  path: '/api/v1/spaces/types',
  unknownInput: ignored,
  summary: 'List the types of spaces',
  tag: 'spaces',
  permission: 'Any user.',
  tier: 1,
  responses: { 200: { description: 'The types', schema: z.object({ data: z.array(spaceTypeSchema) }) } },
  errors: [],
});

export const getSpace = defineRoute({
  id: 'getSpace',
  method: 'GET',
  path: '/api/v1/spaces/{spaceId}',
  unknownInput: ignored,
  summary: 'Get one space',
  tag: 'spaces',
  permission: 'Members and tenant administrators.',
  tier: 1,
  params: spaceParams,
  etag: 'space',
  responses: { 200: { description: 'The space', schema: spaceSchema } },
  errors: ['DCERROR-0010', 'NOT-FOUND'],
});

export const spaceUpdateSchema = z.object({
  name: spaceNameSchema.optional(),
  description: z.string().max(1024).optional(),
  ownerId: objectIdSchema.optional(),
});
export type SpaceUpdate = z.output<typeof spaceUpdateSchema>;

const changeSpace = {
  tag: 'spaces',
  permission:
    'Owner, facilitator or tenant administrator; only the owner or a tenant administrator may change the owner.',
  tier: 2,
  params: spaceParams,
  responses: { 200: { description: 'The space', schema: spaceSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
} as const;

export const updateSpace = defineRoute({
  ...changeSpace,
  id: 'updateSpace',
  method: 'PUT',
  path: '/api/v1/spaces/{spaceId}',
  unknownInput: ignored,
  summary: 'Update name, description or owner of a space',
  etag: 'space',
  body: spaceUpdateSchema,
});

export const patchSpace = defineRoute({
  ...changeSpace,
  id: 'patchSpace',
  method: 'PATCH',
  path: '/api/v1/spaces/{spaceId}',
  unknownInput: ignored,
  summary: 'Update parts of a space',
  description: '`replace` on `/name`, `/description` and `/ownerId`.',
  etag: 'space',
  body: patchBodySchema,
});

export const deleteSpace = defineRoute({
  id: 'deleteSpace',
  method: 'DELETE',
  path: '/api/v1/spaces/{spaceId}',
  unknownInput: ignored,
  summary: 'Delete an empty space',
  tag: 'spaces',
  permission: 'Owner, facilitator or tenant administrator.',
  tier: 2,
  params: spaceParams,
  etag: 'space',
  responses: { 204: { description: 'Deleted' } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});
