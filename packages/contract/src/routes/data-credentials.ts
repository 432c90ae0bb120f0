import { z } from 'zod';
import { ignored } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import {
  instantSchema,
  listLinksSchema,
  nameSchema,
  pageQuery,
  patchBodySchema,
  selfLinksSchema,
  uuidSchema,
} from '../wire.js';
import { authUrlSchema } from './data-connections.js';

// Qlik's data-credentials (QLIK.md 1.2) and Mooring's additions.

/** Exactly the members of Qlik's documented reply. */
export const credentialSchema = z
  .object({
    connectionId: z.string().meta({
      description: 'Connection that an embedded credential belongs to; empty for a separated one',
    }),
    created: instantSchema,
    createdAt: instantSchema.optional().meta({ description: 'Under `/api/connectivity`' }),
    datasourceID: z.string(),
    links: selfLinksSchema,
    qConnCount: z.int().meta({ description: "Number of the caller's existing connections that use it" }),
    qID: z.string(),
    qName: z.string(),
    qSeparated: z.int().meta({ description: '1 separated, 0 embedded' }),
    qType: z.string(),
    updated: instantSchema,
  })
  .meta({ id: 'DataCredential' });
export type CredentialReply = z.infer<typeof credentialSchema>;

export const credentialListSchema = z
  .object({ data: z.array(credentialSchema), links: listLinksSchema })
  .meta({ id: 'DataCredentials' });

const orphanSchema = z
  .object({
    qID: z.string(),
    qName: z.string(),
    qType: z.string(),
    created: instantSchema,
    createdAt: instantSchema.optional().meta({ description: 'Under `/api/connectivity`' }),
    updated: instantSchema,
    datasourceID: z.string(),
    user: z.string(),
    tenant: z.string(),
  })
  .meta({ id: 'OrphanedDataCredential' });

const paramsSchema = z.object({
  qID: z.string().min(1).max(512).meta({ description: 'Id, or the name with `byCredentialName=true`' }),
});
const lookupSchema = z.object({
  byCredentialName: z.boolean().optional(),
  datasourceID: z
    .string()
    .max(128)
    .optional()
    .meta({ description: 'Data source of the credential, if the name is not unique' }),
});

const tag = 'data-credentials';
const own = "Your own credentials only; another user's credential is the same 404 as an unknown one.";

export const getCredential = defineRoute({
  id: 'getDataCredential',
  method: 'GET',
  path: '/api/v1/data-credentials/{qID}',
  unknownInput: ignored,
  summary: 'Get one of your credentials by id or name, without its secret',
  tag,
  permission: own,
  tier: 1,
  params: paramsSchema,
  query: lookupSchema,
  etag: 'credential',
  responses: { 200: { description: 'The credential', schema: credentialSchema } },
  errors: ['DCERROR-0010', 'NOT-FOUND'],
});

const changeErrors = ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'] as const;

export const updateCredential = defineRoute({
  id: 'updateDataCredential',
  method: 'PUT',
  path: '/api/v1/data-credentials/{qID}',
  unknownInput: ignored,
  summary: 'Update one of your credentials: name, secret, or link to a connection',
  tag,
  permission: own,
  tier: 2,
  params: paramsSchema,
  query: lookupSchema,
  body: z.object({
    qName: nameSchema,
    qType: z.string().min(1).max(256),
    qUsername: z.string().max(1024),
    qPassword: z.string().min(1).max(10_000),
    qID: uuidSchema.optional(),
    datasourceID: z.string().max(128).optional(),
    connectionId: z
      .string()
      .max(64)
      .optional()
      .meta({ description: 'Connection to link a separated credential to' }),
    qSeparated: z.int().optional().meta({
      description:
        'Must be unchanged; update the connection to turn its embedded credential into a separated one',
    }),
  }),
  etag: 'credential',
  responses: { 204: { description: 'Changed' } },
  errors: changeErrors,
});

export const patchCredential = defineRoute({
  id: 'patchDataCredential',
  method: 'PATCH',
  path: '/api/v1/data-credentials/{qID}',
  unknownInput: ignored,
  summary: 'Update parts of one of your credentials',
  description: 'Paths: `/qName`, `/qUsername`, `/qPassword`, `/connectionId`.',
  tag,
  permission: own,
  tier: 2,
  params: paramsSchema,
  query: lookupSchema,
  body: patchBodySchema,
  etag: 'credential',
  responses: { 204: { description: 'Changed' } },
  errors: changeErrors,
});

export const deleteCredential = defineRoute({
  id: 'deleteDataCredential',
  method: 'DELETE',
  path: '/api/v1/data-credentials/{qID}',
  unknownInput: ignored,
  summary: 'Delete one of your credentials',
  description:
    'Connections that used it are left without a credential. An OAuth grant is revoked at the provider.',
  tag,
  permission: own,
  tier: 2,
  params: paramsSchema,
  query: lookupSchema,
  etag: 'credential',
  responses: { 204: { description: 'Deleted' } },
  errors: ['DCERROR-0010', 'NOT-FOUND'],
});

export const filterOrphans = defineRoute({
  id: 'filterOrphanedDataCredentials',
  method: 'POST',
  path: '/api/v1/data-credentials/actions/filter-orphan',
  unknownInput: ignored,
  summary: 'List credentials that no connection uses',
  tag,
  permission: 'Your own credentials; tenant administrators: all credentials of the tenant, without secrets.',
  tier: 2,
  body: z.object({
    datasourceID: z.string().max(128).optional(),
    qSeparated: z.int().min(0).max(1).optional(),
    qType: z.string().max(256).optional(),
  }),
  responses: {
    200: { description: 'Orphans', schema: z.object({ count: z.int(), data: z.array(orphanSchema) }) },
  },
  errors: ['DCERROR-0010'],
});

export const listCredentials = defineRoute({
  id: 'listDataCredentials',
  method: 'GET',
  path: '/api/v1/data-credentials',
  summary: 'List your credentials',
  description: 'At most 100 per page; follow `links.next`.',
  tag,
  permission: 'Your own credentials; tenant administrators: those of any `userId`.',
  tier: 1,
  query: z.object({
    userId: z.string().max(64).optional(),
    datasourceID: z.string().max(128).optional(),
    ...pageQuery,
  }),
  responses: { 200: { description: 'Credentials', schema: credentialListSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED'],
});

export const createCredential = defineRoute({
  id: 'createDataCredential',
  method: 'POST',
  path: '/api/v1/data-credentials',
  summary: 'Add a separated credential of your own, without a connection',
  description:
    '`connectionProperties` has the secrets and the properties that determine their destination (host, port, …). `authUrlOnly` starts an interactive sign-in.',
  tag,
  permission: 'Any user, for themselves.',
  tier: 2,
  body: z.object({
    datasourceID: z.string().min(1).max(128),
    qName: nameSchema.optional().meta({ aliases: ['credentialsName'] }),
    connectionProperties: z.record(z.string(), z.unknown()),
    authUrlOnly: z.boolean().optional(),
  }),
  idempotent: true,
  responses: {
    201: { description: 'The credential, or `authUrl`', schema: z.union([credentialSchema, authUrlSchema]) },
  },
  errors: [
    'QUOTA-EXCEEDED',
    'DCERROR-0010',
    'DCAAS-2001',
    'CONFLICT',
    'SIGN-IN-INVALID',
    'SIGN-IN-IN-PROGRESS',
    'PROVIDER-FAILED',
    'PROVIDER-REFUSED',
    'EGRESS-REFUSED',
  ],
});
