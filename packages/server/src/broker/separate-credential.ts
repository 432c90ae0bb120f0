import { recordCredential } from '../audit/record.js';
import type { Caller } from '../http/handler.js';
import type { Queryable, Tx } from '../store/store.js';
import type { CredentialTable } from '../store/tables.js';
import { nameKey } from './credential-records.js';

/** The name, or with ` (1)`, ` (2)` … behind it: the first that the owner has not given to another of the source. */
async function freeName(db: Queryable, row: CredentialTable, wanted: string): Promise<string> {
  const named = await db
    .selectFrom('credential')
    .select('name_key')
    .where('tenant_id', '=', row.tenant_id)
    .where('owner_id', '=', row.owner_id)
    .where('source_id', '=', row.source_id)
    .where('separated', '=', 1)
    .execute();
  const taken = new Set(named.map(({ name_key }) => name_key));
  for (let number = 0; ; number += 1) {
    const name = number === 0 ? wanted : `${wanted.slice(0, 248)} (${number})`;
    if (!taken.has(nameKey(name))) return name;
  }
}

/**
 * Makes an embedded credential a separated one of the person who gave it. Only where it belongs changes: secrets, grant
 * and allowed destinations stay, and no provider is told of anything.
 */
export async function separateCredential(
  tx: Tx,
  row: CredentialTable,
  wanted: string,
  { by, at }: { by: Caller; at: string },
): Promise<CredentialTable> {
  const name = await freeName(tx, row, wanted);
  const belongs = { separated: 1, connection_id: null, name, name_key: nameKey(name), updated_at: at };
  await tx
    .updateTable('credential')
    .set(belongs)
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('owner_id', '=', row.owner_id)
    .execute();
  await recordCredential(tx, 'updated', { ...row, name }, by);
  return { ...row, ...belongs };
}
