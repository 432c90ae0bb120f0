import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema } from '../wire.js';

// Credential change: one new secret for many of the caller's credentials, rehearsed on every connection, then applied
// to all or none.

const selectionSchema = z.object({
  datasourceID: z.string().max(128).optional().meta({ description: 'Only credentials of this data source' }),
  host: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .meta({ description: 'Only credentials that a connection of yours sends to this host' }),
  name: z.string().min(1).max(512).optional().meta({ description: 'Only credentials with this name' }),
  qIDs: z
    .array(z.string().max(64))
    .min(1)
    .max(100)
    .optional()
    .meta({ description: 'Only these credentials; all must be yours' }),
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
      '`not_tried`: this source has already refused the new login, and another attempt could lock the account. `not_tested`: the credential cannot be used on this connection now, so nothing was sent',
  }),
  stage: z.string().optional().meta({ description: 'Last stage of the test' }),
  code: z.string().optional(),
  reason: z.string().optional(),
});
export type Rehearsal = z.output<typeof rehearsalSchema>;

export const changeReportSchema = z
  .object({
    ok: z.boolean().meta({ description: 'At least one connection could be tested, and all of those passed' }),
    credentialCount: z.int(),
    connections: z.array(rehearsalSchema),
    changeId: z.string().optional().meta({ description: 'Present when all credentials have been changed' }),
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
const own =
  "Your own credentials only, embedded or separated. Other users' credentials are never touched, whatever the caller's role.";
const params = z.object({ id: z.string().min(1).max(64) });

export const rehearseCredentialChange = defineRoute({
  id: 'rehearseDataCredentialChange',
  method: 'POST',
  path: '/api/v1/data-credentials/actions/rehearse-change',
  summary: 'Rehearse a new secret on every connection of your credentials; nothing is stored',
  tag,
  permission: own,
  tier: 2,
  body: changeBodySchema,
  responses: {
    200: {
      description: 'The report; a failing source is a result, not an error',
      schema: changeReportSchema,
    },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'DCAAS-2001', 'NOT-FOUND', 'NOT-READY', 'CREDENTIALS-REQUIRED'],
});

export const changeCredentials = defineRoute({
  id: 'changeDataCredentials',
  method: 'POST',
  path: '/api/v1/data-credentials/actions/change',
  summary: 'Change the secret of many of your credentials: rehearsed first, then all or none',
  description: 'If `ok` is false, nothing was changed; if `changeId` is present, all were.',
  tag,
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
  summary: 'List your credential changes, latest first',
  tag,
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
  summary: 'Get one of your credential changes',
  tag,
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
  summary: 'Restore the former secrets, all or none',
  description: 'Until `undoUntil`, and only if none of the credentials has been changed or deleted since.',
  tag,
  permission: own,
  tier: 2,
  params,
  responses: { 200: { description: 'The change', schema: changeSchema } },
  errors: ['DCERROR-0010', 'NOT-FOUND', 'CONFLICT'],
});
