import { z } from 'zod';
import { defineRoute } from '../route.js';
import { userParams } from './users.js';

const leaverConnectionSchema = z.object({
  qID: z.string(),
  qName: z.string(),
  datasourceID: z.string(),
  spaceId: z.string().optional().meta({ description: 'Absent: the personal space of its owner' }),
  ownerId: z.string(),
});
const firstOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ total: z.int(), data: z.array(item).meta({ description: 'The first hundred' }) });

const userLeaveSchema = z
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
