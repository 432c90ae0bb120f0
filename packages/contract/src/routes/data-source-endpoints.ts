import { z } from 'zod';
import { ignored, ignoredExceptFilters } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import { uuidSchema } from '../wire.js';

// Qlik's operations that exist only under `/api/connectivity`: endpoints and QRIs. Types: connectivity/data-sources of
// @qlik/api.

const endpointSchema = z
  .object({
    id: z.string(),
    dataSourceId: z.string(),
    url: z.string().meta({
      description: 'HTTP address of this server; Mooring has no gRPC endpoint, read data with `actions/read`',
    }),
    isPodUrl: z.boolean(),
  })
  .meta({ id: 'DataSourceEndpoint' });

const tag = 'data-sources';

export const getDataSourceEndpoints = defineRoute({
  id: 'connectivityGetDataSourceEndpoints',
  method: 'GET',
  path: '/api/connectivity/data-sources/endpoints',
  unknownInput: ignoredExceptFilters(),
  summary: 'List the endpoints of enabled data sources',
  tag,
  permission: 'Any user.',
  tier: 1,
  responses: {
    200: { description: 'Endpoints', schema: z.object({ endpoints: z.array(endpointSchema) }) },
  },
  errors: [],
});

export const filterDataSourceEndpoints = defineRoute({
  id: 'connectivityFilterDataSourceEndpoints',
  method: 'POST',
  path: '/api/connectivity/data-sources/endpoints/actions/filter',
  unknownInput: ignored,
  summary: 'Get the endpoint of one connection',
  description:
    'Identify the connection by `connectionId`, `connectionName` (`Space:Name`, `:Name`, or a name with `spaceId`) or `connectionString`, or send only a `dataSourceId`. The answer never has a user name or password: reads run under the credential that Mooring holds for the caller.',
  tag,
  permission: 'The right to use data through the connection.',
  tier: 2,
  body: z.object({
    connectionId: uuidSchema.optional(),
    connectionName: z.string().min(1).max(1024).optional(),
    connectionString: z.string().min(1).max(100_000).optional(),
    dataSourceId: z.string().min(1).max(128).optional(),
    spaceId: z.string().max(64).optional(),
    checkCredentials: z
      .boolean()
      .optional()
      .meta({ description: 'Fail if the caller has no credential for a separated connection' }),
    reloadId: z.string().max(256).optional(),
    type: z.enum(['rld', 'dq']).optional(),
  }),
  responses: {
    201: {
      description: 'The endpoint and the connection',
      schema: z.object({
        endpoint: endpointSchema,
        connection: z
          .object({
            connectionString: z.string(),
            dataInterfaceType: z.string(),
            connectionId: z.string().optional(),
            qri: z.string().optional(),
            spaceQualifiedConnectionName: z.string().optional(),
          })
          .optional(),
      }),
    },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'CREDENTIALS-REQUIRED', 'NOT-FOUND', 'DCAAS-2001'],
});

const qriPropertySchema = z.object({
  name: z.string().max(256).optional(),
  value: z.string().max(4096).optional(),
});

const qriTargetSchema = {
  connection: z.string(),
  connectionType: z.enum(['id', 'name', 'properties']),
};

export const generateQris = defineRoute({
  id: 'connectivityGenerateQri',
  method: 'POST',
  path: '/api/connectivity/data-sources/actions/generate-qri',
  unknownInput: ignored,
  summary: 'Generate resource identifiers (QRIs) of connections and paths',
  description:
    'One result per item, in order. The QRI depends only on the target, not on user or credential; without `rawValues` its parts are hashed.',
  tag,
  permission:
    'The privilege `read` on each connection; otherwise its item is the same as for an unknown connection.',
  tier: 2,
  body: z.object({
    data: z
      .array(
        z.object({
          connection: qriTargetSchema.connection.min(1).max(100_000),
          connectionType: qriTargetSchema.connectionType,
          dataSourceId: z.string().max(128).optional(),
          spaceId: z.string().max(64).optional(),
          pathProperties: z.array(qriPropertySchema).max(16).optional(),
          itemProperties: z.array(qriPropertySchema).max(16).optional(),
          requestId: z.string().max(256).optional(),
        }),
      )
      .max(100)
      .default([]),
    rawValues: z.boolean().optional(),
  }),
  responses: {
    207: {
      description: 'One result per item',
      schema: z.object({
        data: z.array(
          z.object({
            ...qriTargetSchema,
            dataSourceId: z.string(),
            isFullyQualified: z.boolean(),
            qri: z.string().meta({ description: 'Empty on failure' }),
            requestId: z.string().optional(),
            status: z.object({
              code: z.int(),
              errorResponse: z
                .object({ dcaasErrorCode: z.int(), errorCodeName: z.string(), errorMessage: z.string() })
                .optional(),
            }),
          }),
        ),
      }),
    },
  },
  errors: ['DCERROR-0010'],
});
