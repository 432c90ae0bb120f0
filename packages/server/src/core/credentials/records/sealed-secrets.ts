import { hideSecrets } from '@mooring/connectors/kit/secret-fields';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Secret } from '@mooring/connectors/spec/secret';
import type { Queryable } from '../../store/queryable.js';
import type { CredentialTable, SecretTable } from '../../store/tables.js';
import type { SealContext, Vault } from '../../vault/envelope.js';
import { loadSealedField } from '../../vault/sealed-fields.js';
import type { StoredGrant } from '../grants/grant-state.js';
import { hiddenGrant, type Plain } from '../grants/hidden-grant.js';

// Sealed secrets of credentials.

/** `login`: the fields of the login. `grant`: the tokens of an OAuth sign-in. `undo`: the login before a credential change. */
export type SecretField = 'login' | 'grant' | 'undo';

export type CredentialKey = Pick<CredentialTable, 'tenant_id' | 'id' | 'owner_id'>;

/** The record that secrets of a credential are bound to. */
export const sealedRecord = (row: CredentialKey): Omit<SealContext, 'version' | 'field'> => ({
  tenantId: row.tenant_id,
  recordKind: 'credential',
  recordId: row.id,
  ownerId: row.owner_id,
});

const placeOf = (row: CredentialKey, field: SecretField): Omit<SealContext, 'version'> => ({
  ...sealedRecord(row),
  field,
});

export const sealContext = (row: CredentialKey, field: SecretField, version: number): SealContext => ({
  ...placeOf(row, field),
  version,
});

export const loadSecret = (
  db: Queryable,
  credential: CredentialKey,
  field: SecretField,
): Promise<SecretTable | undefined> => loadSealedField(db, placeOf(credential, field));

type SealedColumns = Pick<SecretTable, 'field' | 'version' | 'key_id' | 'wrapped_key' | 'ciphertext'>;

/** @throws UnreadableError */
export function openSecret(vault: Vault, credential: CredentialKey, row: SealedColumns): Secret<unknown> {
  const sealed = { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
  return vault.open(sealed, sealContext(credential, row.field as SecretField, row.version));
}

/** @throws UnreadableError */
export const openLogin = (
  vault: Vault,
  credential: CredentialKey,
  row: SealedColumns,
  manifest: SourceManifest,
): Record<string, unknown> =>
  hideSecrets(manifest, openSecret(vault, credential, row).reveal() as Record<string, unknown>);

/** @throws UnreadableError */
export const openGrant = (vault: Vault, credential: CredentialKey, row: SealedColumns): StoredGrant =>
  hiddenGrant(openSecret(vault, credential, row).reveal() as Plain<StoredGrant>);

export function sealedRow(vault: Vault, context: SealContext, value: unknown): SecretTable {
  const sealed = vault.seal(value, context);
  return {
    tenant_id: context.tenantId,
    record_kind: context.recordKind as SecretTable['record_kind'],
    record_id: context.recordId,
    field: context.field,
    owner_id: context.ownerId,
    version: context.version,
    key_id: sealed.keyId,
    wrapped_key: sealed.wrappedKey,
    ciphertext: sealed.ciphertext,
  };
}

/**
 * Replaces one sealed field if it still has the version that was read.
 * @returns false if it has another one; nothing was written
 */
export async function replaceSecret(
  tx: Queryable,
  vault: Vault,
  { credential, field }: { credential: CredentialKey; field: SecretField },
  { versionRead, value }: { versionRead: number; value: unknown },
): Promise<boolean> {
  const sealed = vault.seal(value, sealContext(credential, field, versionRead + 1));
  const result = await tx
    .updateTable('secret')
    .set({
      version: versionRead + 1,
      key_id: sealed.keyId,
      wrapped_key: sealed.wrappedKey,
      ciphertext: sealed.ciphertext,
    })
    .where('record_kind', '=', 'credential')
    .where('record_id', '=', credential.id)
    .where('tenant_id', '=', credential.tenant_id)
    .where('owner_id', '=', credential.owner_id)
    .where('field', '=', field)
    .where('version', '=', versionRead)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
