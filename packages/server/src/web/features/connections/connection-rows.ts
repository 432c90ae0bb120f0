import { nameKey } from '../../../core/credentials/records.js';
import { AppError } from '../../../core/errors/app-error.js';
import { insertOnce } from '../../../core/store/compile-once.js';
import { tally } from '../../../core/store/connection-tally.js';
import { nameFold } from '../../../core/store/name-fold.js';
import type { Tx } from '../../../core/store/queryable.js';
import type { ConnectionTable } from '../../../core/store/tables.js';

// The only statements that write connections, except for the end of a suspension (`credentials`). They keep a tally of
// connections by scope and source, so that a list tells how many there are without counting them.

/** Every column that follows from the name. */
export const nameColumns = (name: string): Pick<ConnectionTable, 'name' | 'name_key' | 'name_fold'> => ({
  name,
  name_key: nameKey(name),
  name_fold: nameFold(name),
});

/** @param spaceId null: the personal space of the owner */
export const scopeOf = (ownerId: string, spaceId: string | null): string =>
  spaceId === null ? `user:${ownerId}` : `space:${spaceId}`;

export const nameTaken = () =>
  new AppError('CONFLICT', 'qName: a connection of this name exists in this space. Choose another name.');

const insertRow = insertOnce('connection');

export async function insertConnection(tx: Tx, row: ConnectionTable): Promise<void> {
  await insertRow(tx, row);
  await tally(tx, row, 1);
}

/**
 * Replaces a row with its next version.
 * @returns false when the row has been changed or deleted since it was read; then nothing is written
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
