import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema, listLinksSchema, uuidSchema } from '../wire.js';

// The usage log: who used what, with whose credential, through which key; and the proof that the log is intact.

const instantQuery = z.iso.datetime({ offset: true }).optional();

const usesQuery = {
  connectionId: uuidSchema.optional(),
  credentialId: uuidSchema.optional(),
  userId: z.string().min(1).max(64).optional(),
  spaceId: z.string().min(1).max(64).optional().meta({
    description: 'Space of the connection at the time of use',
  }),
  from: instantQuery.meta({ description: 'Uses that started at or after this time' }),
  to: instantQuery.meta({ description: 'Uses that started before this time' }),
};
const pageQuery = {
  limit: z.int().min(1).max(1000).optional().meta({ description: 'Absent: 100' }),
  next: z.string().min(1).max(256).optional().meta({ description: 'From `links.next`' }),
};

const useSchema = z
  .object({
    at: instantSchema.meta({ description: 'Start time' }),
    userId: z
      .string()
      .meta({ description: 'User whose permissions applied, and on whose behalf an application acted' }),
    clientId: z.string().optional().meta({
      description: 'OAuth client that made the request; absent: the user',
    }),
    via: z
      .object({ kind: z.enum(['api-key', 'access-token']), id: z.string() })
      .optional()
      .meta({ description: 'How the request was authenticated; absent in records of version 0.1' }),
    keyId: z.string().optional().meta({ description: 'Same as `via.id`' }),
    invitedBy: z
      .string()
      .optional()
      .meta({ description: 'If the key came from an invitation: the user who invited' }),
    connectionId: z.string(),
    spaceId: z.string().optional(),
    credentialId: z.string().optional(),
    credentialOwnerId: z.string().optional().meta({ description: 'Owner of the credential' }),
    credentialVersion: z.int().optional(),
    action: z.string(),
    result: z.string().meta({ description: '`started` while the use is running' }),
    rows: z.int().optional(),
    bytes: z.int().optional(),
    whatHash: z.string().optional().meta({
      description:
        'Keyed hash of path or query: equal hashes mean equal targets. Shown only to the user who made the use and the owner of the credential',
    }),
  })
  .meta({ id: 'Use' });
export type UseReply = z.infer<typeof useSchema>;

const listedSchema = z.object({ data: z.array(useSchema), links: listLinksSchema });

const permission =
  'Tenant and audit administrators: all uses. Owners, facilitators and administrators of a space: with its `spaceId`. Users who may edit a connection: with its `connectionId`. Any user: uses of their own credentials and, with their own `userId`, their own uses.';

export const listUses = defineRoute({
  id: 'listDataUses',
  method: 'GET',
  path: '/api/v1/data-uses',
  summary: 'List uses, latest first',
  tag: 'data-uses',
  permission,
  tier: 1,
  query: z.object({ ...usesQuery, ...pageQuery }),
  responses: { 200: { description: 'Uses', schema: listedSchema } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});

export const exportUses = defineRoute({
  id: 'exportDataUses',
  method: 'GET',
  path: '/api/v1/data-uses/export',
  summary: 'Stream uses as NDJSON, oldest first',
  description:
    'One line per use, in the format of the list. An export that fails midway ends with the line `{"$mooring":{"error":…}}`, and the response is aborted.',
  tag: 'data-uses',
  permission,
  tier: 2,
  query: z.object(usesQuery),
  responses: { 200: { description: 'The stream', contentTypes: ['application/x-ndjson'] } },
  errors: ['DCERROR-0010', 'ACCESS-DENIED', 'NOT-FOUND'],
});

export const listCredentialUses = defineRoute({
  id: 'listDataCredentialUses',
  method: 'GET',
  path: '/api/v1/data-credentials/{qID}/uses',
  summary: 'List the uses of one of your credentials',
  tag: 'data-credentials',
  permission: 'Your own credentials.',
  tier: 1,
  params: z.object({ qID: z.string().min(1).max(512) }),
  query: z.object(pageQuery),
  responses: { 200: { description: 'Uses, latest first', schema: listedSchema } },
  errors: ['DCERROR-0010', 'NOT-FOUND'],
});

const headSchema = z.object({ seq: z.int().min(0), hash: z.string().max(64) });

export const verifyUses = defineRoute({
  id: 'verifyUses',
  method: 'POST',
  path: '/api/v1/data-credentials/actions/verify-uses',
  summary: 'Verify that the usage log is intact',
  description:
    'Verifies the signed checkpoints and the records between them, from the oldest one kept. Each request runs for about two seconds; on `done: false` send `next` to continue. Keep the head outside of this server: it is what reveals, at the next verification, a log that was rolled back as a whole.',
  tag: 'data-credentials',
  permission: 'Tenant and audit administrators.',
  tier: 2,
  body: z
    .object({
      head: headSchema
        .optional()
        .meta({ description: 'A head from an earlier verification; the log must still contain it' }),
      next: z.string().max(128).optional().meta({ description: '`next` from the previous answer' }),
    })
    .optional(),
  responses: {
    200: {
      description: 'The report',
      schema: z
        .object({
          ok: z.boolean(),
          done: z.boolean().meta({ description: 'false: send `next` to continue' }),
          records: z.int().meta({ description: 'Records verified by this request' }),
          checkpoints: z
            .object({ from: z.int(), at: z.int(), last: z.int() })
            .meta({ description: 'First, current and last checkpoint of this verification' }),
          next: z.string().optional(),
          head: headSchema.optional().meta({ description: 'The last checkpoint' }),
          broken: z.object({ shard: z.int().optional(), seq: z.int(), problem: z.string() }).optional().meta({
            description: 'The first record of a shard, or checkpoint, that fails verification',
          }),
          unproven: z.object({ before: z.int(), at: instantSchema, note: z.string() }).optional().meta({
            description: 'Records before this checkpoint can no longer be verified: their key is lost',
          }),
        })
        .meta({ id: 'UseRecordReport' }),
    },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED'],
});
