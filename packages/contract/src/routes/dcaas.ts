import { z } from 'zod';
import { apiSpecsSchema } from '../data-source-schema.js';
import { ignored } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import { instantSchema } from '../wire.js';
import { authUrlSchema, createConnection, createConnectionBodySchema } from './data-connections.js';

// Qlik's legacy `/dcaas` API: QLIK.md 1.4. `updateAt` is Qlik's spelling.

export const dcaasConnectionSchema = z
  .object({
    connectionId: z.string(),
    connectionName: z.string(),
    dataSourceId: z.string(),
    tenantId: z.string(),
    userId: z.string(),
    createdAt: instantSchema,
    updateAt: instantSchema,
    credentialsId: z.string().optional(),
    spaceId: z.string().optional(),
    connectionProperties: z.record(z.string(), z.unknown()).optional(),
    tags: z.array(z.string()).optional(),
  })
  .meta({ id: 'DcaasConnection' });
export type DcaasConnectionReply = z.infer<typeof dcaasConnectionSchema>;

const { qName, space, datasourceID, ...others } = createConnectionBodySchema.shape;

/** `DataConnectionCreate` with the names of `/dcaas`; those of `/data-connections` are accepted too. */
export const createDcaasBodySchema = z
  .object({
    dataSourceId: datasourceID,
    connectionName: qName.meta({ aliases: ['qName'] }),
    spaceId: space.meta({ aliases: ['space'], description: 'Absent or empty: your personal space' }),
    ...others,
  })
  .meta({ id: 'DcaasConnectionCreate' });

const tag = 'dcaas';

export const createDcaasConnection = defineRoute({
  id: 'createDcaasDataConnection',
  method: 'POST',
  path: '/api/v1/dcaas/actions/data-connections',
  unknownInput: ignored,
  summary: 'Create a connection by properties, or start an interactive sign-in (dcaas API)',
  tag,
  permission: createConnection.permission,
  tier: 2,
  body: createDcaasBodySchema,
  idempotent: true,
  responses: {
    201: {
      description: 'The connection, or `authUrl`',
      schema: z.union([dcaasConnectionSchema, authUrlSchema]),
    },
  },
  errors: createConnection.errors,
});

export const getDcaasApiSpecs = defineRoute({
  id: 'getDcaasApiSpecs',
  method: 'GET',
  path: '/api/v1/dcaas/actions/data-connections/api-specs',
  unknownInput: ignored,
  summary: 'Connection properties of a data source (dcaas API)',
  tag,
  permission: 'Any user.',
  tier: 1,
  query: z.object({ dataSourceId: z.string().min(1).max(128) }),
  responses: { 200: { description: 'The properties', schema: apiSpecsSchema } },
  errors: ['QUOTA-EXCEEDED', 'DCERROR-0010', 'DCAAS-2001'],
});

export const getDcaasConnection = defineRoute({
  id: 'getDcaasDataConnection',
  method: 'GET',
  path: '/api/v1/dcaas/actions/data-connections/{connectionId}',
  unknownInput: ignored,
  summary: 'Get one connection (dcaas API)',
  tag,
  permission: 'The privilege `read`.',
  tier: 1,
  params: z.object({ connectionId: z.string().min(1).max(512) }),
  responses: { 200: { description: 'The connection', schema: dcaasConnectionSchema } },
  errors: ['DCERROR-0010', 'NOT-FOUND'],
});
