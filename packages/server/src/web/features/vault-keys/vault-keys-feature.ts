import { listVaultKeys, retireVaultKey, rotateVaultKey } from '@mooring/contract/routes/vault-keys';
import type { Caller } from '../../../core/access/caller.js';
import { assertTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import { record } from '../../../core/audit/record.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { KeyRotation } from '../../../core/vault/key-rotation.js';
import { KeyRefusal } from '../../../core/vault/rotate-key.js';
import { type BoundRoute, bind } from '../../http/handler.js';

export interface VaultKeysDependencies {
  keyRotation: KeyRotation;
}

const assertAdministrator = (caller: Caller): void =>
  assertTenantAdministrator(caller, 'see or change vault keys');

const refused = (error: unknown): never => {
  if (error instanceof KeyRefusal) throw new AppError('CONFLICT', error.message, { cause: error });
  throw error;
};

/** Rotates and retires vault keys. */
export function createVaultKeysFeature({ keyRotation }: VaultKeysDependencies): BoundRoute[] {
  return [
    bind(listVaultKeys, async (_input, { caller }) => {
      assertAdministrator(caller);
      return { status: 200, body: { data: await keyRotation.list() } };
    }),
    bind(rotateVaultKey, async (_input, { caller }) => {
      assertAdministrator(caller);
      await keyRotation
        .rotate((tx, resourceId) => record(tx, { name: 'vault-key.rotated', by: caller, resourceId }))
        .catch(refused);
      return { status: 200, body: { data: await keyRotation.list() } };
    }),
    bind(retireVaultKey, async ({ params }, { caller }) => {
      assertAdministrator(caller);
      const isThere = await keyRotation
        .retire(params.id, (tx, resourceId) =>
          record(tx, { name: 'vault-key.retired', by: caller, resourceId }),
        )
        .catch(refused);
      if (!isThere) throw new AppError('NOT-FOUND', 'There is no such key.');
      return { status: 204 };
    }),
  ];
}
