import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema, nameSchema } from '../wire.js';
import { authUrlSchema, connectionParamsSchema } from './data-connections.js';

// The caller's credential for a connection: CONTRACT.md part C.

export const credentialStateSchema = z.enum([
  'ready',
  'missing',
  'needs_confirmation',
  'needs_sign_in',
  'unreadable',
  'needs_approval',
]);
export type CredentialState = z.infer<typeof credentialStateSchema>;

export const connectionCredentialSchema = z
  .object({
    connectionId: z.string(),
    dataSourceId: z.string(),
    state: credentialStateSchema,
    credentialId: z.string().optional(),
    credentialsName: z.string().optional(),
    separated: z.boolean(),
    destination: z.string().meta({ description: 'Destination that the credential would be sent to' }),
    confirmedDestinations: z
      .array(z.string())
      .optional()
      .meta({ description: 'Destinations that you have confirmed' }),
    signInMethods: z.array(z.string()),
    updatedAt: instantSchema.optional(),
    signInEndsAt: instantSchema.optional().meta({
      description:
        'Present if the provider issued no refresh token: the sign-in ends at this time. Providers often require a scope such as `offline_access`, or a parameter such as `access_type=offline` in the query of `authorizationUrl`',
    }),
    suspendedAt: instantSchema.optional().meta({
      description:
        'Shown to the user who provided the embedded login: when it was suspended because another user moved or transferred the connection',
    }),
    suspendedBy: z.string().optional().meta({ description: 'Id of the user who moved or transferred it' }),
    ownerLeft: z.literal(true).optional().meta({
      description:
        'Shown to users who may take over an embedded connection whose owner has left: PATCH `/user` to your own id together with the complete login',
    }),
  })
  .meta({ id: 'ConnectionCredential' });

const path = '/api/v1/data-connections/{qID}/credential' as const;
const tag = 'data-connections';
const permission = 'Any user who may use the connection, for themselves.';

export const getConnectionCredential = defineRoute({
  id: 'getConnectionCredential',
  method: 'GET',
  path,
  summary: 'Get the state of your credential for a connection',
  tag,
  permission,
  tier: 1,
  params: connectionParamsSchema,
  responses: { 200: { description: 'The state', schema: connectionCredentialSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});

export const putConnectionCredential = defineRoute({
  id: 'putConnectionCredential',
  method: 'PUT',
  path,
  summary: 'Choose or provide your credential for a separated connection',
  description:
    'One of: `credentialId` of an existing credential of yours; `connectionProperties` with new secrets (and `credentialsName`); `authUrlOnly` to start an interactive sign-in, then `connectionProperties.authCode` to complete it. For an embedded credential, users who may update the connection start a sign-in with `authUrlOnly` and complete it by PATCH of the connection with `qlik-auth-code`.',
  tag,
  permission,
  tier: 2,
  params: connectionParamsSchema,
  body: z.object({
    credentialId: z
      .string()
      .max(64)
      .optional()
      .meta({ aliases: ['qCredentialsID', 'selectedCredentials'] }),
    credentialsName: nameSchema.optional(),
    connectionProperties: z.record(z.string(), z.unknown()).optional(),
    authUrlOnly: z.boolean().optional(),
    device: z.boolean().optional().meta({
      description: 'With `authUrlOnly`: sign in on another device (RFC 8628), if the provider supports it.',
    }),
    redirectUri: z.string().max(256).optional().meta({
      description:
        "With `authUrlOnly`: `http://127.0.0.1:<port>/callback` or `http://[::1]:<port>/callback`, where a program on the user's machine receives the redirect (RFC 8252) and sends its complete query as `authCode`. Requires an OAuth client that the operator registered as a native application.",
    }),
  }),
  responses: {
    200: {
      description: 'The state, or `authUrl`',
      schema: z.union([connectionCredentialSchema, authUrlSchema]),
    },
  },
  errors: [
    'QUOTA-EXCEEDED',
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
  ],
});

export const deleteConnectionCredential = defineRoute({
  id: 'deleteConnectionCredential',
  method: 'DELETE',
  path,
  summary: 'Unlink your credential from a connection, without deleting it',
  tag,
  permission,
  tier: 2,
  params: connectionParamsSchema,
  responses: { 204: { description: 'Unlinked' } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});

export const confirmConnectionCredential = defineRoute({
  id: 'confirmConnectionCredential',
  method: 'POST',
  path: '/api/v1/data-connections/{qID}/credential/actions/confirm',
  summary: 'Confirm the destination of your credential',
  description:
    'With the `suspendedAt` that the state showed, it also ends the suspension of an embedded login that you provided.',
  tag,
  permission,
  tier: 2,
  params: connectionParamsSchema,
  body: z.object({
    destination: z.string().min(1).max(4096),
    suspendedAt: z.iso.datetime().optional(),
  }),
  responses: { 200: { description: 'The state', schema: connectionCredentialSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});
