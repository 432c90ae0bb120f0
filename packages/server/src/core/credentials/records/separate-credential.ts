import type { Caller } from '../../access/caller.js';
import { recordCredential } from '../../audit/record.js';
import type { Tx } from '../../store/queryable.js';
import type { CredentialTable } from '../../store/tables.js';
import { nameKey } from './credential-records.js';
import { freeName } from './separated-credentials.js';

/**
 * Makes an embedded credential a separated one of the user who entered it. Secrets, grant and allowed destinations stay, and
 * nothing is revoked.
 */
export async function separateCredential(
  tx: Tx,
  row: CredentialTable,
  wanted: string,
  { by, at }: { by: Caller; at: string },
): Promise<CredentialTable> {
  const name = await freeName(tx, row, wanted, 1);
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
