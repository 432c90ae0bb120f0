import { z } from 'zod';
import { ignored, ignoredExceptFilters } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import { instantSchema, listLinksSchema, nameSchema, pageQuery, patchBodySchema } from '../wire.js';

// OAuth clients: machines that call the API as a user of their own. QLIK.md 1.5; of Qlik's client types only `web` with
// `client_credentials` can authenticate here, so only that is offered.

/** Scopes a client may have; see the description of `allowedScopes`. */
export const scopeSchema = z.enum(['user_default', 'admin_classic']);
export type Scope = z.infer<typeof scopeSchema>;

const secretHintSchema = z.object({
  hint: z.string().meta({ description: 'First characters of the secret, which identify it' }),
  createdAt: instantSchema,
  createdBy: z.string(),
});

const clientSecret = z.string().meta({ description: 'Shown once, when the secret is created', secret: true });

const clientSchema = z
  .object({
    clientId: z.string(),
    clientName: z.string(),
    description: z.string(),
    appType: z.literal('web'),
    allowedScopes: z.array(scopeSchema).meta({
      description:
        '`user_default`: the non-administrative permissions of the machine user. `admin_classic`: also its tenant roles; such a client is a tenant administrator.',
    }),
    allowedGrantTypes: z.array(z.literal('client_credentials')),
    allowedAuthMethods: z.array(z.literal('client_secret')),
    clientUri: z.string(),
    logoUri: z.string(),
    clientSecrets: z.array(secretHintSchema),
    userId: z.string().meta({ description: 'Machine user of the client; assign it roles in spaces' }),
    createdAt: instantSchema,
    updatedAt: instantSchema,
    createdByType: z.literal('user'),
  })
  .meta({ id: 'OAuthClient' });
export type OAuthClientReply = z.infer<typeof clientSchema>;

const common = {
  tag: 'oauth-clients',
  permission: 'Tenant administrators.',
} as const;
const clientParams = z.object({ id: z.string().min(1).max(64) });

const uriSchema = z.union([z.literal(''), z.url({ protocol: /^https?$/ }).max(2048)]);

/** Members that can be set at creation and updated later. */
export const clientChangeSchema = z.object({
  clientName: nameSchema,
  description: z.string().max(1024),
  clientUri: uriSchema,
  logoUri: uriSchema,
  allowedScopes: z.array(scopeSchema).min(1).max(2),
  allowedGrantTypes: z.array(z.literal('client_credentials')).max(1),
});
export type OAuthClientChange = z.output<typeof clientChangeSchema>;

export const listOAuthClients = defineRoute({
  ...common,
  id: 'listOAuthClients',
  method: 'GET',
  path: '/api/v1/oauth-clients',
  unknownInput: ignoredExceptFilters({
    name: 'use filter=clientName eq "…"',
    where: 'use filter with a SCIM expression',
  }),
  summary: 'List OAuth clients, without their secrets',
  tier: 1,
  query: z.object({
    filter: z.string().max(8192).optional().meta({
      description: 'SCIM filter (RFC 7644) on clientId, clientName, appType and tenantId',
    }),
    sort: z.string().max(64).optional().meta({
      description: 'clientId, clientName, createdAt or updatedAt, prefixed with + or -',
    }),
    totalResults: z.boolean().optional(),
    ...pageQuery,
  }),
  responses: {
    200: {
      description: 'Clients',
      schema: z.object({
        data: z.array(clientSchema),
        links: listLinksSchema,
        totalResults: z.int().optional(),
      }),
    },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED'],
});

export const createOAuthClient = defineRoute({
  ...common,
  id: 'createOAuthClient',
  method: 'POST',
  path: '/api/v1/oauth-clients',
  unknownInput: ignored,
  summary: 'Create an OAuth client with its machine user; the secret is shown in this answer only',
  tier: 2,
  body: clientChangeSchema.partial().extend({
    clientName: nameSchema,
    appType: z.literal('web'),
    allowedAuthMethods: z.array(z.literal('client_secret')).max(1).optional(),
  }),
  idempotent: true,
  showsSecret: true,
  responses: {
    201: {
      description: 'The client with its secret',
      schema: clientSchema.extend({ clientSecret }).meta({ id: 'OAuthClientWithSecret' }),
    },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED'],
});

export const getOAuthClient = defineRoute({
  ...common,
  id: 'getOAuthClient',
  method: 'GET',
  path: '/api/v1/oauth-clients/{id}',
  unknownInput: ignored,
  summary: 'Get an OAuth client, without its secrets',
  tier: 1,
  params: clientParams,
  responses: { 200: { description: 'The client', schema: clientSchema } },
  errors: ['ACCESS-DENIED', 'NOT-FOUND'],
});

export const patchOAuthClient = defineRoute({
  ...common,
  id: 'patchOAuthClient',
  method: 'PATCH',
  path: '/api/v1/oauth-clients/{id}',
  unknownInput: ignored,
  summary: 'Update an OAuth client',
  description:
    'Paths: `/clientName`, `/description`, `/clientUri`, `/logoUri`, `/allowedScopes`, `/allowedGrantTypes`. Removing a scope takes effect at once, also for tokens already issued.',
  tier: 2,
  params: clientParams,
  body: patchBodySchema,
  responses: { 204: { description: 'Changed' } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});

export const deleteOAuthClient = defineRoute({
  ...common,
  id: 'deleteOAuthClient',
  method: 'DELETE',
  path: '/api/v1/oauth-clients/{id}',
  unknownInput: ignored,
  summary: 'Delete an OAuth client, its machine user, tokens and credentials',
  description: 'Refused while its machine user owns connections or spaces: transfer those first.',
  tier: 2,
  params: clientParams,
  responses: { 204: { description: 'Deleted' } },
  errors: ['ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});

export const createOAuthClientSecret = defineRoute({
  ...common,
  id: 'createOAuthClientSecret',
  method: 'POST',
  path: '/api/v1/oauth-clients/{id}/client-secrets',
  unknownInput: ignored,
  summary: 'Add a secret, for replacement without downtime; at most five',
  tier: 2,
  params: clientParams,
  idempotent: true,
  showsSecret: true,
  responses: {
    201: {
      description: 'The secret',
      schema: secretHintSchema.extend({ clientId: z.string(), clientSecret }),
    },
  },
  errors: ['ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});

export const deleteOAuthClientSecret = defineRoute({
  ...common,
  id: 'deleteOAuthClientSecret',
  method: 'DELETE',
  path: '/api/v1/oauth-clients/{id}/client-secrets/{hint}',
  unknownInput: ignored,
  summary: 'Delete a secret by its hint; tokens that were issued for it stay valid until they expire',
  tier: 2,
  params: clientParams.extend({ hint: z.string().min(1).max(64) }),
  responses: { 204: { description: 'Deleted' } },
  errors: ['ACCESS-DENIED', 'NOT-FOUND'],
});
