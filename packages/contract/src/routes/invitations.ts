import { z } from 'zod';
import { ignored } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import { instantSchema, listLinksSchema, nameSchema, objectIdSchema, pageQuery } from '../wire.js';
import { tenantRoleSchema } from './users.js';

// How users get access: an administrator invites them, and they create their own API key with the link.

const tag = 'invitations';
const permission = 'Tenant administrators, with an API key.';

const invitationSchema = z
  .object({
    id: z.string(),
    userId: z.string(),
    status: z.enum(['open', 'redeemed', 'expired']),
    createdBy: z
      .string()
      .optional()
      .meta({ description: 'Absent: created on the server by the command line' }),
    createdAt: instantSchema,
    expiresAt: instantSchema,
    redeemedAt: instantSchema.optional(),
    apiKeyId: z.string().optional().meta({ description: 'The key that it created' }),
  })
  .meta({ id: 'Invitation' });
export type InvitationReply = z.infer<typeof invitationSchema>;

export const createInvitation = defineRoute({
  id: 'createInvitation',
  method: 'POST',
  path: '/api/v1/invitations',
  summary: 'Invite a user: a single-use link that creates one API key',
  description:
    'For an existing user (`userId`) or a new one (`name`). No e-mail is sent: deliver `url` yourself. If the user has had access before, the new key cannot use credentials and embedded logins that are older than it, until an earlier key of that user approves it or the secret is entered again.',
  tag,
  permission,
  tier: 2,
  idempotent: true,
  showsSecret: true,
  body: z.object({
    userId: objectIdSchema
      .optional()
      .meta({ description: 'An existing user; excludes the members for a new one' }),
    name: nameSchema.optional(),
    email: z.email().max(256).optional(),
    subject: nameSchema.optional().meta({ description: 'Absent: generated' }),
    roles: z.array(tenantRoleSchema).max(8).optional(),
    expiresIn: z.iso.duration().optional().meta({
      description: 'ISO 8601 duration from P0DT1M to P7D; absent: P1D',
    }),
  }),
  responses: {
    201: {
      description: 'The invitation with its link',
      schema: z.object({
        id: z.string(),
        userId: z.string(),
        token: z.string().meta({ description: 'Shown once, in this answer', secret: true }),
        url: z.string().meta({ description: 'Setup page; the token is in its fragment', secret: true }),
        expiresAt: instantSchema,
      }),
    },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});

export const listInvitations = defineRoute({
  id: 'listInvitations',
  method: 'GET',
  path: '/api/v1/invitations',
  summary: 'List invitations, without their tokens',
  tag,
  permission: 'Tenant administrators.',
  tier: 1,
  query: z.object({
    userId: z.string().max(64).optional(),
    sort: z.string().max(64).optional().meta({ description: 'id or createdAt, prefixed with + or -' }),
    ...pageQuery,
  }),
  responses: {
    200: {
      description: 'Invitations',
      schema: z.object({ data: z.array(invitationSchema), links: listLinksSchema }),
    },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED'],
});

export const deleteInvitation = defineRoute({
  id: 'deleteInvitation',
  method: 'DELETE',
  path: '/api/v1/invitations/{id}',
  summary: 'Withdraw an invitation; a key that it created stays valid',
  tag,
  permission: 'Tenant administrators.',
  tier: 2,
  params: z.object({ id: z.string().min(1).max(64) }),
  responses: { 204: { description: 'Withdrawn' } },
  errors: ['ACCESS-DENIED', 'NOT-FOUND'],
});

export const redeemInvitation = defineRoute({
  id: 'redeemInvitation',
  method: 'POST',
  path: '/api/v1/invitations/actions/redeem',
  summary: 'Redeem an invitation: create its API key; the token is shown in this answer only',
  tag,
  public: true,
  permission: 'Anyone with the invitation, once. Failed attempts are rate limited by IP address.',
  tier: 'none',
  body: z.object({
    token: z.string().min(1).max(256),
    description: z.string().max(256).optional().meta({ description: 'Purpose of the key' }),
  }),
  responses: {
    201: {
      description: 'The user and their key',
      schema: z.object({
        user: z.object({
          id: z.string(),
          tenantId: z.string(),
          subject: z.string(),
          name: z.string(),
          email: z.string().optional(),
          roles: z.array(z.string()),
        }),
        apiKey: z.object({
          id: z.string(),
          token: z.string().meta({ description: 'Shown once, in this answer', secret: true }),
          expiry: instantSchema,
          awaitsApproval: z.boolean().meta({
            description:
              'The user has had access before: this key cannot use credentials and embedded logins that are older than it, until an earlier key approves it (`POST /api/v1/api-keys/{id}/actions/approve`) or the secret is entered again',
          }),
        }),
        otherKeys: z.int().meta({
          description:
            'Number of other active keys of the user. If there are more than you know of, tell your administrator',
        }),
      }),
    },
  },
  errors: ['DCERROR-0010', 'NOT-FOUND', 'CONFLICT', 'HTTP-429'],
});

export const setupPage = defineRoute({
  id: 'setupPage',
  method: 'GET',
  path: '/console/setup',
  unknownInput: ignored,
  summary: 'Setup page: redeems the invitation in its fragment and shows the key once',
  tag,
  public: true,
  permission: 'Public; the fragment reaches the server only when the user presses the button.',
  tier: 'none',
  responses: { 200: { description: 'The page', contentTypes: ['text/html'] } },
  errors: [],
});
