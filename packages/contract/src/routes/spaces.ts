import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema, listLinksSchema, objectIdSchema, pageQuery } from '../wire.js';

// Spaces and their assignments: QLIK.md 1.5 and 6.1.

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

const spaceName = z
  .string()
  .transform((name) => name.normalize('NFC').trim())
  .pipe(
    z
      .string()
      .min(1, 'must not be empty')
      .max(256)
      .regex(/^[^"*?<>/|\\:\p{Cc}\p{Cf}]+$/u, 'must not contain " * ? < > / | \\ : or control characters'),
  );

const spaceParams = z.object({ spaceId: objectIdSchema });

export const listSpaces = defineRoute({
  id: 'listSpaces',
  method: 'GET',
  path: '/api/v1/spaces',
  summary: 'Spaces the caller is in',
  tag: 'spaces',
  auth: 'person',
  permission: 'Spaces in which the caller has a role; all for tenant administrators.',
  tier: 1,
  query: z.object({
    name: z.string().max(256).optional().meta({ description: 'Part of the name, case-insensitive' }),
    type: z.string().max(64).optional().meta({ description: 'Comma-separated list of types' }),
    ownerId: z.string().max(64).optional(),
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
  summary: 'Make a space; the caller owns it',
  tag: 'spaces',
  auth: 'person',
  permission: 'Any person.',
  tier: 2,
  body: z.object({ name: spaceName, type: spaceTypeSchema, description: z.string().max(1024).optional() }),
  responses: { 201: { description: 'The space', schema: spaceSchema } },
  errors: ['DCERROR-0010', 'CONFLICT'],
});

export const getSpace = defineRoute({
  id: 'getSpace',
  method: 'GET',
  path: '/api/v1/spaces/{spaceId}',
  summary: 'Get one space',
  tag: 'spaces',
  auth: 'person',
  permission: 'Members and tenant administrators.',
  tier: 1,
  params: spaceParams,
  responses: { 200: { description: 'The space', schema: spaceSchema } },
  errors: ['DCERROR-0010', 'NOT-FOUND'],
});

export const deleteSpace = defineRoute({
  id: 'deleteSpace',
  method: 'DELETE',
  path: '/api/v1/spaces/{spaceId}',
  summary: 'Delete an empty space',
  tag: 'spaces',
  auth: 'person',
  permission: 'Owner, facilitator or tenant administrator.',
  tier: 2,
  params: spaceParams,
  responses: { 204: { description: 'Deleted' } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});

export const assignmentSchema = z
  .object({
    id: z.string(),
    type: z.literal('user'),
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
  summary: 'Members of a space and their roles',
  tag: 'spaces',
  auth: 'person',
  permission: 'Members and tenant administrators.',
  tier: 1,
  params: spaceParams,
  query: z.object({ assigneeId: z.string().max(64).optional(), ...pageQuery }),
  responses: {
    200: {
      description: 'Assignments',
      schema: z.object({ data: z.array(assignmentSchema), links: listLinksSchema }),
    },
  },
  errors: ['DCERROR-0010', 'NOT-FOUND'],
});

export const createAssignment = defineRoute({
  id: 'createAssignment',
  method: 'POST',
  path: '/api/v1/spaces/{spaceId}/assignments',
  summary: 'Give a person roles in a space',
  tag: 'spaces',
  auth: 'person',
  permission: manageMembers,
  tier: 2,
  params: spaceParams,
  body: z.object({
    type: z.enum(['user']),
    assigneeId: z.string().min(1).max(64),
    roles: z.array(spaceRoleSchema).min(1).max(10),
  }),
  responses: { 201: { description: 'The assignment', schema: assignmentSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});

export const putAssignment = defineRoute({
  id: 'putAssignment',
  method: 'PUT',
  path: '/api/v1/spaces/{spaceId}/assignments/{assignmentId}',
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
  summary: 'Remove a member',
  tag: 'spaces',
  auth: 'person',
  permission: manageMembers,
  tier: 2,
  params: assignmentParams,
  responses: { 204: { description: 'Removed' } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});
