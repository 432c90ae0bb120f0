import { z } from 'zod';
import { passedOver, passedOverInList } from '../passed-over.js';
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
  passesOver: passedOver,
  summary: 'The caller',
  tag: 'users',
  auth: 'person',
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
  passesOver: passedOverInList({
    ...{
      name: 'use filter=name eq "…"',
      sub: 'use filter=subject eq "…"',
      where: 'use filter with a SCIM expression',
    },
  }),
  summary: 'List users',
  tag: 'users',
  auth: 'person',
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
  passesOver: passedOverInList({ where: 'use filter in the body' }),
  summary: 'List users, with the filter in the body',
  tag: 'users',
  auth: 'person',
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
  passesOver: passedOverInList(),
  summary: 'Number of users in the tenant',
  tag: 'users',
  auth: 'person',
  permission: 'Any user of the tenant.',
  tier: 1,
  responses: { 200: { description: 'The number', schema: z.object({ total: z.int() }) } },
  errors: [],
});

export const createUser = defineRoute({
  id: 'createUser',
  method: 'POST',
  path: '/api/v1/users',
  passesOver: passedOver,
  summary: 'Add a user',
  tag: 'users',
  auth: 'person',
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
  passesOver: passedOver,
  summary: 'Add users by e-mail address',
  description:
    'No e-mail is sent. Create a link for each user with `POST /api/v1/invitations` and their `userId`.',
  tag: 'users',
  auth: 'person',
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

const userParams = z.object({ userId: objectIdSchema });

export const getUser = defineRoute({
  id: 'getUser',
  method: 'GET',
  path: '/api/v1/users/{userId}',
  passesOver: passedOver,
  summary: 'Get one user',
  tag: 'users',
  auth: 'person',
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
  passesOver: passedOver,
  summary: 'Change a user',
  description:
    '`replace` on `/name`, `/email`, `/status` (`active`, `disabled`), and `replace`, `add` or `remove-value` on `/assignedRoles`. Disabling a user revokes their API keys and tokens and destroys the credentials they provided.',
  tag: 'users',
  auth: 'person',
  permission: 'Tenant administrators.',
  tier: 2,
  params: userParams,
  body: userPatchSchema,
  responses: { 204: { description: 'Changed' } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});
export type UserPatch = z.output<typeof userPatchSchema>;

const leaverConnectionSchema = z.object({
  qID: z.string(),
  qName: z.string(),
  datasourceID: z.string(),
  spaceId: z.string().optional().meta({ description: 'Absent: the personal space of its owner' }),
  ownerId: z.string(),
});
const firstOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ total: z.int(), data: z.array(item).meta({ description: 'The first hundred' }) });

export const userLeaveSchema = z
  .object({
    userId: z.string(),
    subject: z.string(),
    name: z.string(),
    plan: z.boolean().meta({ description: 'true: a dry run; nothing was changed' }),
    ends: z
      .object({
        apiKeys: z.int().meta({ description: 'Active keys' }),
        invitations: z
          .int()
          .meta({ description: 'Open invitations for the user, and those that the user created for others' }),
        signIns: z.int().meta({ description: 'Pending interactive sign-ins' }),
        credentials: z
          .int()
          .meta({ description: 'Separated and embedded credentials that the user provided' }),
        grants: z
          .int()
          .meta({ description: 'How many of these are OAuth grants, to be revoked at their providers' }),
        memberships: z.int().meta({ description: 'Spaces in which the user has roles' }),
        uses: z.int().meta({
          description:
            "Running uses, by the user and by others with the user's embedded credentials, according to the usage log",
        }),
      })
      .meta({ description: 'Counts of what ends' }),
    withoutLogin: firstOf(leaverConnectionSchema).meta({
      description:
        'Connections whose embedded credential ends for all users. Users who may edit the connection or administer its space can enter a new login',
    }),
    withoutOwner: z
      .object({
        connections: firstOf(leaverConnectionSchema),
        spaces: firstOf(z.object({ id: z.string(), name: z.string() })),
        oauthClients: firstOf(z.object({ id: z.string(), name: z.string() })).meta({
          description: 'Clients with a secret that the user created and may still know: replace it',
        }),
      })
      .meta({ description: 'What remains and needs a new owner' }),
    revocation: z
      .object({
        id: z.string().meta({ description: 'For GET /api/v1/data-credentials/revocations/{id}' }),
        status: z.enum(['running', 'done']),
      })
      .optional()
      .meta({ description: 'The revocation of the credentials; absent in a plan' }),
  })
  .meta({ id: 'UserLeave' });
export type UserLeaveReply = z.infer<typeof userLeaveSchema>;

export const leaveUser = defineRoute({
  id: 'leaveUser',
  method: 'POST',
  path: '/api/v1/users/{userId}/actions/leave',
  summary: 'Offboard a user: end everything they could still use; with `plan`, a dry run',
  description:
    'Disables the user; revokes API keys, tokens and invitations; ends sign-ins and space memberships; destroys all credentials that the user provided, including embedded ones, and revokes OAuth grants at their providers. One transaction covers everything except credentials beyond the first fifty; those follow as a revocation that survives an aborted request and a node failure. Takes effect on every node within two seconds. Connections and spaces remain and are listed, so that they can be transferred. Idempotent. Credentials and keys cannot be recovered.',
  tag: 'users',
  auth: 'person',
  permission: 'Tenant administrators.',
  tier: 2,
  params: userParams,
  body: z.object({
    plan: z.boolean().optional().meta({ description: 'true: change nothing and report what would end' }),
  }),
  responses: {
    200: { description: 'The plan, or what has ended', schema: userLeaveSchema },
    202: { description: 'Credentials are still being destroyed', schema: userLeaveSchema },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});

export const deleteUser = defineRoute({
  id: 'deleteUser',
  method: 'DELETE',
  path: '/api/v1/users/{userId}',
  passesOver: passedOver,
  summary: 'Delete a user, their keys and their credentials',
  description: 'Refused while the user owns connections or spaces: transfer those first.',
  tag: 'users',
  auth: 'person',
  permission: 'Tenant administrators.',
  tier: 2,
  params: userParams,
  responses: { 204: { description: 'Deleted' } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});
