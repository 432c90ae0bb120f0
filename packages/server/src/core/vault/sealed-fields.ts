import type { Queryable } from '../store/queryable.js';
import type { SecretTable } from '../store/tables.js';
import type { SealContext } from './envelope.js';

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
