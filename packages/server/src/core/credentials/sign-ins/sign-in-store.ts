import type { Secret } from '@mooring/connectors/spec/secret';
import { type SqlBool, sql } from 'kysely';
import { deleteInBatches, eachByItself } from '../../store/batches.js';
import type { Db, Queryable } from '../../store/queryable.js';
import type { Store } from '../../store/store.js';
import type { SignInTable } from '../../store/tables.js';
import type { SealContext, Vault } from '../../vault/envelope.js';
import { destroySealedFields, loadSealedField } from '../../vault/sealed-fields.js';

// Rows of pending sign-ins and what is sealed with them: the PKCE verifier, and the code once it has arrived.

/**
 * `device`: how to ask for the tokens of a sign-in on another device. `tokens`: those, until they are claimed.
 * `grant`: one that waits for its person's choice.
 */
type SealedField = 'verifier' | 'code' | 'device' | 'tokens' | 'grant';
export type SignInRef = Pick<SignInTable, 'id' | 'tenant_id' | 'user_id'>;

const sealedRecord = (row: SignInRef): Omit<SealContext, 'version' | 'field'> => ({
  tenantId: row.tenant_id,
  recordKind: 'sign-in',
  recordId: row.id,
  ownerId: row.user_id,
});

const context = (row: SignInRef, field: SealedField): SealContext => ({
  ...sealedRecord(row),
  version: 1,
  field,
});

export async function sealField(
  db: Queryable,
  vault: Vault,
  row: SignInRef,
  field: SealedField,
  value: Secret<string>,
): Promise<void> {
  const sealed = vault.seal(value, context(row, field));
  const columns = { key_id: sealed.keyId, wrapped_key: sealed.wrappedKey, ciphertext: sealed.ciphertext };
  await db
    .insertInto('secret')
    .values({
      tenant_id: row.tenant_id,
      record_kind: 'sign-in',
      record_id: row.id,
      field,
      owner_id: row.user_id,
      version: 1,
      ...columns,
    })
    .onConflict((conflict) =>
      conflict.columns(['record_kind', 'record_id', 'tenant_id', 'field']).doUpdateSet(columns),
    )
    .execute();
}

export async function openField(
  db: Queryable,
  vault: Vault,
  row: SignInRef,
  field: SealedField,
): Promise<Secret<string> | undefined> {
  const found = await loadSealedField(db, context(row, field));
  if (!found) return undefined;
  const sealed = { keyId: found.key_id, wrappedKey: found.wrapped_key, ciphertext: found.ciphertext };
  return vault.open(sealed, context(row, field)) as Secret<string>;
}

const openPerPersonMax = 50;

/** Adds a sign-in with what is sealed with it; a person's oldest open ones make room. */
export async function addSignIn(
  store: Store,
  vault: Vault,
  row: SignInTable,
  [field, value]: [field: SealedField, value: Secret<string>],
): Promise<void> {
  await store.transaction(async (tx) => {
    const open = await tx
      .selectFrom('sign_in')
      .select(['id', 'tenant_id', 'user_id'])
      .where('tenant_id', '=', row.tenant_id)
      .where('user_id', '=', row.user_id)
      // Tokens that were parked end with their time, so that they are revoked.
      .where((eb) =>
        eb.or([
          eb('status', '=', 'pending'),
          eb.and([eb('status', '=', 'arrived'), eb('device_next_at', 'is', null)]),
        ]),
      )
      .orderBy('created_at', 'desc')
      .offset(openPerPersonMax)
      .limit(100)
      .execute();
    for (const old of open) await endSignIn(tx, old, 'expired');
    await tx.insertInto('sign_in').values(row).execute();
    await sealField(tx, vault, row, field, value);
  });
}

/**
 * Changes a sign-in while it is in a state: of all who would at once, one does.
 * @returns false when it is not in it any more, and nothing was changed
 */
export async function changeWhile(
  db: Queryable,
  row: SignInRef,
  status: SignInTable['status'],
  change: Partial<SignInTable>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('sign_in')
    .set(change)
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('user_id', '=', row.user_id)
    .where('status', '=', status)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** Ends a sign-in and destroys what was sealed with it. */
export async function endSignIn(
  db: Queryable,
  row: SignInRef,
  status: 'completed' | 'failed' | 'expired',
  error: string | null = null,
): Promise<void> {
  await destroySealedFields(db, sealedRecord(row));
  await db
    .updateTable('sign_in')
    .set({ status, error })
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('user_id', '=', row.user_id)
    .execute();
}

/**
 * Takes the sign-in for redeeming, in one statement, and writes the intent with it.
 * @returns false when somebody else was faster, or it is no longer open.
 */
export async function claimSignIn(
  store: Store,
  row: SignInRef,
  intentId: string,
  at: string,
): Promise<boolean> {
  return store.transaction(async (tx) => {
    const claimed = await tx
      .updateTable('sign_in')
      .set({ status: 'redeeming' })
      .where('id', '=', row.id)
      .where('tenant_id', '=', row.tenant_id)
      .where('user_id', '=', row.user_id)
      .where('status', 'in', ['pending', 'arrived'])
      .where('expires_at', '>', at)
      .executeTakeFirst();
    if (claimed.numUpdatedRows !== 1n) return false;
    await tx
      .insertInto('intent')
      .values({ id: intentId, tenant_id: row.tenant_id, kind: 'redeem', record_id: row.id, created_at: at })
      .execute();
    return true;
  });
}

/**
 * Ends what `claimSignIn` began, for one of all who might: whoever commits second changes nothing.
 * @returns false when the sign-in is no longer being redeemed
 */
export const leaveRedeeming = (
  tx: Queryable,
  row: SignInRef,
  status: 'completed' | 'failed',
): Promise<boolean> => changeWhile(tx, row, 'redeeming', { status });

/** What was begun with `claimSignIn` has ended. */
export async function dropIntent(
  db: Queryable,
  { tenant_id }: Pick<SignInTable, 'tenant_id'>,
  intentId: string,
): Promise<void> {
  await db.deleteFrom('intent').where('id', '=', intentId).where('tenant_id', '=', tenant_id).execute();
}

/** Ends sign-ins that are past their time and forgets ended ones after a week. */
export async function purgeSignIns(db: Db, now: Date, until?: number): Promise<void> {
  const stale = await db
    .selectFrom('sign_in')
    .select(['id', 'tenant_id', 'user_id'])
    .where('status', 'in', ['pending', 'arrived'])
    .where('expires_at', '<=', now.toISOString())
    // Those of another device may hold a grant, which is revoked first: `endUnclaimed`.
    .where((eb) => eb.or([eb('status', '=', 'pending'), eb('device_next_at', 'is', null)]))
    .limit(500)
    .execute();
  await eachByItself(stale, (row) => endSignIn(db, row, 'expired'));
  const weekAgo = new Date(now.getTime() - 7 * 86_400_000).toISOString();
  const where = sql<SqlBool>`created_at < ${weekAgo} and status in ('completed', 'failed', 'expired')`;
  await deleteInBatches(db, { table: 'sign_in', key: 'id', where }, until);
}
