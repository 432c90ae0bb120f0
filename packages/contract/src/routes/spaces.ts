import { z } from 'zod';
import { passedOver, passedOverInList } from '../passed-over.js';
import { defineRoute } from '../route.js';
import {
  instantSchema,
  listLinksSchema,
  objectIdSchema,
  pageQuery,
  patchBodySchema,
  spaceNameSchema,
} from '../wire.js';

// Spaces and assignments: QLIK.md 1.5 and 6.1.

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

const linkTo = z.object({ href: z.string() });

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
    links: z.object({ self: linkTo, assignments: linkTo }),
    meta: z.object({
      actions: z.array(z.string()),
      assignableRoles: z.array(z.string()),
      roles: z.array(z.string()),
    }),
  })
  .meta({ id: 'Space' });
export type SpaceReply = z.infer<typeof spaceSchema>;

const spaceParams = z.object({ spaceId: objectIdSchema });

export const listSpaces = defineRoute({
  id: 'listSpaces',
  method: 'GET',
  path: '/api/v1/spaces',
  passesOver: passedOverInList({
    owner: 'use ownerId',
    sub: 'use ownerId',
    where: 'use name, type or ownerId',
  }),
  summary: 'List the spaces of the caller',
  tag: 'spaces',
  auth: 'person',
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
  passesOver: passedOver,
  summary: 'Create a space, owned by the caller',
  tag: 'spaces',
  auth: 'person',
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
  passesOver: passedOver,
  summary: 'List the types of spaces',
  tag: 'spaces',
  auth: 'person',
  permission: 'Any user.',
  tier: 1,
  responses: { 200: { description: 'The types', schema: z.object({ data: z.array(spaceTypeSchema) }) } },
  errors: [],
});

export const getSpace = defineRoute({
  id: 'getSpace',
  method: 'GET',
  path: '/api/v1/spaces/{spaceId}',
  passesOver: passedOver,
  summary: 'Get one space',
  tag: 'spaces',
  auth: 'person',
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
  auth: 'person',
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
  passesOver: passedOver,
  summary: 'Update name, description or owner of a space',
  etag: 'space',
  body: spaceUpdateSchema,
});

export const patchSpace = defineRoute({
  ...changeSpace,
  id: 'patchSpace',
  method: 'PATCH',
  path: '/api/v1/spaces/{spaceId}',
  passesOver: passedOver,
  summary: 'Update parts of a space',
  description: '`replace` on `/name`, `/description` and `/ownerId`.',
  etag: 'space',
  body: patchBodySchema,
});

export const deleteSpace = defineRoute({
  id: 'deleteSpace',
  method: 'DELETE',
  path: '/api/v1/spaces/{spaceId}',
  passesOver: passedOver,
  summary: 'Delete an empty space',
  tag: 'spaces',
  auth: 'person',
  permission: 'Owner, facilitator or tenant administrator.',
  tier: 2,
  params: spaceParams,
  etag: 'space',
  responses: { 204: { description: 'Deleted' } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});

export const assignmentSchema = z
  .object({
    id: z.string(),
    type: z.enum(['user', 'bot']).meta({ description: '`bot`: the machine user of an OAuth client' }),
    assigneeId: z.string(),
    roles: z.array(spaceRoleSchema),
    spaceId: z.string(),
    tenantId: z.string(),
    createdAt: instantSchema,
    createdBy: z.string(),
    updatedAt: instantSchema,
    updatedBy: z.string(),
    links: z.object({ self: linkTo, space: linkTo }),
  })
  .meta({ id: 'Assignment' });
export type AssignmentReply = z.infer<typeof assignmentSchema>;

const manageMembers = 'Owner, facilitator or tenant administrator.';
const assignmentParams = z.object({ spaceId: objectIdSchema, assignmentId: objectIdSchema });

export const listAssignments = defineRoute({
  id: 'listAssignments',
  method: 'GET',
  path: '/api/v1/spaces/{spaceId}/assignments',
  passesOver: passedOverInList({ sub: 'use assigneeId' }),
  summary: 'List the members of a space and their roles',
  tag: 'spaces',
  auth: 'person',
  permission: 'Members and tenant administrators.',
  tier: 1,
  params: spaceParams,
  query: z.object({ assigneeId: z.string().max(64).optional(), ...pageQuery }),
  responses: {
    200: {
      description: 'Assignments',
      schema: z.object({
        data: z.array(assignmentSchema),
        links: listLinksSchema,
        meta: z.object({ count: z.int() }),
      }),
    },
  },
  errors: ['DCERROR-0010', 'NOT-FOUND'],
});

export const createAssignment = defineRoute({
  id: 'createAssignment',
  method: 'POST',
  path: '/api/v1/spaces/{spaceId}/assignments',
  passesOver: passedOver,
  summary: 'Assign a user roles in a space',
  tag: 'spaces',
  auth: 'person',
  permission: manageMembers,
  tier: 2,
  params: spaceParams,
  body: z.object({
    type: z.enum(['user', 'bot']),
    assigneeId: z.string().min(1).max(64),
    roles: z.array(spaceRoleSchema).min(1).max(10),
  }),
  idempotent: true,
  responses: { 201: { description: 'The assignment', schema: assignmentSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});

export const getAssignment = defineRoute({
  id: 'getAssignment',
  method: 'GET',
  path: '/api/v1/spaces/{spaceId}/assignments/{assignmentId}',
  passesOver: passedOver,
  summary: 'Get one assignment',
  tag: 'spaces',
  auth: 'person',
  permission: 'Members and tenant administrators.',
  tier: 1,
  params: assignmentParams,
  responses: { 200: { description: 'The assignment', schema: assignmentSchema } },
  errors: ['DCERROR-0010', 'NOT-FOUND'],
});

export const putAssignment = defineRoute({
  id: 'putAssignment',
  method: 'PUT',
  path: '/api/v1/spaces/{spaceId}/assignments/{assignmentId}',
  passesOver: passedOver,
  summary: 'Replace the roles of a member',
  tag: 'spaces',
  auth: 'person',
  permission: manageMembers,
  tier: 2,
  params: assignmentParams,
  body: z.object({ roles: z.array(spaceRoleSchema).min(1).max(10) }),
  responses: { 200: { description: 'The assignment', schema: assignmentSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});

export const deleteAssignment = defineRoute({
  id: 'deleteAssignment',
  method: 'DELETE',
  path: '/api/v1/spaces/{spaceId}/assignments/{assignmentId}',
  passesOver: passedOver,
  summary: 'Remove a member',
  tag: 'spaces',
  auth: 'person',
  permission: manageMembers,
  tier: 2,
  params: assignmentParams,
  responses: { 204: { description: 'Removed' } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});
