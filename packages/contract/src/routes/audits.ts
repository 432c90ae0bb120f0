import { z } from 'zod';
import { ignored, ignoredExceptFilters } from '../ignored-input.js';
import { defineRoute } from '../route.js';
import { instantSchema, listLinksSchema, pageQuery, selfLinksSchema } from '../wire.js';

// The audit log. QLIK.md 1.5.

const auditSchema = z
  .object({
    id: z.string(),
    eventId: z.string(),
    eventTime: instantSchema,
    eventType: z.string().meta({ description: 'For instance `mooring.v1.data-connection.created`' }),
    eventTypeVersion: z.string(),
    source: z.string().meta({ description: 'Kind of resource, for instance `mooring/user`' }),
    contentType: z.literal('application/json'),
    tenantId: z.string(),
    userId: z.string().meta({ description: 'User who caused the event' }),
    data: z.record(z.string(), z.unknown()).meta({
      description: '`id` of the resource, and details that depend on the type; never a secret',
    }),
    extensions: z.object({
      ownerId: z.string().optional(),
      spaceId: z.string().optional(),
      topLevelResourceId: z.string().optional().meta({ description: 'Id of the containing resource' }),
    }),
    links: selfLinksSchema,
  })
  .meta({ id: 'Audit' });
export type AuditReply = z.infer<typeof auditSchema>;

const common = {
  tag: 'audits',
  permission: 'Tenant administrators and audit administrators (`AuditAdmin`).',
  tier: 1,
} as const;

const text = z.string().min(1).max(256).optional();

export const listAudits = defineRoute({
  ...common,
  id: 'listAudits',
  method: 'GET',
  path: '/api/v1/audits',
  unknownInput: ignoredExceptFilters({ ownerId: 'use userId', owner: 'use userId', sub: 'use userId' }),
  summary: 'List events, latest first',
  query: z.object({
    eventType: text,
    source: text,
    userId: text,
    eventTime: text.meta({
      description: 'Interval, both ends included, for instance `2026-01-01T00:00:00Z/2026-01-31T23:59:59Z`',
    }),
    id: z.string().max(4096).optional().meta({ description: 'Comma-separated ids' }),
    sort: z.string().max(64).optional().meta({
      description: 'eventTime, eventType or source, prefixed with + or -; absent: -eventTime',
    }),
    ...pageQuery,
  }),
  responses: {
    200: { description: 'Events', schema: z.object({ data: z.array(auditSchema), links: listLinksSchema }) },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED'],
});

const namesSchema = z.object({ data: z.array(z.string()), links: selfLinksSchema });

export const listAuditTypes = defineRoute({
  ...common,
  id: 'listAuditTypes',
  method: 'GET',
  path: '/api/v1/audits/types',
  unknownInput: ignored,
  summary: 'List all event types',
  responses: { 200: { description: 'Types', schema: namesSchema } },
  errors: ['ACCESS-DENIED'],
});

export const listAuditSources = defineRoute({
  ...common,
  id: 'listAuditSources',
  method: 'GET',
  path: '/api/v1/audits/sources',
  unknownInput: ignored,
  summary: 'List all event sources',
  responses: { 200: { description: 'Sources', schema: namesSchema } },
  errors: ['ACCESS-DENIED'],
});

export const getAuditSettings = defineRoute({
  ...common,
  id: 'getAuditSettings',
  method: 'GET',
  path: '/api/v1/audits/settings',
  unknownInput: ignored,
  summary: 'Get the retention period of events',
  responses: {
    200: {
      description: 'The settings',
      schema: z.object({
        data: z.object({
          ArchiveEnabled: z.boolean(),
          EventTTL: z.int().meta({ description: 'Seconds; the setting `limits.auditDays`' }),
        }),
      }),
    },
  },
  errors: ['ACCESS-DENIED'],
});

export const getAudit = defineRoute({
  ...common,
  id: 'getAudit',
  method: 'GET',
  path: '/api/v1/audits/{id}',
  unknownInput: ignored,
  summary: 'Get one event',
  params: z.object({ id: z.string().min(1).max(64) }),
  responses: { 200: { description: 'The event', schema: auditSchema } },
  errors: ['ACCESS-DENIED', 'NOT-FOUND'],
});
