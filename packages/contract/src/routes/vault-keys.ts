import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema } from '../wire.js';

// The vault keys, which encrypt the data keys of all sealed records. CONTRACT.md part C, for administrators.

const common = { tag: 'vault-keys', permission: 'Tenant administrators.' } as const;

const vaultKeySchema = z
  .object({
    id: z.string().meta({ description: 'Identifies the key; reveals nothing about its value' }),
    state: z.enum(['coming', 'active', 'previous']).meta({
      description:
        'active: encrypts new records. previous: decrypts records that have not been re-encrypted yet. coming: nodes are loading it.',
    }),
    createdAt: instantSchema,
    replacedAt: instantSchema.optional(),
    records: z
      .int()
      .meta({ description: 'Records encrypted under it; a previous key with 0 can be retired' }),
    wraps: z.int().meta({
      description: 'Data keys wrapped by it, counted ahead in blocks; at 2^32 the key encrypts no more',
    }),
  })
  .meta({ id: 'VaultKey' });

const vaultKeysSchema = z.object({ data: z.array(vaultKeySchema) }).meta({ id: 'VaultKeys' });

export const listVaultKeys = defineRoute({
  ...common,
  id: 'listVaultKeys',
  method: 'GET',
  path: '/api/v1/vault-keys',
  summary: 'List the vault keys, with the progress of a rotation',
  tier: 1,
  responses: { 200: { description: 'Oldest first', schema: vaultKeysSchema } },
  errors: ['ACCESS-DENIED'],
});

export const rotateVaultKey = defineRoute({
  ...common,
  id: 'rotateVaultKey',
  method: 'POST',
  path: '/api/v1/vault-keys/actions/rotate',
  summary: 'Rotate: encrypt under a new vault key',
  description:
    'Existing records are re-encrypted in the background, without interruption; the list shows how many are left. An interrupted rotation resumes at the next start.',
  tier: 2,
  responses: { 200: { description: 'Oldest first, with the new active key', schema: vaultKeysSchema } },
  errors: ['ACCESS-DENIED', 'CONFLICT'],
});

export const retireVaultKey = defineRoute({
  ...common,
  id: 'retireVaultKey',
  method: 'POST',
  path: '/api/v1/vault-keys/{id}/actions/retire',
  summary: 'Destroy a previous vault key that no longer encrypts any record',
  tier: 2,
  params: z.object({ id: z.string().min(1).max(64) }),
  responses: {
    204: { description: 'Destroyed; copies of records under this key can no longer be decrypted' },
  },
  errors: ['ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});
