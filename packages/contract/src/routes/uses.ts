import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema, listLinksSchema, uuidSchema } from '../wire.js';

// The record of uses: who used what, under whose credential, through which key; and the proof that it is whole.

const instantQuery = z.iso.datetime({ offset: true }).optional();

const usesQuery = {
  connectionId: uuidSchema.optional(),
  credentialId: uuidSchema.optional(),
  userId: z.string().min(1).max(64).optional(),
  spaceId: z.string().min(1).max(64).optional().meta({
    description: 'Where the connection was when it was used',
  }),
  from: instantQuery.meta({ description: 'Uses that began at that time or later' }),
  to: instantQuery.meta({ description: 'Uses that began before that time' }),
};
const pageQuery = {
  limit: z.int().min(1).max(1000).optional().meta({ description: 'Absent: 100' }),
  next: z.string().min(1).max(256).optional().meta({ description: 'From `links.next`' }),
};

const useSchema = z
  .object({
    at: instantSchema.meta({ description: 'When it began' }),
    userId: z
      .string()
      .meta({ description: 'Under whose rights it ran, and on whose behalf an application acted' }),
    clientId: z.string().optional().meta({
      description: 'OAuth client that acted; absent: the user themselves',
    }),
    via: z
      .object({ kind: z.enum(['api-key', 'access-token']), id: z.string() })
      .optional()
      .meta({ description: 'What it was asked with; absent in records of version 0.1' }),
    keyId: z.string().optional().meta({ description: 'Same as `via.id`' }),
    connectionId: z.string(),
    spaceId: z.string().optional(),
    credentialId: z.string().optional(),
    credentialOwnerId: z.string().optional().meta({ description: 'Whose credential it was' }),
    credentialVersion: z.int().optional(),
    action: z.string(),
    result: z.string().meta({ description: '`started` until it has ended' }),
    rows: z.int().optional(),
    bytes: z.int().optional(),
    whatHash: z.string().optional().meta({
      description:
        'Keyed hash of path or query: the same for the same one, and nothing else. Only for whoever made the use and the owner of the credential',
    }),
  })
  .meta({ id: 'Use' });
export type UseReply = z.infer<typeof useSchema>;

const listedSchema = z.object({ data: z.array(useSchema), links: listLinksSchema });

const permission =
  'Tenant and audit administrators: all. Owners, facilitators and administrators of a space: with its `spaceId`. Who may edit a connection: with its `connectionId`. Everybody: of their own credentials, and with their own `userId` what they used themselves.';

export const listUses = defineRoute({
  id: 'listDataUses',
  method: 'GET',
  path: '/api/v1/data-uses',
  summary: 'Who used what, latest first',
  tag: 'data-uses',
  auth: 'person',
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
  summary: 'Who used what, oldest first, as a stream of NDJSON',
  description:
    'A line for each use, in the form of the list. An export that fails midway ends with the line `{"$mooring":{"error":…}}` and abnormally.',
  tag: 'data-uses',
  auth: 'person',
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
  summary: 'Who used your credential, when, and for what',
  tag: 'data-credentials',
  auth: 'person',
  permission: 'Your own credentials.',
  tier: 1,
  params: z.object({ qID: z.string().min(1).max(512) }),
  query: z.object(pageQuery),
  responses: { 200: { description: 'Latest first', schema: listedSchema } },
  errors: ['DCERROR-0010', 'NOT-FOUND'],
});

const headSchema = z.object({ seq: z.int().min(0), hash: z.string().max(64) });

export const verifyUses = defineRoute({
  id: 'verifyUses',
  method: 'POST',
  path: '/api/v1/data-credentials/actions/verify-uses',
  summary: 'Prove that the record of uses is whole',
  description:
    'Walks the signed checkpoints from where the kept record begins, and the records between them. One request proves what it can in about two seconds; `done: false` says to send `next`. The head is to be written down elsewhere: with it, a record that was set back as a whole shows the next time.',
  tag: 'data-credentials',
  auth: 'person',
  permission: 'Tenant and audit administrators.',
  tier: 2,
  body: z
    .object({
      head: headSchema
        .optional()
        .meta({ description: 'A head that was written down earlier; it must still be on record' }),
      next: z.string().max(128).optional().meta({ description: '`next` of the answer before' }),
    })
    .optional(),
  responses: {
    200: {
      description: 'What was found',
      schema: z
        .object({
          ok: z.boolean(),
          done: z.boolean().meta({ description: 'false: send `next` to go on' }),
          records: z.int().meta({ description: 'Proven by this request' }),
          checkpoints: z
            .object({ from: z.int(), at: z.int(), last: z.int() })
            .meta({ description: 'Where it began, how far it is, and how far it goes' }),
          next: z.string().optional(),
          head: headSchema.optional().meta({ description: 'The last checkpoint' }),
          broken: z.object({ shard: z.int().optional(), seq: z.int(), problem: z.string() }).optional().meta({
            description:
              'The first place where the record does not hold: a record of a shard, or a checkpoint',
          }),
          unproven: z.object({ before: z.int(), at: instantSchema, note: z.string() }).optional().meta({
            description: 'What stands before this checkpoint cannot be proven any more: its key is lost',
          }),
        })
        .meta({ id: 'UseRecordReport' }),
    },
  },
  errors: ['DCERROR-0010', 'ACCESS-DENIED'],
});
