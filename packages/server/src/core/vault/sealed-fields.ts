import { type SqlBool, sql } from 'kysely';
import type { Queryable } from '../store/queryable.js';
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

/** The context that a row is bound to. */
export const contextOfSecret = (row: SecretTable): SealContext => ({
  tenantId: row.tenant_id,
  recordKind: row.record_kind,
  recordId: row.record_id,
  ownerId: row.owner_id,
  version: Number(row.version),
  field: row.field,
});

/** One sealed field of a record, by tenant and owner too, so that the id alone is not enough. */
export function loadSealedField(
  db: Queryable,
  { tenantId, recordKind, recordId, ownerId, field }: Omit<SealContext, 'version'>,
): Promise<SecretTable | undefined> {
  return db
    .selectFrom('secret')
    .selectAll()
    .where('record_kind', '=', recordKind as SecretTable['record_kind'])
    .where('record_id', '=', recordId)
    .where('tenant_id', '=', tenantId)
    .where('owner_id', '=', ownerId)
    .where('field', '=', field)
    .executeTakeFirst();
}

/** Destroys the sealed fields of a record, or one of them. By tenant and owner too. */
export async function destroySealedFields(
  tx: Queryable,
  { tenantId, recordKind, recordId, ownerId }: Omit<SealContext, 'version' | 'field'>,
  field?: string,
): Promise<void> {
  await tx
    .deleteFrom('secret')
    .where('record_kind', '=', recordKind as SecretTable['record_kind'])
    .where('record_id', '=', recordId)
    .where('tenant_id', '=', tenantId)
    .where('owner_id', '=', ownerId)
    .$if(field !== undefined, (all) => all.where('field', '=', field as string))
    .execute();
}

/** Rows of `secret` in the order of their primary key, after the last one read. */
export function secretsAfter(db: Queryable, last: SecretTable | undefined) {
  const inOrder = db
    .selectFrom('secret')
    .selectAll()
    .orderBy('record_kind')
    .orderBy('record_id')
    .orderBy('tenant_id')
    .orderBy('field');
  if (!last) return inOrder;
  const { record_kind, record_id, tenant_id, field } = last;
  return inOrder.where(
    sql<SqlBool>`(record_kind, record_id, tenant_id, field) > (${record_kind}, ${record_id}, ${tenant_id}, ${field})`,
  );
}
