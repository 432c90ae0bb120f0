import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema, listLinksSchema, pageQuery } from '../wire.js';

// Revoke now: CONTRACT.md part C, for administrators.

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
    status: z.enum(['running', 'done']).meta({ description: 'Of the destruction of the credentials' }),
    total: z.int().meta({ description: 'Credentials that are to be destroyed' }),
    ended: z.int().meta({ description: 'Of those, the ones that are destroyed' }),
    counts: z.partialRecord(revocationStatusSchema, z.int()).meta({ description: 'Credentials by status' }),
    data: z.array(
      z.object({
        credentialId: z.string().meta({
          description: 'Of a grant that was still with a sign-in for no credential: the id of the sign-in',
        }),
        qName: z.string(),
        userId: z.string().meta({ description: 'Whose it was' }),
        datasourceID: z.string(),
        status: revocationStatusSchema.meta({
          description:
            'Of the provider; the credential itself is destroyed in every case. none: no grant. queued: still to be told. unsupported: it has no way to be told. unreadable: the grant could not be opened. failed: given up.',
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
  summary: 'Destroy all credentials of a person, of a source, or all there are',
  description:
    'Exactly one of `userId`, `dataSourceId` and `all`. The answer comes within about two seconds, with the id of the revocation and how far it is; the rest is done whatever becomes of the request or the node. What runs on a credential ends within two seconds of its destruction, on every node; providers are told, for as long as it takes. What is brought afterwards is not meant. There is no way back.',
  tag,
  auth: 'person',
  permission: administrators,
  tier: 2,
  body: z.object({
    userId: z.string().min(1).max(64).optional(),
    dataSourceId: z.string().min(1).max(128).optional(),
    all: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .meta({ description: "Everybody's: the tenant's id, so that nobody sends it by mistake" }),
  }),
  responses: {
    200: { description: 'All are destroyed: a line for each credential', schema: revocationReportSchema },
    202: { description: 'Under way', schema: revocationReportSchema },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});

export const getRevocation = defineRoute({
  id: 'getDataCredentialRevocation',
  method: 'GET',
  path: '/api/v1/data-credentials/revocations/{id}',
  summary: 'How far a revocation has come',
  tag,
  auth: 'person',
  permission: administrators,
  tier: 1,
  params: z.object({ id: z.string().min(1).max(64) }),
  query: z.object(pageQuery),
  responses: { 200: { description: 'A line for each credential', schema: revocationReportSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});
