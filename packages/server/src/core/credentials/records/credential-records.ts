import type { Secret } from '@mooring/connectors/interface/secret';
import type { UpdateObject } from 'kysely';
import { AppError } from '../../errors/app-error.js';
import { type Argument, compileOnce, insertOnce } from '../../store/compile-once.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import type { CredentialTable, Tables } from '../../store/tables.js';
import type { Vault } from '../../vault/envelope.js';
import { destroySealedFields } from '../../vault/sealed-fields.js';
import { recordNewGrant, type StoredGrant } from '../grants/grant-state.js';
import { enteredBy, type Reaching } from './reach.js';
import {
  type CredentialKey,
  insertSealed,
  type SecretField,
  sealContext,
  sealedRecord,
} from './sealed-secrets.js';

// Rows of credentials. Only this room reads or writes their rows in the table `secret`.

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

/** Names are case-sensitive and compared after NFC normalization. */
export const nameKey = (name: string): string => name.normalize('NFC').trim();

type Owner = Pick<CredentialTable, 'tenant_id' | 'owner_id'>;

const statusOf = compileOnce((db, argument: Argument<Owner>) =>
  db
    .selectFrom('user')
    .select('status')
    .where('id', '=', argument('owner_id'))
    .where('tenant_id', '=', argument('tenant_id')),
);

const insertRow = insertOnce('credential');

/**
 * In the transaction that stores a secret: another node may accept a key up to a second after its user was disabled, and
 * a secret entered in that second would outlast the end of the user's other secrets.
 */
async function assertActive(tx: Tx, owner: Owner): Promise<void> {
  const { owner_id, tenant_id } = owner;
  const [user] = await statusOf(tx, { owner_id, tenant_id });
  if (user?.status === 'active') return;
  throw new AppError('AUTHENTICATION-REQUIRED', 'This user is disabled. Nothing was stored.');
}

/**
 * Stores a credential with its secrets and the one destination that its user has allowed.
 * @throws AppError AUTHENTICATION-REQUIRED for a user who was disabled meanwhile
 */
export async function insertCredential(
  tx: Tx,
  vault: Vault,
  credential: NewCredential,
): Promise<CredentialTable> {
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
  await assertActive(tx, row);
  await insertRow(tx, row);
  await insertSecrets(tx, vault, row, credential.secrets);
  await allowDestination(tx, row, credential.destination, credential.at);
  return row;
}

/** Under the version of the row. */
async function insertSecrets(
  tx: Tx,
  vault: Vault,
  row: CredentialTable,
  secrets: CredentialSecrets,
): Promise<void> {
  for (const [field, value] of Object.entries(secrets))
    await insertSealed(tx, vault, sealContext(row, field as SecretField, row.version), value);
  if (secrets.grant) await recordNewGrant(tx, row, secrets.grant);
}

/**
 * Changes columns of a credential.
 * @returns false if it has been deleted
 */
export async function changeCredential(
  tx: Tx,
  row: CredentialKey,
  change: UpdateObject<Tables, 'credential'>,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('credential')
    .set(change)
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('owner_id', '=', row.owner_id)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/**
 * Higher than every version before: refreshes increment the version of the sealed grant alone, and a running refresh must
 * not find its version again in a newer sign-in.
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
 * Gives an existing credential new secrets, in place. Confirmed destinations stay only if the new secrets are for one of
 * them; otherwise the new destination is the only one.
 * @throws AppError AUTHENTICATION-REQUIRED for a user who was disabled meanwhile
 */
export async function replaceCredential(
  tx: Tx,
  vault: Vault,
  row: CredentialTable,
  fresh: Pick<NewCredential, 'signIn' | 'destination' | 'secrets' | 'at' | 'by'>,
): Promise<void> {
  await assertActive(tx, row);
  const version = await nextVersion(tx, row);
  const entered = enteredBy(fresh.by, fresh.at);
  const change = {
    version,
    state: 'ready',
    sign_in: fresh.signIn,
    updated_at: fresh.at,
    ...entered,
  } as const;
  await changeCredential(tx, row, change);
  await destroySealedFields(tx, sealedRecord(row));
  await insertSecrets(tx, vault, { ...row, version }, fresh.secrets);
  if (!fresh.secrets.grant)
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
 * Gives an existing credential a new grant, and changes nothing else.
 * @returns false if the credential has been deleted; nothing was written
 */
export async function renewGrant(
  tx: Tx,
  vault: Vault,
  row: CredentialTable,
  { grant, at }: { grant: StoredGrant; at: string },
): Promise<boolean> {
  const version = await nextVersion(tx, row);
  if (!(await changeCredential(tx, row, { version, state: 'ready', updated_at: at }))) return false;
  await destroySealedFields(tx, sealedRecord(row), 'grant');
  await insertSecrets(tx, vault, { ...row, version }, { grant });
  return true;
}

type Destination = Record<'tenant_id' | 'credential_id' | 'destination' | 'confirmed_at', string>;

const insertDestination = compileOnce((db, argument: Argument<Destination>) =>
  db
    .insertInto('credential_destination')
    .values({
      tenant_id: argument('tenant_id'),
      credential_id: argument('credential_id'),
      destination: argument('destination'),
      confirmed_at: argument('confirmed_at'),
    })
    .onConflict((conflict) => conflict.doNothing()),
);

export async function allowDestination(
  tx: Queryable,
  credential: Pick<CredentialTable, 'id' | 'tenant_id'>,
  destination: string,
  at: string,
): Promise<void> {
  const { tenant_id, id: credential_id } = credential;
  await insertDestination(tx, { tenant_id, credential_id, destination, confirmed_at: at });
}

/** Where its user has allowed it to be sent, oldest first. */
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
