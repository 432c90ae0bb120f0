import { z } from 'zod';
import { ignored, ignoredExceptFilters } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import {
  instantSchema,
  listLinksSchema,
  nameSchema,
  objectIdSchema,
  pageQuery,
  selfLinksSchema,
} from '../wire.js';

// QLIK.md 1.5.

export const userSchema = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    subject: z.string(),
    name: z.string(),
    email: z.string().optional(),
    clientId: z.string().optional().meta({ description: 'OAuth client that acts as this user' }),
    status: z.enum(['active', 'disabled']),
    roles: z.array(z.string()),
    assignedRoles: z.array(
      z.object({ id: z.string(), name: z.string(), type: z.string(), level: z.string() }),
    ),
    created: instantSchema,
    createdAt: instantSchema,
    lastUpdated: instantSchema,
    lastUpdatedAt: instantSchema,
    links: selfLinksSchema,
  })
  .meta({ id: 'User' });
export type UserReply = z.infer<typeof userSchema>;

export const tenantRoleSchema = z.enum(['TenantAdmin', 'AnalyticsAdmin', 'DataAdmin', 'AuditAdmin']);
export type TenantRole = z.infer<typeof tenantRoleSchema>;

export const getMe = defineRoute({
  id: 'getMyUser',
  method: 'GET',
  path: '/api/v1/users/me',
  unknownInput: ignored,
  summary: 'The caller',
  tag: 'users',
  permission: 'Any user.',
  tier: 1,
  responses: { 200: { description: 'The user', schema: userSchema } },
  errors: [],
});

const listSchema = z.object({
  data: z.array(userSchema),
  links: listLinksSchema,
  totalResults: z.int().optional().meta({ description: 'With `totalResults=true`' }),
});

const filterSchema = z.string().max(8192).meta({
  description:
    'SCIM filter (RFC 7644) on id, subject, name, email, status, clientId, createdAt and lastUpdatedAt, for instance `name co "ann" and status eq "active"`',
});
const sortSchema = z.string().max(64).meta({
  description: 'id, name, subject, status, createdAt or lastUpdatedAt, prefixed with + or -',
});

export const listUsers = defineRoute({
  id: 'listUsers',
  method: 'GET',
  path: '/api/v1/users',
  unknownInput: ignoredExceptFilters({
    ...{
      name: 'use filter=name eq "…"',
      sub: 'use filter=subject eq "…"',
      where: 'use filter with a SCIM expression',
    },
  }),
  summary: 'List users',
  tag: 'users',
  permission: 'Any user of the tenant.',
  tier: 1,
  query: z.object({
    filter: filterSchema.optional(),
    sort: sortSchema.optional(),
    totalResults: z.boolean().optional(),
    ...pageQuery,
  }),
  responses: { 200: { description: 'Users', schema: listSchema } },
  errors: ['DCERROR-0010'],
});

export const filterUsers = defineRoute({
  id: 'filterUsers',
  method: 'POST',
  path: '/api/v1/users/actions/filter',
  unknownInput: ignoredExceptFilters({ where: 'use filter in the body' }),
  summary: 'List users, with the filter in the body',
  tag: 'users',
  permission: 'Any user of the tenant.',
  tier: 2,
  query: z.object({ sort: sortSchema.optional(), ...pageQuery }),
  body: z.object({ filter: filterSchema.optional() }),
  responses: { 200: { description: 'Users', schema: listSchema } },
  errors: ['DCERROR-0010'],
});

export const countUsers = defineRoute({
  id: 'countUsers',
  method: 'GET',
  path: '/api/v1/users/actions/count',
  unknownInput: ignoredExceptFilters(),
  summary: 'Number of users in the tenant',
  tag: 'users',
  permission: 'Any user of the tenant.',
  tier: 1,
  responses: { 200: { description: 'The number', schema: z.object({ total: z.int() }) } },
  errors: [],
});

export const createUser = defineRoute({
  id: 'createUser',
  method: 'POST',
  path: '/api/v1/users',
  unknownInput: ignored,
  summary: 'Add a user',
  tag: 'users',
  permission: 'Tenant administrators.',
  tier: 2,
  body: z.object({
    subject: nameSchema,
    name: nameSchema.optional(),
    email: z.email().max(256).optional(),
    roles: z.array(tenantRoleSchema).max(8).optional(),
    assignedRoles: z
      .array(z.union([z.object({ name: tenantRoleSchema }), z.object({ id: tenantRoleSchema })]))
      .max(8)
      .optional()
      .meta({ description: 'Same as `roles`, as `[{name}]` or `[{id}]`' }),
  }),
  idempotent: true,
  responses: { 201: { description: 'The user', schema: userSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'CONFLICT'],
});

const inviteeSchema = z.object({ email: z.email().max(256), name: nameSchema.optional() });

export const inviteUsers = defineRoute({
  id: 'inviteUsers',
  method: 'POST',
  path: '/api/v1/users/actions/invite',
  unknownInput: ignored,
  summary: 'Add users by e-mail address',
  description:
    'No e-mail is sent. Create a link for each user with `POST /api/v1/invitations` and their `userId`.',
  tag: 'users',
  permission: 'Tenant administrators.',
  tier: 2,
  body: z.object({ invitees: z.array(inviteeSchema).max(100).optional() }),
  idempotent: true,
  responses: {
    207: {
      description: 'One result per user',
      schema: z.object({
        data: z.array(
          z.object({
            email: z.string(),
            status: z.enum(['ok', 'exists']),
            subject: z.string(),
            userId: z.string(),
          }),
        ),
      }),
    },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED'],
});

export const userParams = z.object({ userId: objectIdSchema });

export const getUser = defineRoute({
  id: 'getUser',
  method: 'GET',
  path: '/api/v1/users/{userId}',
  unknownInput: ignored,
  summary: 'Get one user',
  tag: 'users',
  permission: 'Any user of the tenant.',
  tier: 1,
  params: userParams,
  responses: { 200: { description: 'The user', schema: userSchema } },
  errors: ['DCERROR-0010', 'NOT-FOUND'],
});

const userPatchSchema = z
  .array(
    z.object({
      op: z.enum(['replace', 'set', 'add', 'remove-value']),
      path: z.string().min(1).max(64).startsWith('/', 'must begin with a slash'),
      value: z.unknown(),
    }),
  )
  .max(100)
  .meta({ id: 'UserPatch' });

export const patchUser = defineRoute({
  id: 'patchUser',
  method: 'PATCH',
  path: '/api/v1/users/{userId}',
  unknownInput: ignored,
  summary: 'Change a user',
  description:
    '`replace` on `/name`, `/email`, `/status` (`active`, `disabled`), and `replace`, `add` or `remove-value` on `/assignedRoles`. Disabling a user revokes their API keys and tokens and destroys the credentials they provided.',
  tag: 'users',
  permission: 'Tenant administrators.',
  tier: 2,
  params: userParams,
  body: userPatchSchema,
  responses: { 204: { description: 'Changed' } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});
export type UserPatch = z.output<typeof userPatchSchema>;

export const deleteUser = defineRoute({
  id: 'deleteUser',
  method: 'DELETE',
  path: '/api/v1/users/{userId}',
  unknownInput: ignored,
  summary: 'Delete a user, their keys and their credentials',
  description: 'Refused while the user owns connections or spaces: transfer those first.',
  tag: 'users',
  permission: 'Tenant administrators.',
  tier: 2,
  params: userParams,
  responses: { 204: { description: 'Deleted' } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});
