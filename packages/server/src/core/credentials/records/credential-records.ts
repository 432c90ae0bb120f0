import { hideSecrets } from '@mooring/connectors/kit/secret-fields';
import type { SourceManifest } from '@mooring/connectors/spec/manifest';
import type { Secret } from '@mooring/connectors/spec/secret';
import { AppError } from '../../errors/app-error.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import type { CredentialTable, SecretTable } from '../../store/tables.js';
import type { SealContext, Vault } from '../../vault/envelope.js';
import { destroySealedFields, loadSealedField } from '../../vault/sealed-fields.js';
import { recordNewGrant, type StoredGrant } from '../grants/grant-state.js';
import { hiddenGrant, type Plain } from '../grants/hidden-grant.js';
import { enteredBy, type Reaching } from './reach.js';

// Rows of credentials and their sealed secrets. Only the broker reads or writes the `secret` table of credentials.

/**
 * What is sealed of a credential: `login` holds the opened fields, `grant` the tokens of an OAuth sign-in, `undo` the
 * login before a bulk change.
 */
export type SecretField = 'login' | 'grant' | 'undo';

export interface CredentialSecrets {
  login?: Readonly<Record<string, unknown>> | Secret<unknown>;
  grant?: StoredGrant;
}

export interface NewCredential {
  id: string;
  tenantId: string;
  ownerId: string;
  sourceId: string;
  name: string;
  separated: boolean;
  connectionId: string | null;
  signIn: string;
  destination: string;
  secrets: CredentialSecrets;
  /** `ready` unless given. */
  state?: CredentialTable['state'];
  at: string;
  by: Reaching;
}

type CredentialKey = Pick<CredentialTable, 'tenant_id' | 'id' | 'owner_id'>;

/** How names are compared: case counts, look-alike compositions do not. */
export const nameKey = (name: string): string => name.normalize('NFC').trim();

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

/** One sealed field of a credential. */
export const loadSecret = (
  db: Queryable,
  credential: CredentialKey,
  field: SecretField,
): Promise<SecretTable | undefined> => loadSealedField(db, placeOf(credential, field));

type SealedColumns = Pick<SecretTable, 'field' | 'version' | 'key_id' | 'wrapped_key' | 'ciphertext'>;

/**
 * Opens what `loadSecret` found.
 * @throws UnreadableError
 */
export function openSecret(vault: Vault, credential: CredentialKey, row: SealedColumns): Secret<unknown> {
  const sealed = { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
  return vault.open(sealed, sealContext(credential, row.field as SecretField, row.version));
}

/**
 * The fields of a login.
 * @throws UnreadableError
 */
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
 * In the transaction that stores a secret of theirs: another node may believe a key for a second longer than its user is
 * let in, and what were brought then would outlast the end of all the others.
 */
async function assertLetIn(tx: Tx, owner: Pick<CredentialTable, 'tenant_id' | 'owner_id'>): Promise<void> {
  const user = await tx
    .selectFrom('user')
    .select('status')
    .where('id', '=', owner.owner_id)
    .where('tenant_id', '=', owner.tenant_id)
    .executeTakeFirst();
  if (user?.status === 'active') return;
  throw new AppError('AUTHENTICATION-REQUIRED', 'This user is disabled. Nothing was stored.');
}

/**
 * Stores a credential with its secrets and the one destination its person has allowed.
 * @throws AppError AUTHENTICATION-REQUIRED for a user who was disabled meanwhile
 */
export async function insertCredential(tx: Tx, vault: Vault, credential: NewCredential): Promise<void> {
  const row: CredentialTable = {
    id: credential.id,
    tenant_id: credential.tenantId,
    owner_id: credential.ownerId,
    source_id: credential.sourceId,
    name: credential.name,
    name_key: nameKey(credential.name),
    separated: credential.separated ? 1 : 0,
    connection_id: credential.connectionId,
    sign_in: credential.signIn,
    state: credential.state ?? 'ready',
    version: 1,
    created_at: credential.at,
    updated_at: credential.at,
    ...enteredBy(credential.by, credential.at),
  };
  await assertLetIn(tx, row);
  await tx.insertInto('credential').values(row).execute();
  for (const [field, value] of Object.entries(credential.secrets)) {
    const context = sealContext(row, field as SecretField, 1);
    await tx
      .insertInto('secret')
      .values(sealedRow(vault, context, value))
      .execute();
  }
  if (credential.secrets.grant) await recordNewGrant(tx, row, credential.secrets.grant);
  await allowDestination(tx, row, credential.destination, credential.at);
}

/**
 * Above every version there has been: renewals count up the sealed grant alone, and one that is under way must not
 * find its version again in a newer sign-in.
 */
async function nextVersion(tx: Tx, row: CredentialTable): Promise<number> {
  const { newest } = await tx
    .selectFrom('secret')
    .select((eb) => eb.fn.max('version').as('newest'))
    .where('record_kind', '=', 'credential')
    .where('record_id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('owner_id', '=', row.owner_id)
    .executeTakeFirstOrThrow();
  return Math.max(row.version, Number(newest ?? 0)) + 1;
}

/**
 * Gives an existing credential new secrets, in place. Destinations that its person confirmed stay only when the
 * new secrets are for one of them; otherwise the new destination is the only one.
 * @throws AppError AUTHENTICATION-REQUIRED for a user who was disabled meanwhile
 */
export async function replaceCredential(
  tx: Tx,
  vault: Vault,
  row: CredentialTable,
  fresh: Pick<NewCredential, 'signIn' | 'destination' | 'secrets' | 'at' | 'by'>,
): Promise<void> {
  await assertLetIn(tx, row);
  const version = await nextVersion(tx, row);
  const entered = enteredBy(fresh.by, fresh.at);
  await tx
    .updateTable('credential')
    .set({ version, state: 'ready', sign_in: fresh.signIn, updated_at: fresh.at, ...entered })
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('owner_id', '=', row.owner_id)
    .execute();
  await destroySealedFields(tx, sealedRecord(row));
  for (const [field, value] of Object.entries(fresh.secrets)) {
    const context = sealContext(row, field as SecretField, version);
    await tx
      .insertInto('secret')
      .values(sealedRow(vault, context, value))
      .execute();
  }
  if (fresh.secrets.grant) await recordNewGrant(tx, row, fresh.secrets.grant);
  else
    await tx
      .deleteFrom('grant_state')
      .where('credential_id', '=', row.id)
      .where('tenant_id', '=', row.tenant_id)
      .execute();
  const known = await tx
    .selectFrom('credential_destination')
    .select('destination')
    .where('credential_id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('destination', '=', fresh.destination)
    .executeTakeFirst();
  if (known) return;
  await tx
    .deleteFrom('credential_destination')
    .where('credential_id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .execute();
  await allowDestination(tx, row, fresh.destination, fresh.at);
}

/**
 * Gives an existing credential a new grant and leaves everything else of it as it is.
 * @returns false when the credential was deleted meanwhile; nothing is written then.
 */
export async function renewGrant(
  tx: Tx,
  vault: Vault,
  row: CredentialTable,
  grant: StoredGrant,
  at: string,
): Promise<boolean> {
  const version = await nextVersion(tx, row);
  const found = await tx
    .updateTable('credential')
    .set({ version, state: 'ready', updated_at: at })
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('owner_id', '=', row.owner_id)
    .executeTakeFirst();
  if (found.numUpdatedRows !== 1n) return false;
  await destroySealedFields(tx, sealedRecord(row), 'grant');
  await tx
    .insertInto('secret')
    .values(sealedRow(vault, sealContext(row, 'grant', version), grant))
    .execute();
  await recordNewGrant(tx, row, grant);
  return true;
}

export async function allowDestination(
  tx: Queryable,
  credential: Pick<CredentialTable, 'id' | 'tenant_id'>,
  destination: string,
  at: string,
): Promise<void> {
  await tx
    .insertInto('credential_destination')
    .values({ tenant_id: credential.tenant_id, credential_id: credential.id, destination, confirmed_at: at })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Where its person has allowed it to be sent, oldest first. */
export async function confirmedDestinations(
  db: Queryable,
  credential: Pick<CredentialTable, 'id' | 'tenant_id'>,
): Promise<string[]> {
  const rows = await db
    .selectFrom('credential_destination')
    .select('destination')
    .where('credential_id', '=', credential.id)
    .where('tenant_id', '=', credential.tenant_id)
    .orderBy('confirmed_at')
    .execute();
  return rows.map(({ destination }) => destination);
}

/**
 * Replaces one sealed field when it still has the version that was read.
 * @returns false when somebody else was faster; nothing is written then.
 */
export async function replaceSecret(
  tx: Queryable,
  vault: Vault,
  row: CredentialKey,
  field: SecretField,
  versionRead: number,
  value: unknown,
): Promise<boolean> {
  const sealed = vault.seal(value, sealContext(row, field, versionRead + 1));
  const result = await tx
    .updateTable('secret')
    .set({
      version: versionRead + 1,
      key_id: sealed.keyId,
      wrapped_key: sealed.wrappedKey,
      ciphertext: sealed.ciphertext,
    })
    .where('record_kind', '=', 'credential')
    .where('record_id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('owner_id', '=', row.owner_id)
    .where('field', '=', field)
    .where('version', '=', versionRead)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Deletes a credential and destroys its wrapped keys; links go with it. */
export async function shredCredential(tx: Tx, row: CredentialKey): Promise<void> {
  await destroySealedFields(tx, sealedRecord(row));
  await tx
    .deleteFrom('credential')
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('owner_id', '=', row.owner_id)
    .execute();
}
