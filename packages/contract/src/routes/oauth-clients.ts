import { z } from 'zod';
import { passedOver, passedOverInList } from '../passed-over.js';
import { defineRoute } from '../route.js';
import { instantSchema, listLinksSchema, nameSchema, pageQuery, patchBodySchema } from '../wire.js';

// Machines that call as a user of their own. QLIK.md 1.5; of Qlik's kinds of client, the one that signs in with a
// secret (`web` with `client_credentials`) is offered, for no other can sign in here.

/** Scopes a client may have; see the description of `allowedScopes`. */
export const scopeSchema = z.enum(['user_default', 'admin_classic']);
export type Scope = z.infer<typeof scopeSchema>;

const secretHintSchema = z.object({
  hint: z.string().meta({ description: 'First characters, which name the secret' }),
  createdAt: instantSchema,
  createdBy: z.string(),
});

const clientSecret = z
  .string()
  .meta({ description: 'Shown once, in the reply to its creation', secret: true });

const clientSchema = z
  .object({
    clientId: z.string(),
    clientName: z.string(),
    description: z.string(),
    appType: z.literal('web'),
    allowedScopes: z.array(scopeSchema).meta({
      description:
        '`user_default`: what the user of the client may do as a person. `admin_classic`: also what its tenant roles let it administer; such a client is a tenant administrator.',
    }),
    allowedGrantTypes: z.array(z.literal('client_credentials')),
    allowedAuthMethods: z.array(z.literal('client_secret')),
    clientUri: z.string(),
    logoUri: z.string(),
    clientSecrets: z.array(secretHintSchema),
    userId: z.string().meta({ description: 'User the client acts as; spaces are assigned to it' }),
    createdAt: instantSchema,
    updatedAt: instantSchema,
    createdByType: z.literal('user'),
  })
  .meta({ id: 'OAuthClient' });
export type OAuthClientReply = z.infer<typeof clientSchema>;

const common = {
  tag: 'oauth-clients',
  auth: 'person',
  permission: 'Tenant administrators.',
} as const;
const clientParams = z.object({ id: z.string().min(1).max(64) });

const uriSchema = z.union([z.literal(''), z.url({ protocol: /^https?$/ }).max(2048)]);

/** What a client may be given at its creation and changed to later. */
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
  passesOver: passedOverInList({ name: 'use filter=clientName eq "…"', where: 'use filter, as SCIM has it' }),
  summary: 'List OAuth clients, without their secrets',
  tier: 1,
  query: z.object({
    filter: z.string().max(8192).optional().meta({
      description: 'SCIM filter (RFC 7644) on clientId, clientName, appType and tenantId',
    }),
    sort: z.string().max(64).optional().meta({
      description: 'clientId, clientName, createdAt or updatedAt, with + or - before it',
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
  passesOver: passedOver,
  summary: 'Make an OAuth client with a user of its own; the secret is in this reply only',
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
  passesOver: passedOver,
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
  passesOver: passedOver,
  summary: 'Change an OAuth client',
  description:
    'Paths: `/clientName`, `/description`, `/clientUri`, `/logoUri`, `/allowedScopes`, `/allowedGrantTypes`. Fewer scopes hold at once, also for tokens that are out.',
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
  passesOver: passedOver,
  summary: 'Delete an OAuth client with its user, tokens and credentials',
  description: 'Refused while its user owns connections or spaces: give those to somebody else first.',
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
  passesOver: passedOver,
  summary: 'Add a secret, so that the former one can be replaced without a break; at most five',
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
  passesOver: passedOver,
  summary: 'Delete a secret by its hint; tokens it was given stay valid until they expire',
  tier: 2,
  params: clientParams.extend({ hint: z.string().min(1).max(64) }),
  responses: { 204: { description: 'Deleted' } },
  errors: ['ACCESS-DENIED', 'NOT-FOUND'],
});
