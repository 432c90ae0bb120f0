import { z } from 'zod';

// The wire form of a data source, as Qlik's data-sources API has it.

/** How a part of a QRI is made: the template's placeholders are the properties, in order. */
const qriTemplateSchema = z.object({
  template: z.string(),
  properties: z.array(z.string()),
});

const qriDefinitionSchema = z.object({
  qriPrefix: z.string(),
  connectionPart: qriTemplateSchema,
  pathPart: qriTemplateSchema.extend({ prefix: z.string() }),
});
export type QriDefinition = z.infer<typeof qriDefinitionSchema>;

export const dataSourceSchema = z
  .object({
    dataSourceId: z.string().meta({ description: 'Id of the data source, for instance `postgres`' }),
    name: z.string().meta({ description: 'Name of the provider; recorded replies carry it here' }),
    dataSourceName: z.string().meta({ description: 'Name of the data source for people' }),
    provider: z.string().meta({ description: 'Connector provider, the `qType` of its connections' }),
    providerName: z.string(),
    dataSourcePropertyName: z
      .string()
      .nullable()
      .meta({ description: 'Key that names the source in a connect statement' }),
    dataSourceType: z.string(),
    capabilities: z.array(z.string()),
    disabled: z.boolean().meta({ description: 'A tenant administrator has switched it off' }),
    settings: z.array(z.unknown()),
    qriDefinition: qriDefinitionSchema,
    uiInfo: z
      .object({
        iconSquareUrl: z.string(),
        documentation: z.array(z.object({ title: z.string(), url: z.string() })),
      })
      .optional()
      .meta({ description: 'With `includeui=true`: icon and vendor documentation' }),
  })
  .meta({ id: 'DataSource' });

/** One provider of this server, as Qlik describes its connector nodes. */
const connectorNodeSchema = z.object({
  url: z.string().meta({ description: 'This server: Mooring runs its connectors in itself' }),
  contractType: z.int(),
  providerName: z.string(),
  dataSourcesUpdated: z.boolean(),
  state: z.string(),
  cachedDataSources: z.array(z.string()),
});

export const dataSourcesSchema = z
  .object({
    dataSources: z.array(dataSourceSchema),
    lastUpdated: z.string(),
    updatedAt: z.string(),
    connectorNodes: z.array(connectorNodeSchema).optional().meta({ description: 'With `detail=true`' }),
  })
  .meta({ id: 'DataSources' });

export const dataSourceSettingsSchema = z
  .object({
    disabled: z.boolean().meta({
      description:
        'True: the source is left out of lists, its connections too, and none can be made or used; nothing is lost',
    }),
  })
  .meta({ id: 'DataSourceSettings' });

export const gatewaysSchema = z
  .object({
    gateways: z.array(z.object({ id: z.string(), name: z.string(), default: z.boolean() })),
    refreshedAt: z.string().meta({ format: 'date-time' }),
  })
  .meta({ id: 'Gateways' });

/** One connection property, as `api-specs` describes it. */
export const propertySpecSchema = z.looseObject({
  type: z.string(),
  description: z.string().optional(),
});

export const apiSpecsSchema = z
  .object({
    connectorProvider: z.string(),
    connectorVersion: z.string(),
    connectionProperties: z.object({
      type: z.literal('object'),
      properties: z.record(z.string(), propertySpecSchema),
      required: z.array(z.string()).optional(),
    }),
  })
  .meta({ id: 'ApiSpecs' });

export type DataSource = z.infer<typeof dataSourceSchema>;
export type ApiSpecs = z.infer<typeof apiSpecsSchema>;
export type PropertySpec = z.infer<typeof propertySpecSchema>;
