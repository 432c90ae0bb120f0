import { z } from 'zod';
import { ignored, ignoredExceptFilters } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import { instantSchema, linkSchema, listLinksSchema, objectIdSchema, pageQuery } from '../wire.js';
import { spaceParams, spaceRoleSchema } from './spaces.js';

// Members of spaces and their roles: QLIK.md 1.5 and 6.1.

const assignmentSchema = z
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
    links: z.object({ self: linkSchema, space: linkSchema }),
  })
  .meta({ id: 'Assignment' });
export type AssignmentReply = z.infer<typeof assignmentSchema>;

const manageMembers = 'Owner, facilitator or tenant administrator.';
const assignmentParams = z.object({ spaceId: objectIdSchema, assignmentId: objectIdSchema });

export const listAssignments = defineRoute({
  id: 'listAssignments',
  method: 'GET',
  path: '/api/v1/spaces/{spaceId}/assignments',
  unknownInput: ignoredExceptFilters({ sub: 'use assigneeId' }),
  summary: 'List the members of a space and their roles',
  tag: 'spaces',
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
  unknownInput: ignored,
  summary: 'Assign a user roles in a space',
  tag: 'spaces',
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
  unknownInput: ignored,
  summary: 'Get one assignment',
  tag: 'spaces',
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
  unknownInput: ignored,
  summary: 'Replace the roles of a member',
  tag: 'spaces',
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
  unknownInput: ignored,
  summary: 'Remove a member',
  tag: 'spaces',
  permission: manageMembers,
  tier: 2,
  params: assignmentParams,
  responses: { 204: { description: 'Removed' } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});
