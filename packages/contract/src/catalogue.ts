import { z } from 'zod';

// The wire form of a data source, as Qlik's data-sources API has it.

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
    disabled: z.boolean(),
    settings: z.array(z.unknown()),
    qriDefinition: z.object({ qriPrefix: z.string() }),
    uiInfo: z
      .object({
        iconSquareUrl: z.string(),
        documentation: z.array(z.object({ title: z.string(), url: z.string() })),
      })
      .optional()
      .meta({ description: 'With `includeui=true`: icon and vendor documentation' }),
  })
  .meta({ id: 'DataSource' });

export const dataSourcesSchema = z
  .object({ dataSources: z.array(dataSourceSchema), lastUpdated: z.string(), updatedAt: z.string() })
  .meta({ id: 'DataSources' });

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
