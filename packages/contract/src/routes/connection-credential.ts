import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema, nameSchema } from '../wire.js';
import { authUrlSchema, connectionParamsSchema } from './data-connections.js';

// My credential on a connection: CONTRACT.md part C.

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
    destination: z.string().meta({ description: 'Where the credential would be sent' }),
    confirmedDestinations: z
      .array(z.string())
      .optional()
      .meta({ description: 'Where you allowed it to be sent' }),
    signInMethods: z.array(z.string()),
    updatedAt: instantSchema.optional(),
    signInEndsAt: instantSchema.optional().meta({
      description:
        'There when the provider gave no refresh token: the sign-in cannot be renewed and ends then. Often it wants a scope such as `offline_access`, or a parameter such as `access_type=offline` in the query of `authorizationUrl`',
    }),
    suspendedAt: instantSchema.optional().meta({
      description:
        'To who gave the login that the connection keeps: since when it waits, because somebody else moved the connection or gave it away',
    }),
    suspendedBy: z.string().optional().meta({ description: 'Id of who moved it' }),
    ownerLeft: z.literal(true).optional().meta({
      description:
        'The owner of this embedded connection has left, and its login with them. To who may take it over: PATCH `/user` to yourself together with the whole login',
    }),
  })
  .meta({ id: 'ConnectionCredential' });

const path = '/api/v1/data-connections/{qID}/credential' as const;
const tag = 'data-connections';
const permission = 'Anyone who may use the connection, for themselves.';

export const getConnectionCredential = defineRoute({
  id: 'getConnectionCredential',
  method: 'GET',
  path,
  summary: 'State of your credential on a connection',
  tag,
  auth: 'person',
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
  summary: 'Choose or bring your credential on a separated connection',
  description:
    'One of: `credentialId` of a credential you have; `connectionProperties` with new secrets (and `credentialsName`); `authUrlOnly` to begin an interactive sign-in, then `connectionProperties.authCode`. For an embedded credential `authUrlOnly` begins a sign-in for whoever may change the connection, and PATCH of the connection with `qlik-auth-code` completes it.',
  tag,
  auth: 'person',
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
      description: 'With `authUrlOnly`: sign in on another device (RFC 8628), where the provider allows it.',
    }),
    redirectUri: z.string().max(256).optional().meta({
      description:
        "With `authUrlOnly`: `http://127.0.0.1:<port>/callback` or `http://[::1]:<port>/callback`, where a program on the person's machine takes the redirect (RFC 8252) and sends all of its query as `authCode`. Needs a client that the operator registered as a native one.",
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
  summary: 'Unlink your credential from a connection; the credential stays',
  tag,
  auth: 'person',
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
  summary: 'Allow your credential at the destination shown to you',
  description:
    'Also ends the suspension of a login that you gave to a connection and that waits because somebody else moved it: with the `suspendedAt` that you were shown.',
  tag,
  auth: 'person',
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
