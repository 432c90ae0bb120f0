import { z } from 'zod';
import { ignored } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import { instantSchema, nameSchema, selfLinksSchema, uuidSchema } from '../wire.js';

// Qlik's data-connections: QLIK.md 1.1; types `ConnectionGet`, `ConnectionCreateResponse` of @qlik/api.

export const privilegeSchema = z.enum(['change_owner', 'change_space', 'delete', 'list', 'read', 'update']);
export type Privilege = z.infer<typeof privilegeSchema>;

const tagsSchema = z
  .array(z.string().refine((tag) => new TextEncoder().encode(tag).length <= 256, 'must be at most 256 bytes'))
  .max(32);

export const connectionSchema = z
  .object({
    id: z.string(),
    qID: z.string(),
    qEngineObjectID: z.string(),
    qName: z.string(),
    qType: z.string(),
    datasourceID: z.string(),
    qConnectStatement: z
      .string()
      .meta({ description: 'Connect statement built from the properties, without secrets' }),
    qArchitecture: z.int(),
    qLogOn: z.int(),
    qSeparateCredentials: z.boolean(),
    qCredentialsID: z
      .string()
      .optional()
      .meta({ description: "The caller's credential for this connection, if it is usable" }),
    qCredentialsName: z.string().optional(),
    connectionProperties: z.record(z.string(), z.unknown()).optional(),
    privileges: z.array(privilegeSchema),
    qri: z.string().optional().meta({ description: 'In lists: only with `includeQris`' }),
    space: z.string().optional().meta({ description: 'Absent in a personal space' }),
    tags: z.array(z.string()),
    tenant: z.string(),
    user: z.string().meta({ description: 'Owner' }),
    ownerLeft: z.literal(true).optional().meta({
      description:
        'The owner has left, and the embedded login was destroyed. An administrator of the space can take the connection over: PATCH `/user` to their own id together with the complete login',
    }),
    version: z.literal('V1'),
    created: instantSchema,
    createdAt: instantSchema,
    updated: instantSchema,
    updatedAt: instantSchema,
    links: selfLinksSchema,
  })
  .meta({ id: 'DataConnection' });
export type ConnectionReply = z.infer<typeof connectionSchema>;

/** Answer to `authUrlOnly`: where the user signs in. */
export const authUrlSchema = z
  .object({
    authUrl: z.string().meta({ description: 'Open in a browser, sign in and copy the code from the page' }),
    signInId: z.string(),
    userCode: z.string().optional().meta({
      description: 'Device sign-in: compare with the code on the page, or type it there',
    }),
    state: z.string().optional().meta({
      description: 'With `redirectUri`: the `state` that the redirect must have. Ignore any other redirect',
    }),
    expiresAt: instantSchema,
  })
  .meta({ id: 'AuthUrl' });

/** An id that the client chooses; empty counts as absent. */
const chosenIdSchema = z
  .string()
  .transform((id) => (id === '' ? undefined : id))
  .pipe(uuidSchema.optional())
  .optional();

export const createConnectionBodySchema = z
  .object({
    datasourceID: z.string().min(1).max(128),
    qName: nameSchema.meta({ aliases: ['connectionName'] }),
    space: z
      .string()
      .max(64)
      .optional()
      .meta({ aliases: ['spaceId'], description: 'Absent or empty: your personal space' }),
    connectionProperties: z
      .record(z.string(), z.unknown())
      .meta({ description: "Properties from the data source's api-specs. Other names are refused." }),
    tags: tagsSchema.optional(),
    authUrlOnly: z
      .boolean()
      .optional()
      .meta({ description: 'Start an interactive sign-in; nothing is created' }),
    qID: chosenIdSchema,
    qEngineObjectID: chosenIdSchema,
    qType: z.string().max(256).optional(),
  })
  .meta({ id: 'DataConnectionCreate' });
export type CreateConnectionBody = z.output<typeof createConnectionBodySchema>;

/** Body of POST data-connections: by `connectionProperties`, or by `qConnectStatement`. */
export const postConnectionBodySchema = createConnectionBodySchema
  .partial({ connectionProperties: true, datasourceID: true })
  .extend({
    qConnectStatement: z.string().min(1).max(100_000).optional().meta({
      description: 'Instead of `connectionProperties`, without secrets; requires `qType`',
    }),
    qUsername: z
      .string()
      .max(1024)
      .optional()
      .meta({ description: 'With a statement: user name or access key of the credential' }),
    qPassword: z
      .string()
      .max(100_000)
      .optional()
      .meta({ description: 'With a statement: password or secret key of the credential' }),
    qSeparateCredentials: z.boolean().optional(),
    qCredentialsID: z.string().max(64).optional().meta({ description: 'A separated credential of yours' }),
    qCredentialsName: z.string().max(256).optional(),
    qConnectionSecret: z.string().max(100_000).optional().meta({
      description:
        "The connection's own secret. If the data source has no such secret it is not stored, and the response header `mooring-passed-over` names it",
    }),
    qLogOn: z.enum(['0', '1', 'LOG_ON_SERVICE_USER', 'LOG_ON_CURRENT_USER']).optional(),
    qArchitecture: z.int().min(0).max(1).optional(),
  })
  .meta({ id: 'DataConnectionPost' });
export type PostConnectionBody = z.output<typeof postConnectionBodySchema>;

export const connectionParamsSchema = z.object({
  qID: z.string().min(1).max(512).meta({ description: 'Id, or the name with `type=connectionname`' }),
});

export const connectionLookupSchema = z.object({
  type: z.enum(['connectionname']).optional(),
  spaceId: z
    .string()
    .optional()
    .meta({ aliases: ['space'], description: 'Scope of a name' }),
  parseConnection: z
    .boolean()
    .optional()
    .meta({ description: 'Add `connectionProperties`, without secrets' }),
  extended: z
    .boolean()
    .optional()
    .meta({ description: 'Accepted without effect: secrets are never returned' }),
  noCache: z.boolean().optional(),
  credentialId: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .meta({ description: 'One of your credentials, to show the connection with; 404 if unknown' }),
  byCredentialName: z.boolean().optional().meta({ description: '`credentialId` is a name' }),
});

const tag = 'data-connections';

export const createConnection = defineRoute({
  id: 'createDataConnection',
  method: 'POST',
  path: '/api/v1/data-connections',
  unknownInput: ignored,
  summary: 'Create a connection, or start an interactive sign-in',
  description:
    "Takes `connectionProperties`, or `qConnectStatement` with `qType`. Secrets in `connectionProperties` are stored in the vault: with `separateCredentials` as the caller's own named credential, otherwise as the connection's embedded one.",
  tag,
  permission: 'A role in the space that may create connections; any user in their personal space.',
  tier: 2,
  body: postConnectionBodySchema,
  idempotent: true,
  responses: {
    201: { description: 'The connection, or `authUrl`', schema: z.union([connectionSchema, authUrlSchema]) },
  },
  errors: [
    'QUOTA-EXCEEDED',
    'DCERROR-0010',
    'ACCESS-DENIED',
    'NOT-FOUND',
    'DCAAS-2001',
    'CONFLICT',
    'SIGN-IN-INVALID',
    'SIGN-IN-IN-PROGRESS',
    'PROVIDER-FAILED',
    'PROVIDER-REFUSED',
    'EGRESS-REFUSED',
  ],
});

export const getConnection = defineRoute({
  id: 'getDataConnection',
  method: 'GET',
  path: '/api/v1/data-connections/{qID}',
  unknownInput: ignored,
  summary: 'Get one connection by id or name',
  tag,
  permission: 'The privilege `read`.',
  tier: 1,
  params: connectionParamsSchema,
  query: connectionLookupSchema,
  etag: 'connection',
  responses: { 200: { description: 'The connection', schema: connectionSchema } },
  errors: ['DCERROR-0010', 'NOT-FOUND'],
});

export const deleteConnection = defineRoute({
  id: 'deleteDataConnection',
  method: 'DELETE',
  path: '/api/v1/data-connections/{qID}',
  unknownInput: ignored,
  summary: 'Delete a connection',
  description: 'Deletes its embedded credential too. Separated credentials stay with their users.',
  tag,
  permission: 'The privilege `delete`.',
  tier: 2,
  params: connectionParamsSchema,
  query: connectionLookupSchema.pick({ type: true, spaceId: true }),
  etag: 'connection',
  responses: { 204: { description: 'Deleted' } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});
