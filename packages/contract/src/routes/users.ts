import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema, listLinksSchema, nameSchema, pageQuery, selfLinksSchema } from '../wire.js';

// QLIK.md 1.5.

export const userSchema = z
  .object({
    id: z.string(),
    tenantId: z.string(),
    subject: z.string(),
    name: z.string(),
    email: z.string().optional(),
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
  summary: 'The caller',
  tag: 'users',
  auth: 'person',
  permission: 'Any person.',
  tier: 1,
  responses: { 200: { description: 'The user', schema: userSchema } },
  errors: [],
});

export const listUsers = defineRoute({
  id: 'listUsers',
  method: 'GET',
  path: '/api/v1/users',
  summary: 'List users',
  tag: 'users',
  auth: 'person',
  permission: 'Any person of the tenant.',
  tier: 1,
  query: z.object(pageQuery),
  responses: {
    200: { description: 'Users', schema: z.object({ data: z.array(userSchema), links: listLinksSchema }) },
  },
  errors: ['DCERROR-0010'],
});

export const createUser = defineRoute({
  id: 'createUser',
  method: 'POST',
  path: '/api/v1/users',
  summary: 'Add a person',
  tag: 'users',
  auth: 'person',
  permission: 'Tenant administrators.',
  tier: 2,
  body: z.object({
    subject: nameSchema,
    name: nameSchema.optional(),
    email: z.email().max(256).optional(),
    roles: z.array(tenantRoleSchema).max(8).optional(),
  }),
  responses: { 201: { description: 'The user', schema: userSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'CONFLICT'],
});
