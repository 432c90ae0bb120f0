import type { SourceManifest } from '@mooring/connectors/interface/manifest';
import type { Secret } from '@mooring/connectors/interface/secret';
import { hideSecrets } from '@mooring/connectors/kit/secret-fields';
import { insertOnce } from '../../store/compile-once.js';
import type { Queryable } from '../../store/queryable.js';
import type { CredentialTable, SecretTable } from '../../store/tables.js';
import type { SealContext, Vault } from '../../vault/envelope.js';
import {
  fromSealedColumns,
  loadSealedField,
  type SealedColumns,
  secretRow,
  toSealedColumns,
} from '../../vault/sealed-fields.js';
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

export const sealContext = (row: CredentialKey, field: SecretField, version: number): SealContext => ({
  ...sealedRecord(row),
  field,
  version,
});

export const loadSecret = (
  db: Queryable,
  credential: CredentialKey,
  field: SecretField,
): Promise<SecretTable | undefined> => loadSealedField(db, { ...sealedRecord(credential), field });

type SealedRow = SealedColumns & Pick<SecretTable, 'field' | 'version'>;

/** @throws UnreadableError */
export const openSecret = (vault: Vault, credential: CredentialKey, row: SealedRow): Secret<unknown> =>
  vault.open(fromSealedColumns(row), sealContext(credential, row.field as SecretField, row.version));

/** @throws UnreadableError */
export const openLogin = (
  vault: Vault,
  credential: CredentialKey,
  row: SealedRow,
  manifest: SourceManifest,
): Record<string, unknown> =>
  hideSecrets(manifest, openSecret(vault, credential, row).reveal() as Record<string, unknown>);

/** @throws UnreadableError */
export const openGrant = (vault: Vault, credential: CredentialKey, row: SealedRow): StoredGrant =>
  hiddenGrant(openSecret(vault, credential, row).reveal() as Plain<StoredGrant>);

const insertRow = insertOnce('secret');

/** Seals a value of any record, and adds it. */
export async function insertSealed(
  tx: Queryable,
  vault: Vault,
  context: SealContext,
  value: unknown,
): Promise<void> {
  await insertRow(tx, secretRow(context, vault.seal(value, context)));
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
  const version = versionRead + 1;
  const result = await tx
    .updateTable('secret')
    .set({ version, ...toSealedColumns(vault.seal(value, sealContext(credential, field, version))) })
    .where('record_kind', '=', 'credential')
    .where('record_id', '=', credential.id)
    .where('tenant_id', '=', credential.tenant_id)
    .where('owner_id', '=', credential.owner_id)
    .where('field', '=', field)
    .where('version', '=', versionRead)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
