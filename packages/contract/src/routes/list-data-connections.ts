import { z } from 'zod';
import { ignoredExceptFilters } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import { errorItemSchema, listLinksSchema } from '../wire.js';
import { connectionSchema } from './data-connections.js';

const listConnectionsQuerySchema = z.object({
  spaceId: z
    .string()
    .max(64)
    .optional()
    .meta({ aliases: ['space'] }),
  personal: z.boolean().optional(),
  ownedByMe: z.boolean().optional(),
  userId: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'Connections that this user owns; administrators only, except for your own id' }),
  limit: z.int().min(1).max(100).optional().meta({ description: 'Page size; absent: all connections' }),
  page: z.string().max(4096).optional().meta({ description: 'Page token from `links`' }),
  sort: z
    .string()
    .regex(/^[+\- ]?(_id|qName|created|updated)$/, 'must be one of ±_id, ±qName, ±created, ±updated')
    .optional(),
  caseinsensitive: z
    .boolean()
    .optional()
    .meta({ description: 'With `sort` by qName: case-insensitive collation of `locale`' }),
  locale: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .meta({ description: 'ICU locale for `caseinsensitive`; absent: en' }),
  filter: z.string().max(4096).optional().meta({
    description:
      'SCIM filter (RFC 7644) on qName, qType, datasourceID, created, updated and qri, for instance `qName co "sales" and created gt "2026-01-31T00:00:00Z"`',
  }),
  dataName: z
    .string()
    .min(1, 'must not be empty')
    .max(64)
    .refine((name) => !/^(?:links|meta|errors|__proto__)$/i.test(name), 'is the name of another member')
    .optional()
    .meta({ description: 'Renames `data` in the reply' }),
  noDatafiles: z.boolean().optional(),
  owner: z.string().optional(),
  extended: z.boolean().optional(),
  includeQris: z.boolean().optional().meta({ description: 'Add `qri`' }),
  includeDisabled: z
    .boolean()
    .optional()
    .meta({ description: 'Include connections of disabled data sources' }),
});

const connectionListSchema = z
  .object({
    data: z.array(connectionSchema).optional(),
    links: listLinksSchema,
    meta: z
      .object({
        count: z.int().optional().meta({ description: 'Total count; absent above 10,000' }),
      })
      .optional(),
    errors: z
      .array(errorItemSchema)
      .optional()
      .meta({ description: 'Connections that can no longer be read and are missing from `data`' }),
  })
  // `dataName` renames `data`.
  .catchall(z.array(connectionSchema))
  .meta({ id: 'DataConnections' });

export const listConnections = defineRoute({
  id: 'listDataConnections',
  method: 'GET',
  path: '/api/v1/data-connections',
  unknownInput: ignoredExceptFilters({
    ...{ ownerId: 'use userId, or ownedByMe=true', sub: 'use userId' },
    ...{ name: 'use filter=qName eq "…"', where: 'use filter with a SCIM expression' },
  }),
  summary: 'List the connections that the caller may see',
  tag: 'data-connections',
  permission: 'Connections for which the caller holds the privilege `list`.',
  tier: 1,
  query: listConnectionsQuerySchema,
  responses: { 200: { description: 'One page, or all connections', schema: connectionListSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'BUSY'],
});
