import { nameKey } from '../../../core/credentials/records.js';
import { tally } from '../../../core/store/connection-tally.js';
import { nameFold } from '../../../core/store/name-fold.js';
import type { Tx } from '../../../core/store/queryable.js';
import type { ConnectionTable } from '../../../core/store/tables.js';

// The only statements that write connections, but for the end of a suspension (`broker`). They keep the number of
// connections by scope and source, so that a list can say how many there are without counting them.

/** Every column that follows from the name. */
export const nameColumns = (name: string): Pick<ConnectionTable, 'name' | 'name_key' | 'name_fold'> => ({
  name,
  name_key: nameKey(name),
  name_fold: nameFold(name),
});

export async function insertConnection(tx: Tx, row: ConnectionTable): Promise<void> {
  await tx.insertInto('connection').values(row).execute();
  await tally(tx, row, 1);
}

/**
 * Replaces a row by its next version.
 * @returns false when somebody else changed or deleted it meanwhile; nothing is written then.
 */
export async function replaceConnection(
  tx: Tx,
  row: ConnectionTable,
  next: ConnectionTable,
): Promise<boolean> {
  const { id, ...columns } = next;
  const result = await tx
    .updateTable('connection')
    .set(columns)
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .where('version', '=', row.version)
    .executeTakeFirst();
  if (result.numUpdatedRows !== 1n) return false;
  if (next.scope !== row.scope) {
    await tally(tx, row, -1);
    await tally(tx, next, 1);
  }
  return true;
}

export async function deleteConnection(tx: Tx, row: ConnectionTable): Promise<void> {
  const result = await tx
    .deleteFrom('connection')
    .where('id', '=', row.id)
    .where('tenant_id', '=', row.tenant_id)
    .returning(['tenant_id', 'scope', 'source_id'])
    .executeTakeFirst();
  if (result) await tally(tx, result, -1);
}
