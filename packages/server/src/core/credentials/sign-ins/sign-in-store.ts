import type { Secret } from '@mooring/connectors/interface/secret';
import { type SqlBool, sql } from 'kysely';
import { deleteInBatches, eachByItself } from '../../store/batches.js';
import type { Db, Queryable } from '../../store/queryable.js';
import type { Store } from '../../store/store.js';
import type { SignInTable } from '../../store/tables.js';
import type { SealContext, Vault } from '../../vault/envelope.js';
import {
  destroySealedFields,
  fromSealedColumns,
  loadSealedField,
  secretRow,
  toSealedColumns,
} from '../../vault/sealed-fields.js';

// Rows of sign-ins and their sealed fields.

/**
 * `verifier`: of PKCE. `code`: once it has arrived. `device`: how to poll for the tokens of a sign-in on another device.
 * `tokens`: those, until they are claimed. `grant`: one that waits for its user's choice.
 */
type SealedField = 'verifier' | 'code' | 'device' | 'tokens' | 'grant';
type SealedValue = readonly [field: SealedField, value: Secret<string>];
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
  [field, value]: SealedValue,
): Promise<void> {
  const sealed = vault.seal(value, context(row, field));
  await db
    .insertInto('secret')
    .values(secretRow(context(row, field), sealed))
    .onConflict((conflict) =>
      conflict
        .columns(['record_kind', 'record_id', 'tenant_id', 'field'])
        .doUpdateSet(toSealedColumns(sealed)),
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
  return found && (vault.open(fromSealedColumns(found), context(row, field)) as Secret<string>);
}

/** A sign-in of its user; undefined if there is none with this id. */
export const findSignIn = (db: Queryable, row: SignInRef): Promise<SignInTable | undefined> =>
  db
    .selectFrom('sign_in')
    .selectAll()
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('user_id', '=', row.user_id)
    .executeTakeFirst();

const openPerUserMax = 50;

/** Adds a sign-in with its sealed value. A user has at most {@link openPerUserMax} open ones: the oldest are ended. */
export async function addSignIn(
  store: Store,
  vault: Vault,
  row: SignInTable,
  sealed: SealedValue,
): Promise<void> {
  await store.transaction(async (tx) => {
    const open = await tx
      .selectFrom('sign_in')
      .select(['id', 'tenant_id', 'user_id'])
      .where('tenant_id', '=', row.tenant_id)
      .where('user_id', '=', row.user_id)
      // Not those with parked tokens: `endUnclaimed` revokes them when they expire.
      .where((eb) =>
        eb.or([
          eb('status', '=', 'pending'),
          eb.and([eb('status', '=', 'arrived'), eb('device_next_at', 'is', null)]),
        ]),
      )
      .orderBy('created_at', 'desc')
      .offset(openPerUserMax)
      .limit(100)
      .execute();
    for (const old of open) await endSignIn(tx, old, 'expired');
    await tx.insertInto('sign_in').values(row).execute();
    await sealField(tx, vault, row, sealed);
  });
}

/**
 * Compare and set: of concurrent requests one changes the sign-in.
 * @returns false if it is no longer in this state, or in one of these; nothing was changed
 */
export async function changeWhile(
  db: Queryable,
  row: SignInRef,
  status: SignInTable['status'] | readonly SignInTable['status'][],
  change: Partial<SignInTable>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('sign_in')
    .set(change)
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('user_id', '=', row.user_id)
    .where('status', 'in', [status].flat())
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** Ends a sign-in and destroys its sealed fields. */
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
 * Claims the sign-in for redeeming, in one statement, and writes the intent with it.
 * @returns false if another request was faster, or it is no longer open
 */
export async function claimSignIn(store: Store, row: SignInRef, intentId: string): Promise<boolean> {
  const at = store.clock.iso();
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
 * Ends what `claimSignIn` began. The second to commit changes nothing.
 * @returns false if the sign-in is no longer being redeemed
 */
export const leaveRedeeming = (
  tx: Queryable,
  row: SignInRef,
  status: 'completed' | 'failed',
): Promise<boolean> => changeWhile(tx, row, 'redeeming', { status });

/** Deletes the intent that `claimSignIn` wrote. */
export async function dropIntent(
  db: Queryable,
  { tenant_id }: Pick<SignInTable, 'tenant_id'>,
  intentId: string,
): Promise<void> {
  await db.deleteFrom('intent').where('id', '=', intentId).where('tenant_id', '=', tenant_id).execute();
}

/** Ends expired sign-ins, and deletes ended ones after a week. */
export async function purgeSignIns(db: Db, now: Date, until?: number): Promise<void> {
  const stale = await db
    .selectFrom('sign_in')
    .select(['id', 'tenant_id', 'user_id'])
    .where('status', 'in', ['pending', 'arrived'])
    .where('expires_at', '<=', now.toISOString())
    // Those of another device may hold a grant, which has to be revoked first: `endUnclaimed`.
    .where((eb) => eb.or([eb('status', '=', 'pending'), eb('device_next_at', 'is', null)]))
    .limit(500)
    .execute();
  await eachByItself(stale, (row) => endSignIn(db, row, 'expired'));
  const weekAgo = new Date(now.getTime() - 7 * 86_400_000).toISOString();
  const where = sql<SqlBool>`created_at < ${weekAgo} and status in ('completed', 'failed', 'expired')`;
  await deleteInBatches(db, { table: 'sign_in', key: 'id', where }, until);
}
