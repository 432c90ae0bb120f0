import { z } from 'zod';
import { ignored } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import { nameSchema, patchBodySchema, uuidSchema } from '../wire.js';
import { connectionParamsSchema, connectionSchema } from './data-connections.js';

// Updates of connections: PUT, PATCH, bulk and duplicate. QLIK.md 1.1.

const tag = 'data-connections';

const spaceIdSchema = z.string().max(64);

export const updateConnectionBodySchema = z
  .object({
    qID: uuidSchema,
    qEngineObjectID: uuidSchema,
    qName: nameSchema,
    qType: z.string().min(1).max(256),
    qConnectStatement: z.string().min(1).max(100_000),
    datasourceID: z.string().max(128).optional(),
    qArchitecture: z.int().min(0).max(1).optional(),
    qLogOn: z.enum(['0', '1', 'LOG_ON_SERVICE_USER', 'LOG_ON_CURRENT_USER']).optional(),
    qConnectionSecret: z.string().max(100_000).optional().meta({
      description:
        "Replaces the connection's own secret; absent: unchanged. If the data source has no such secret it is not stored, and the response header `mooring-passed-over` names it",
    }),
    qCredentialsID: z.string().max(64).optional(),
    qCredentialsName: z.string().max(256).optional(),
    qUsername: z.string().max(1024).optional(),
    qPassword: z.string().max(10_000).optional(),
    qSeparateCredentials: z.boolean().optional(),
    space: spaceIdSchema.optional().meta({ aliases: ['spaceId'] }),
  })
  .meta({ id: 'DataConnectionUpdate' });
export type UpdateConnectionBody = z.output<typeof updateConnectionBodySchema>;

const lookupSchema = z.object({
  type: z.enum(['connectionname']).optional(),
  spaceId: z
    .string()
    .optional()
    .meta({ aliases: ['space'] }),
});

const changeErrors = [
  'DCERROR-0010',
  'ACCESS-DENIED',
  'NOT-FOUND',
  'CONFLICT',
  'SIGN-IN-INVALID',
  'SIGN-IN-IN-PROGRESS',
  'SIGN-IN-ACCOUNT-DIFFERS',
  'PROVIDER-FAILED',
  'PROVIDER-REFUSED',
  'EGRESS-REFUSED',
  'CREDENTIALS-REQUIRED',
] as const;

const changePermission =
  'The privilege `update`; `change_space` to move it, `change_owner` to transfer it. If the owner of an embedded connection has left, a manager of its space may take it over: `/user` set to their own id, together with the complete login. Linking one of your own credentials requires only the right to use the connection.';

export const updateConnection = defineRoute({
  id: 'updateDataConnection',
  method: 'PUT',
  path: '/api/v1/data-connections/{qID}',
  unknownInput: ignored,
  summary: 'Replace a connection',
  description:
    'A request that changes the destination of an embedded connection must include its credential.',
  tag,
  permission: changePermission,
  tier: 2,
  params: connectionParamsSchema,
  query: lookupSchema,
  body: updateConnectionBodySchema,
  etag: 'connection',
  responses: { 204: { description: 'Changed' } },
  errors: changeErrors,
});

export const patchConnection = defineRoute({
  id: 'patchDataConnection',
  method: 'PATCH',
  path: '/api/v1/data-connections/{qID}',
  unknownInput: ignored,
  summary: 'Update parts of a connection, or renew its sign-in',
  description:
    'Paths: `/qName`, `/tags`, `/space`, `/user`, `/qCredentialsID`, `/qUsername`, `/qPassword`, `/qConnectStatement`, `/qSeparateCredentials`, `/connectionProperties` and its members. The header `qlik-auth-code` renews an interactive sign-in in place.',
  tag,
  permission: changePermission,
  tier: 2,
  params: connectionParamsSchema,
  query: lookupSchema,
  headers: z.object({
    'qlik-auth-code': z
      .string()
      .max(8192)
      .optional()
      .meta({ description: 'Code of an interactive sign-in: `CODE` or `code=CODE`' }),
  }),
  body: patchBodySchema,
  etag: 'connection',
  responses: { 204: { description: 'Changed' } },
  errors: changeErrors,
});

const bulkReplySchema = z
  .object({
    data: z.array(
      z.object({
        id: z.string(),
        status: z.int(),
        error: z
          .object({ code: z.string(), title: z.string(), detail: z.string().optional(), status: z.int() })
          .optional(),
      }),
    ),
  })
  .meta({ id: 'BulkResponse' });

export const bulkDeleteConnections = defineRoute({
  id: 'bulkDeleteDataConnections',
  method: 'POST',
  path: '/api/v1/data-connections/actions/delete',
  unknownInput: ignored,
  summary: 'Delete connections by id',
  tag,
  permission: 'Administrators, for the connections they administer.',
  tier: 2,
  body: z.object({
    connections: z
      .array(z.object({ id: uuidSchema, name: z.string().optional() }))
      .min(1)
      .max(500),
  }),
  responses: { 207: { description: 'One result per connection', schema: bulkReplySchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED'],
});

export const bulkUpdateConnections = defineRoute({
  id: 'bulkUpdateDataConnections',
  method: 'POST',
  path: '/api/v1/data-connections/actions/update',
  unknownInput: ignored,
  summary: 'Rename, move or transfer connections by id',
  description:
    'An empty `spaceId` moves the connection to the personal space of `ownerId`, or of the current owner. A new owner needs a role in the target space that may see the connection; `spaceType` must match the space; any other member of a connection is a 400 for its item. Credentials are not transferred: the new owner provides their own. An embedded login that another user provided is suspended until that user confirms.',
  tag,
  permission: 'Administrators, for the connections they administer.',
  tier: 2,
  body: z.object({
    connections: z
      .array(
        z
          .object({
            id: uuidSchema,
            name: nameSchema.optional(),
            ownerId: z.string().min(1).max(64).optional(),
            spaceId: spaceIdSchema.optional(),
            spaceType: z.enum(['personal', 'shared', 'managed', 'data']).optional(),
          })
          .catchall(z.unknown()),
      )
      .min(1)
      .max(500),
  }),
  responses: { 207: { description: 'One result per connection', schema: bulkReplySchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED'],
});

export const duplicateConnection = defineRoute({
  id: 'duplicateDataConnection',
  method: 'POST',
  path: '/api/v1/data-connections/actions/duplicate',
  unknownInput: ignored,
  summary: 'Copy a connection',
  description:
    "An embedded credential is copied only for its owner, or replaced by the one in the request. For separated connections the caller's link is copied. An interactive sign-in is never copied: the copy is `needs_sign_in`, and the error of its first use has the link to sign in.",
  tag,
  permission:
    'The privilege `read` on the original, and a role in the target space that may create connections.',
  tier: 2,
  body: z.object({
    id: uuidSchema,
    name: nameSchema.optional().meta({ description: 'Absent: the name followed by ` (1)`, ` (2)` …' }),
    spaceId: spaceIdSchema.optional().meta({ aliases: ['space'], description: 'Absent: the same space' }),
    qUsername: z.string().max(1024).optional(),
    qPassword: z.string().max(10_000).optional(),
  }),
  idempotent: true,
  responses: { 201: { description: 'The copy', schema: connectionSchema } },
  errors: [
    'QUOTA-EXCEEDED',
    'DCERROR-0010',
    'ACCESS-DENIED',
    'NOT-FOUND',
    'CONFLICT',
    'CREDENTIALS-REQUIRED',
  ],
});
