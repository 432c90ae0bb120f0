import { z } from 'zod';
import {
  apiSpecsSchema,
  dataSourceSettingsSchema,
  dataSourcesSchema,
  gatewaysSchema,
} from '../data-source-schema.js';
import { ignored, ignoredExceptFilters } from '../ignored-input.js';
import { defineRoute } from '../route.js';

const tag = 'data-sources';
const params = z.object({ dataSourceId: z.string().min(1).max(128) });

export const listDataSources = defineRoute({
  id: 'listDataSources',
  method: 'GET',
  path: '/api/v1/data-sources',
  unknownInput: ignoredExceptFilters(),
  summary: 'List data sources',
  tag,
  permission: 'Any user.',
  tier: 1,
  query: z.object({
    dataSourceId: z
      .union([z.string().max(128), z.array(z.string().max(128)).max(100)])
      .transform((given) => (Array.isArray(given) ? given.at(-1) : given))
      .optional()
      .meta({ description: 'Only this data source; if repeated, the last value counts' }),
    detail: z.boolean().optional().meta({ description: 'Add `connectorNodes`' }),
    includeDisabled: z.boolean().optional(),
    includeui: z.boolean().optional().meta({ description: 'Add `uiInfo`: icon and documentation' }),
  }),
  responses: { 200: { description: 'Data sources', schema: dataSourcesSchema } },
  errors: ['DCERROR-0010', 'DCAAS-2001'],
});

export const getApiSpecs = defineRoute({
  id: 'getDataSourceApiSpecs',
  method: 'GET',
  path: '/api/v1/data-sources/{dataSourceId}/api-specs',
  unknownInput: ignored,
  summary: 'Get the connection properties of a data source',
  tag,
  permission: 'Any user.',
  tier: 1,
  params,
  responses: { 200: { description: 'The properties', schema: apiSpecsSchema } },
  errors: ['DCAAS-2001'],
});

export const getDataSourceIcon = defineRoute({
  id: 'getDataSourceIcon',
  method: 'GET',
  path: '/api/v1/data-sources/{dataSourceId}/icon',
  unknownInput: ignored,
  summary: 'Get the icon of a data source, as SVG',
  tag,
  public: true,
  permission: 'Public.',
  tier: 'none',
  params,
  responses: { 200: { description: 'SVG', contentTypes: ['image/svg+xml'] } },
  errors: ['DCAAS-2001'],
});

export const getDataSourceGateways = defineRoute({
  id: 'getDataSourceGateways',
  method: 'GET',
  path: '/api/v1/data-sources/{dataSourceId}/gateways',
  unknownInput: ignored,
  summary: 'Gateways of a data source: always empty, Mooring connects to sources directly',
  tag,
  permission: 'Any user.',
  tier: 1,
  params,
  query: z.object({ forceRefresh: z.boolean().optional() }),
  responses: { 200: { description: 'An empty list', schema: gatewaysSchema } },
  errors: ['DCERROR-0010', 'DCAAS-2001'],
});

export const getDataSourceSettings = defineRoute({
  id: 'getDataSourceSettings',
  method: 'GET',
  path: '/api/v1/data-sources/{dataSourceId}/settings',
  unknownInput: ignored,
  summary: 'Get the settings of a data source: enabled or disabled',
  tag,
  permission: 'Tenant administrators.',
  tier: 1,
  params,
  responses: { 200: { description: 'The settings', schema: dataSourceSettingsSchema } },
  errors: ['ACCESS-DENIED', 'DCAAS-2001'],
});

export const putDataSourceSettings = defineRoute({
  id: 'putDataSourceSettings',
  method: 'PUT',
  path: '/api/v1/data-sources/{dataSourceId}/settings',
  unknownInput: ignored,
  summary: 'Disable or enable a data source for the tenant',
  tag,
  permission: 'Tenant administrators.',
  tier: 2,
  params,
  body: dataSourceSettingsSchema,
  responses: { 200: { description: 'The settings', schema: dataSourceSettingsSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'DCAAS-2001'],
});
