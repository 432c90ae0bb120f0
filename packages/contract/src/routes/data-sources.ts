import { z } from 'zod';
import { apiSpecsSchema, dataSourcesSchema } from '../catalogue.js';
import { defineRoute } from '../route.js';

const tag = 'data-sources';
const params = z.object({ dataSourceId: z.string().min(1).max(128) });

export const listDataSources = defineRoute({
  id: 'listDataSources',
  method: 'GET',
  path: '/api/v1/data-sources',
  summary: 'The catalogue of data sources',
  tag,
  auth: 'person',
  permission: 'Any person.',
  tier: 1,
  query: z.object({
    dataSourceId: z.string().max(128).optional(),
    detail: z.boolean().optional(),
    includeDisabled: z.boolean().optional(),
    includeui: z.boolean().optional(),
  }),
  responses: { 200: { description: 'Data sources', schema: dataSourcesSchema } },
  errors: ['DCERROR-0010', 'DCAAS-2001'],
});

export const getApiSpecs = defineRoute({
  id: 'getDataSourceApiSpecs',
  method: 'GET',
  path: '/api/v1/data-sources/{dataSourceId}/api-specs',
  summary: 'Connection properties of a data source',
  tag,
  auth: 'person',
  permission: 'Any person.',
  tier: 1,
  params,
  responses: { 200: { description: 'The properties', schema: apiSpecsSchema } },
  errors: ['DCAAS-2001'],
});

export const getDataSourceIcon = defineRoute({
  id: 'getDataSourceIcon',
  method: 'GET',
  path: '/api/v1/data-sources/{dataSourceId}/icon',
  summary: 'Icon of a data source, as SVG',
  tag,
  auth: 'public',
  permission: 'Public.',
  tier: 'none',
  params,
  responses: { 200: { description: 'SVG', contentTypes: ['image/svg+xml'] } },
  errors: ['DCAAS-2001'],
});
