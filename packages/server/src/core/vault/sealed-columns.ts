import type { SecretTable } from '../store/tables.js';
import type { SealContext, Sealed } from './envelope.js';

/** The columns of a sealed value, in each table that holds one. */
export type SealedColumns = Pick<SecretTable, 'key_id' | 'wrapped_key' | 'ciphertext'>;

export const toSealedColumns = ({ keyId, wrappedKey, ciphertext }: Sealed): SealedColumns => ({
  key_id: keyId,
  wrapped_key: wrappedKey,
  ciphertext,
});

export const fromSealedColumns = (row: SealedColumns): Sealed => ({
  keyId: row.key_id,
  wrappedKey: row.wrapped_key,
  ciphertext: row.ciphertext,
});

/** The row of `secret` for a value sealed in this context; `contextOfSecret` is the inverse. */
export const secretRow = (context: SealContext, sealed: Sealed): SecretTable => ({
  tenant_id: context.tenantId,
  record_kind: context.recordKind as SecretTable['record_kind'],
  record_id: context.recordId,
  field: context.field,
  owner_id: context.ownerId,
  version: context.version,
  ...toSealedColumns(sealed),
});
