import { z } from 'zod';
import { defineRoute } from '../route.js';
import { instantSchema } from '../wire.js';

// The keys that everything sealed in the store rests on. CONTRACT.md part C, for administrators.

const common = { tag: 'vault-keys', auth: 'person', permission: 'Tenant administrators.' } as const;

const vaultKeySchema = z
  .object({
    id: z.string().meta({ description: 'Says which key it is, and nothing of what it is' }),
    state: z.enum(['coming', 'active', 'previous']).meta({
      description:
        'active: what is sealed now is under it. previous: opens what is still under it. coming: nodes are learning it.',
    }),
    createdAt: instantSchema,
    replacedAt: instantSchema.optional(),
    records: z.int().meta({ description: 'Records under it; 0 on a previous key: it can be retired' }),
    wraps: z.int().meta({
      description: 'Data keys wrapped under it, counted in blocks ahead; at 2^32 nothing more is sealed',
    }),
  })
  .meta({ id: 'VaultKey' });

const vaultKeysSchema = z.object({ data: z.array(vaultKeySchema) }).meta({ id: 'VaultKeys' });

export const listVaultKeys = defineRoute({
  ...common,
  id: 'listVaultKeys',
  method: 'GET',
  path: '/api/v1/vault-keys',
  summary: 'List the keys of the vault, and how far a rotation has come',
  tier: 1,
  responses: { 200: { description: 'Oldest first', schema: vaultKeysSchema } },
  errors: ['ACCESS-DENIED'],
});

export const rotateVaultKey = defineRoute({
  ...common,
  id: 'rotateVaultKey',
  method: 'POST',
  path: '/api/v1/vault-keys/actions/rotate',
  summary: 'Seal under a new key from now on',
  description:
    'Records follow in the background, while everything goes on; the list shows how many are left. What was cut short goes on at the next start.',
  tier: 2,
  responses: { 200: { description: 'Oldest first; the active one is new', schema: vaultKeysSchema } },
  errors: ['ACCESS-DENIED', 'CONFLICT'],
});

export const retireVaultKey = defineRoute({
  ...common,
  id: 'retireVaultKey',
  method: 'POST',
  path: '/api/v1/vault-keys/{id}/actions/retire',
  summary: 'Destroy a previous key that nothing is under any more',
  tier: 2,
  params: z.object({ id: z.string().min(1).max(64) }),
  responses: { 204: { description: 'It is gone; what was copied aside under it does not open here again' } },
  errors: ['ACCESS-DENIED', 'NOT-FOUND', 'CONFLICT'],
});
