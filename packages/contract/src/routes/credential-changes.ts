import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema } from '../wire.js';

// One new secret for many of one's own credentials: rehearsed on every connection first, then all or none.

const selectionSchema = z.object({
  datasourceID: z.string().max(128).optional().meta({ description: 'Only credentials of this data source' }),
  host: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .meta({ description: 'Only credentials that one of your connections sends to this host' }),
  name: z.string().min(1).max(512).optional().meta({ description: 'Only credentials of this name' }),
  qIDs: z
    .array(z.string().max(64))
    .min(1)
    .max(100)
    .optional()
    .meta({ description: 'Only these credentials; all of them must be yours' }),
});

export const changeBodySchema = selectionSchema.extend({
  qUsername: z
    .string()
    .max(1024)
    .optional()
    .meta({ description: 'Absent: each credential keeps its user name' }),
  qPassword: z.string().min(1).max(10_000).meta({ description: 'The new secret' }),
});
export type ChangeBody = z.output<typeof changeBodySchema>;

const rehearsalSchema = z.object({
  connectionId: z.string(),
  connectionName: z.string().optional(),
  credentialId: z.string(),
  credentialsName: z.string(),
  datasourceID: z.string(),
  destination: z.string().optional(),
  outcome: z.enum(['passed', 'failed', 'not_tried', 'not_tested']).meta({
    description:
      '`not_tried`: the new login was refused at this place already, and another try could lock the account. `not_tested`: the credential cannot be used there now, so nothing was sent',
  }),
  stage: z.string().optional().meta({ description: 'Where the test ended' }),
  code: z.string().optional(),
  reason: z.string().optional(),
});
export type Rehearsal = z.output<typeof rehearsalSchema>;

export const changeReportSchema = z
  .object({
    ok: z.boolean().meta({ description: 'Every connection that could be tested passed, and at least one' }),
    credentialCount: z.int(),
    connections: z.array(rehearsalSchema),
    changeId: z.string().optional().meta({ description: 'Present when all credentials have switched' }),
    undoUntil: instantSchema.optional(),
  })
  .meta({ id: 'CredentialChangeReport' });
export type ChangeReport = z.output<typeof changeReportSchema>;

const changeSchema = z
  .object({
    id: z.string(),
    status: z.enum(['switched', 'undone', 'final']).meta({
      description: '`final`: the former secrets are destroyed',
    }),
    createdAt: instantSchema,
    undoUntil: instantSchema,
    credentialIds: z.array(z.string()),
    connections: z.array(rehearsalSchema),
  })
  .meta({ id: 'CredentialChange' });
export type ChangeReply = z.output<typeof changeSchema>;

const tag = 'data-credentials';
const own = 'Own credentials only, embedded or separated; whoever asks, those of others are never touched.';
const params = z.object({ id: z.string().min(1).max(64) });

export const rehearseCredentialChange = defineRoute({
  id: 'rehearseDataCredentialChange',
  method: 'POST',
  path: '/api/v1/data-credentials/actions/rehearse-change',
  summary: 'Try a new secret on every connection of your credentials; nothing is stored',
  tag,
  auth: 'person',
  permission: own,
  tier: 2,
  body: changeBodySchema,
  responses: {
    200: { description: 'The report; a failing source is an answer', schema: changeReportSchema },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'DCAAS-2001', 'NOT-FOUND', 'NOT-READY', 'CREDENTIALS-REQUIRED'],
});

export const changeCredentials = defineRoute({
  id: 'changeDataCredentials',
  method: 'POST',
  path: '/api/v1/data-credentials/actions/change',
  summary: 'Give many of your credentials a new secret: rehearsed first, then all or none',
  description: 'With `ok` false nothing has changed; with `changeId` everything has.',
  tag,
  auth: 'person',
  permission: own,
  tier: 2,
  body: changeBodySchema,
  responses: { 200: { description: 'The report', schema: changeReportSchema } },
  errors: [
    'DCERROR-0010',
    'ACCESS-DENIED',
    'DCAAS-2001',
    'NOT-FOUND',
    'CONFLICT',
    'NOT-READY',
    'CREDENTIALS-REQUIRED',
  ],
});

export const listCredentialChanges = defineRoute({
  id: 'listDataCredentialChanges',
  method: 'GET',
  path: '/api/v1/data-credential-changes',
  summary: 'Your bulk changes of secrets, latest first',
  tag,
  auth: 'person',
  permission: own,
  tier: 1,
  query: z.object({ limit: z.int().min(1).max(100).optional() }),
  responses: { 200: { description: 'Changes', schema: z.object({ data: z.array(changeSchema) }) } },
  errors: ['DCERROR-0010'],
});

export const getCredentialChange = defineRoute({
  id: 'getDataCredentialChange',
  method: 'GET',
  path: '/api/v1/data-credential-changes/{id}',
  summary: 'One of your bulk changes',
  tag,
  auth: 'person',
  permission: own,
  tier: 1,
  params,
  responses: { 200: { description: 'The change', schema: changeSchema } },
  errors: ['DCERROR-0010', 'NOT-FOUND'],
});

export const undoCredentialChange = defineRoute({
  id: 'undoDataCredentialChange',
  method: 'POST',
  path: '/api/v1/data-credential-changes/{id}/actions/undo',
  summary: 'Put the former secrets back, all or none',
  description: 'Until `undoUntil`, and only while none of the credentials was changed or deleted meanwhile.',
  tag,
  auth: 'person',
  permission: own,
  tier: 2,
  params,
  responses: { 200: { description: 'The change', schema: changeSchema } },
  errors: ['DCERROR-0010', 'NOT-FOUND', 'CONFLICT'],
});
