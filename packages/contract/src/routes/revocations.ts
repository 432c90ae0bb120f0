import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema, listLinksSchema, pageQuery } from '../wire.js';

// Revocation of credentials: CONTRACT.md part C, for administrators.

const tag = 'data-credentials';
const administrators = 'Tenant administrators.';

export const revocationStatusSchema = z.enum([
  'none',
  'queued',
  'revoked',
  'unsupported',
  'unreadable',
  'failed',
]);

const revocationReportSchema = z
  .object({
    id: z.string(),
    status: z.enum(['running', 'done']).meta({ description: 'Progress of destroying the credentials' }),
    total: z.int().meta({ description: 'Number of credentials to destroy' }),
    ended: z.int().meta({ description: 'How many of them are destroyed' }),
    counts: z.partialRecord(revocationStatusSchema, z.int()).meta({ description: 'Credentials by status' }),
    data: z.array(
      z.object({
        credentialId: z.string().meta({
          description: 'For a grant of a sign-in that had no credential yet: the id of the sign-in',
        }),
        qName: z.string(),
        userId: z.string().meta({ description: 'Owner of the credential' }),
        datasourceID: z.string(),
        status: revocationStatusSchema.meta({
          description:
            'Revocation at the provider; the credential itself is destroyed in every case. none: not an OAuth grant. queued: not sent yet. unsupported: the provider has no revocation endpoint. unreadable: the grant could not be decrypted. failed: abandoned after retries.',
        }),
        endedAt: instantSchema.optional(),
      }),
    ),
    links: listLinksSchema,
  })
  .meta({ id: 'RevocationReport' });

export const revokeCredentials = defineRoute({
  id: 'revokeDataCredentials',
  method: 'POST',
  path: '/api/v1/data-credentials/actions/revoke',
  summary: 'Destroy all credentials of a user, of a data source, or of the tenant',
  description:
    'Exactly one of `userId`, `dataSourceId` and `all`. Answers within about two seconds, with the id and progress of the revocation; the rest completes even if the request is aborted or the node fails. Uses of a credential end on every node within two seconds of its destruction; revocation at providers is retried. Credentials added later are not affected. Cannot be undone.',
  tag,
  permission: administrators,
  tier: 2,
  body: z.object({
    userId: z.string().min(1).max(64).optional(),
    dataSourceId: z.string().min(1).max(128).optional(),
    all: z.string().min(1).max(64).optional().meta({
      description:
        "All credentials of the tenant. The value is the tenant's id, as a safeguard against mistakes",
    }),
  }),
  responses: {
    200: { description: 'Completed: one entry per credential', schema: revocationReportSchema },
    202: { description: 'In progress', schema: revocationReportSchema },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});

export const getRevocation = defineRoute({
  id: 'getDataCredentialRevocation',
  method: 'GET',
  path: '/api/v1/data-credentials/revocations/{id}',
  summary: 'Get the progress of a revocation',
  tag,
  permission: administrators,
  tier: 1,
  params: z.object({ id: z.string().min(1).max(64) }),
  query: z.object(pageQuery),
  responses: { 200: { description: 'One entry per credential', schema: revocationReportSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});
