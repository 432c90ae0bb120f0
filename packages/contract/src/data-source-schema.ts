import { z } from 'zod';

// Qlik's data-sources API: the wire form of a data source.

/** One part of a QRI: `properties` fill the placeholders of `template`, in order. */
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
    name: z.string().meta({ description: "Name of the provider, as in recorded answers of Qlik's API" }),
    dataSourceName: z.string().meta({ description: 'Display name of the data source' }),
    provider: z.string().meta({ description: 'Connector provider, the `qType` of its connections' }),
    providerName: z.string(),
    dataSourcePropertyName: z
      .string()
      .nullable()
      .meta({ description: 'Key that names the data source in a connect statement' }),
    dataSourceType: z.string(),
    capabilities: z.array(z.string()),
    disabled: z.boolean().meta({ description: 'A tenant administrator has disabled it' }),
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

/** One provider of this server, in the form of Qlik's connector nodes. */
const connectorNodeSchema = z.object({
  url: z.string().meta({ description: 'This server: Mooring has no separate connector nodes' }),
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
        'True: the data source and its connections disappear from lists, and connections can be neither created nor used; nothing is deleted',
    }),
  })
  .meta({ id: 'DataSourceSettings' });

export const gatewaysSchema = z
  .object({
    gateways: z.array(z.object({ id: z.string(), name: z.string(), default: z.boolean() })),
    refreshedAt: z.string().meta({ format: 'date-time' }),
  })
  .meta({ id: 'Gateways' });

/** One connection property in `api-specs`. */
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
