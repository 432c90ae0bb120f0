import { z } from 'zod';
import { fileOptionsSchema } from '../file-options.js';
import { defineRoute } from '../route.js';
import { connectionParamsSchema } from './data-connections.js';

// Using a connection: CONTRACT.md part C. All run under the caller's own credential.

export const stageSchema = z
  .object({
    name: z.string(),
    ok: z.boolean(),
    ms: z.number().optional(),
    code: z.string().optional(),
    message: z.string().optional(),
    remedy: z.string().optional(),
  })
  .meta({ id: 'TestStage' });

export const testReplySchema = z
  .object({ ok: z.boolean(), stages: z.array(stageSchema) })
  .meta({ id: 'TestReply' });

/** How deep a path may go is up to the source: `browseDepth` of its manifest. */
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
    next: z.string().optional().meta({ description: 'Give it as `page` to go on' }),
  })
  .meta({ id: 'BrowseReply' });

const columnSchema = z.object({
  name: z.string(),
  type: z.string(),
  nullable: z.boolean(),
  precision: z.int().optional().meta({ description: 'Of a decimal that is declared so: digits in all' }),
  scale: z.int().optional().meta({ description: 'Digits behind the point' }),
  width: z.int().optional().meta({ description: 'Bits of an integer or float' }),
  element: z.unknown().optional().meta({
    description: 'Of lists: the type of their items, with the same members but name and nullable',
  }),
});

export const previewReplySchema = z
  .object({
    columns: z.array(columnSchema),
    rows: z.array(z.array(z.unknown())),
    truncated: z.boolean(),
    file: fileOptionsSchema.optional().meta({
      description: 'Of a file: how it was read. A request whose `file` says the same gets the same rows',
    }),
  })
  .meta({ id: 'PreviewReply' });

const fileSchema = fileOptionsSchema.optional().meta({
  description:
    'How a file is read; what is left out is what the connection says of its files, or is found out',
});

const readTargetSchema = {
  path: pathSchema.optional().meta({ description: 'Path of a readable item, as browse returns it' }),
  query: z
    .string()
    .min(1)
    .max(100_000)
    .optional()
    .meta({ description: 'Query in the language of the source' }),
  columns: z.array(z.string().max(1024)).max(2000).optional().meta({
    description: 'Only these columns, in this order; where columns were sampled also fields of later rows',
  }),
  asText: z
    .array(z.string().max(1024))
    .max(2000)
    .optional()
    .meta({ description: 'Columns whose values come as text, for those that their type cannot hold' }),
  file: fileSchema,
};

/** Refused before anything was sent to the source. */
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
const permission = 'A role that may use data through the connection; under the credential of the caller.';
const action = <Name extends string>(name: Name) =>
  `/api/v1/data-connections/{qID}/actions/${name}` as `/api/v1/data-connections/{qID}/actions/${Name}`;

export const testConnection = defineRoute({
  id: 'testConnection',
  method: 'POST',
  path: action('test'),
  summary: 'Test a connection in stages, under your credential',
  description:
    'A source that fails is a stage with `ok: false`, not an HTTP error. People who may not edit the connection get one coarse stage, and a failure only when the time limit of a test is over, unless the source refused their own sign-in.',
  tag,
  auth: 'person',
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
  summary: 'Test properties before saving them; nothing is stored',
  tag,
  auth: 'person',
  permission: 'Any person, with the secrets in the request. Stored secrets are not used.',
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
  summary: 'List what is at the source, one level at a time',
  tag,
  auth: 'person',
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
  auth: 'person',
  permission,
  tier: 2,
  params: connectionParamsSchema,
  body: z.object({ ...readTargetSchema, limit: z.int().min(1).max(1000).optional() }),
  responses: { 200: { description: 'Rows', schema: previewReplySchema } },
  errors: useErrors,
});

export const readConnection = defineRoute({
  id: 'readConnection',
  method: 'POST',
  path: action('read'),
  summary: 'Stream rows as NDJSON, CSV or Arrow, by Accept',
  description:
    'A stream that fails midway, or is cut by a limit of the operator, ends abnormally, so a part never looks whole: NDJSON with a last line `{"$mooring":{"error":{…}}}`, Arrow with an empty batch whose metadata have it under `mooring`. The trailer `Mooring-Stream` says `complete`; for clients that send `TE: trailers` a cut ends normally, and it says `truncated;cap=…`. The header `Mooring-Columns` names the columns, and `Mooring-File` says how a file is read, where they fit into 2 KB. `text/csv; formulas=escape` is for spreadsheets.',
  tag,
  auth: 'person',
  permission,
  tier: 2,
  params: connectionParamsSchema,
  query: z.object({
    header: z.boolean().optional().meta({
      description: 'NDJSON begins with a line that names the columns: `{"$mooring":{"columns":[…]}}`',
    }),
  }),
  body: z.object({ ...readTargetSchema, limit: z.int().min(1).optional() }),
  responses: {
    200: {
      description: 'The stream',
      contentTypes: ['application/x-ndjson', 'text/csv', 'application/vnd.apache.arrow.stream'],
    },
  },
  errors: [...useErrors, 'NOT-ACCEPTABLE'],
});

export const resolveConnection = defineRoute({
  id: 'resolveConnection',
  method: 'POST',
  path: action('resolve'),
  summary: 'Which credential would be used for whom, and why; no secret',
  tag,
  auth: 'person',
  permission: 'Yourself; somebody else (`as`) for people who may edit the connection.',
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
          reason: z.string().meta({ description: 'In words, for people' }),
          destination: z.string(),
          bring: z.string().optional().meta({ description: 'Path at which the person brings a credential' }),
        })
        .meta({ id: 'ResolveReply' }),
    },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});
