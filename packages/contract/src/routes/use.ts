import { z } from 'zod';
import { fileOptionsSchema } from '../file-options.js';
import { filterSchema, orderSchema, parametersSchema, rangeSchema } from '../read-request.js';
import { defineRoute } from '../route.js';
import { testReplySchema } from '../test-reply.js';
import { connectionParamsSchema } from './data-connections.js';

// Uses of a connection: CONTRACT.md part C. All run under the caller's own credential.

/** The manifest of the data source limits the depth: `browseDepth`. */
const pathSchema = z.array(z.string().max(1024)).max(4096);

export const browseReplySchema = z
  .object({
    items: z.array(
      z.object({
        name: z.string(),
        kind: z.string(),
        path: z.array(z.string()),
        readable: z.boolean(),
        container: z.boolean(),
        sizeBytes: z.number().optional(),
        modified: z.string().optional(),
        type: z.string().optional(),
        nullable: z.boolean().optional(),
      }),
    ),
    next: z.string().optional().meta({ description: 'Page token: send it as `page` to continue' }),
  })
  .meta({ id: 'BrowseReply' });

const columnSchema = z.object({
  name: z.string(),
  type: z.string(),
  nullable: z.boolean(),
  precision: z
    .int()
    .optional()
    .meta({ description: 'Declared precision of a decimal: total number of digits' }),
  scale: z.int().optional().meta({ description: 'Digits after the decimal point' }),
  width: z.int().optional().meta({ description: 'Width of an integer or float, in bits' }),
  element: z.unknown().optional().meta({
    description: 'Element type of a list, with the same members except name and nullable',
  }),
});

export const previewReplySchema = z
  .object({
    columns: z.array(columnSchema),
    rows: z.array(z.array(z.unknown())),
    truncated: z.boolean(),
    file: fileOptionsSchema.optional().meta({
      description: 'For files: the options that were used. A request with this `file` returns the same rows',
    }),
  })
  .meta({ id: 'PreviewReply' });

const fileSchema = fileOptionsSchema.optional().meta({
  description: 'How to read a file; omitted options come from the connection, or are detected',
});

const readTargetSchema = {
  path: pathSchema.optional().meta({ description: 'Path of a readable item, as browse returns it' }),
  query: z.string().min(1).max(100_000).optional().meta({ description: "Query in the source's language" }),
  columns: z.array(z.string().max(1024)).max(2000).optional().meta({
    description:
      'Only these columns, in this order. If the columns were sampled, fields that occur only in later rows can be named too',
  }),
  asText: z
    .array(z.string().max(1024))
    .max(2000)
    .optional()
    .meta({ description: 'Columns to return as text, for values that their type cannot represent' }),
  file: fileSchema,
  where: filterSchema.optional().meta({
    description: 'Only rows for which this condition is true. With a path only; see the guide "Filter rows"',
  }),
  orderBy: orderSchema.optional().meta({
    description: 'Sort rows, if the source can. With a path only',
  }),
  parameters: parametersSchema.optional().meta({
    description: 'Values for the placeholders of a query, by position or by name as its language has them',
  }),
};

/** Load shedding: refused before anything is sent to the source. */
const shedErrors = ['BUSY', 'SOURCE-PAUSED'] as const;

const useErrors = [
  ...shedErrors,
  'DCERROR-0010',
  'ACCESS-DENIED',
  'CREDENTIALS-REQUIRED',
  'NOT-FOUND',
  'DCAAS-2001',
  'EGRESS-REFUSED',
  'SOURCE-SIGN-IN-FAILED',
  'SOURCE-PERMISSION-DENIED',
  'SOURCE-NOT-FOUND',
  'SOURCE-QUERY-INVALID',
  'SOURCE-CONFIGURATION-INVALID',
  'SOURCE-UNSUPPORTED',
  'SOURCE-TOO-LARGE',
  'SOURCE-UNAVAILABLE',
  'SOURCE-UNREACHABLE',
  'SOURCE-TLS-FAILED',
  'SOURCE-TIMEOUT',
  'SOURCE-QUOTA-EXCEEDED',
  'SOURCE-PROTOCOL-ERROR',
  'SOURCE-CRASHED',
  'SOURCE-DRIVER-UNAVAILABLE',
  'SOURCE-RATE-LIMITED',
] as const;

const tag = 'use';
const permission = "A role that may use data through the connection; runs under the caller's credential.";
const action = <Name extends string>(name: Name) =>
  `/api/v1/data-connections/{qID}/actions/${name}` as `/api/v1/data-connections/{qID}/actions/${Name}`;

export const testConnection = defineRoute({
  id: 'testConnection',
  method: 'POST',
  path: action('test'),
  summary: 'Test a connection in stages, under your credential',
  description:
    'A failing source is a stage with `ok: false`, not an HTTP error. Users who may not edit the connection get one coarse stage, and a failure only after the full test timeout, unless the source refused their own sign-in.',
  tag,
  permission,
  tier: 2,
  params: connectionParamsSchema,
  responses: { 200: { description: 'The stages', schema: testReplySchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'CREDENTIALS-REQUIRED', 'NOT-FOUND', 'DCAAS-2001', ...shedErrors],
});

export const testUnsaved = defineRoute({
  id: 'testUnsavedConnection',
  method: 'POST',
  path: '/api/v1/data-connections/actions/test',
  summary: 'Test properties before saving them, without storing anything',
  tag,
  permission: 'Any user, with the secrets in the request. Stored secrets are not used.',
  tier: 2,
  body: z.object({
    datasourceID: z.string().min(1).max(128),
    connectionProperties: z.record(z.string(), z.unknown()),
  }),
  responses: { 200: { description: 'The stages', schema: testReplySchema } },
  errors: ['DCERROR-0010', 'DCAAS-2001', ...shedErrors],
});

export const browseConnection = defineRoute({
  id: 'browseConnection',
  method: 'POST',
  path: action('browse'),
  summary: 'Browse the source, one level at a time',
  tag,
  permission,
  tier: 2,
  params: connectionParamsSchema,
  body: z.object({
    path: pathSchema.optional(),
    limit: z.int().min(1).max(1000).optional(),
    page: z.string().max(8192).optional(),
    file: fileSchema,
  }),
  responses: { 200: { description: 'Items', schema: browseReplySchema } },
  errors: useErrors,
});

export const previewConnection = defineRoute({
  id: 'previewConnection',
  method: 'POST',
  path: action('preview'),
  summary: 'First rows of a path or query',
  tag,
  permission,
  tier: 2,
  params: connectionParamsSchema,
  body: z.object({ ...readTargetSchema, limit: z.int().min(1).max(1000).optional() }),
  responses: { 200: { description: 'Rows', schema: previewReplySchema } },
  errors: useErrors,
});

export const describedSchema = z
  .object({
    kind: z.string(),
    columns: z.array(
      columnSchema.extend({
        native: z.string().meta({ description: "The source's own type" }),
        comment: z.string().optional(),
      }),
    ),
    comment: z.string().optional(),
    rows: z.number().optional().meta({ description: 'As the source estimates it' }),
    bytes: z.number().optional(),
    primaryKey: z.array(z.string()).optional(),
    file: fileOptionsSchema.optional(),
  })
  .meta({ id: 'Described' });

export const describeConnection = defineRoute({
  id: 'describeConnection',
  method: 'POST',
  path: action('describe'),
  summary: 'Columns of a path or query, without reading its rows',
  tag,
  permission,
  tier: 2,
  params: connectionParamsSchema,
  body: z.object({
    path: readTargetSchema.path,
    query: readTargetSchema.query,
    parameters: readTargetSchema.parameters,
    file: fileSchema,
  }),
  responses: { 200: { description: 'The columns', schema: describedSchema } },
  errors: useErrors,
});

export const readConnection = defineRoute({
  id: 'readConnection',
  method: 'POST',
  path: action('read'),
  summary: 'Stream rows as NDJSON, CSV or Arrow, or the bytes of a file, selected by `Accept`',
  description:
    'A stream that fails midway, or is cut by an operator\'s limit, is aborted, so that a partial result never looks complete. NDJSON ends with the line `{"$mooring":{"error":{…}}}`, Arrow with an empty batch that has the error in its metadata under `mooring`. The trailer `Mooring-Stream` is `complete`; for clients that send `TE: trailers`, a cut stream ends normally with the trailer `truncated;cap=…`. The header `Mooring-Columns` describes the columns, `Mooring-File` the file options, if they fit into 2 KB. `text/csv; formulas=escape` is for spreadsheets. `application/octet-stream` returns a file as the source stores it, with its length, `ETag` and a file name for a download; with `range` a part of it, as 206 with `Content-Range`. It has no trailer: a body that is shorter than its `Content-Length` is incomplete.',
  tag,
  permission,
  tier: 2,
  params: connectionParamsSchema,
  query: z.object({
    header: z.boolean().optional().meta({
      description: 'The first line of NDJSON describes the columns: `{"$mooring":{"columns":[…]}}`',
    }),
  }),
  body: z.object({
    ...readTargetSchema,
    limit: z.int().min(1).optional(),
    range: rangeSchema.optional().meta({
      description:
        'First and last byte to read, counted from 0. A last byte after the end of the file means the end. Only for bytes',
    }),
  }),
  responses: {
    200: {
      description: 'The stream',
      contentTypes: [
        'application/x-ndjson',
        'text/csv',
        'application/vnd.apache.arrow.stream',
        'application/octet-stream',
      ],
    },
    206: { description: 'A range of the bytes', contentTypes: ['application/octet-stream'] },
  },
  errors: [...useErrors, 'NOT-ACCEPTABLE'],
});

export const resolveConnection = defineRoute({
  id: 'resolveConnection',
  method: 'POST',
  path: action('resolve'),
  summary: 'Explain which credential a use would run under, without its secret',
  tag,
  permission: 'Any user, for themselves; users who may edit the connection, for another user (`as`).',
  tier: 2,
  params: connectionParamsSchema,
  body: z.object({ as: z.string().max(64).optional().meta({ description: 'User id' }) }).optional(),
  responses: {
    200: {
      description: 'The answer',
      schema: z
        .object({
          connectionId: z.string(),
          dataSourceId: z.string(),
          userId: z.string(),
          separated: z.boolean(),
          usable: z.boolean(),
          credentialId: z.string().optional(),
          credentialOwnerId: z.string().optional(),
          state: z.string(),
          reason: z.string().meta({ description: 'Human-readable reason' }),
          destination: z.string(),
          bring: z.string().optional().meta({ description: 'Path where the user can provide a credential' }),
        })
        .meta({ id: 'ResolveReply' }),
    },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});
