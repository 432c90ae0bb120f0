import { nameKey } from '../../broker/credential-records.js';
import { nameFold } from '../../store/name-fold.js';
import type { Store, Tx } from '../../store/store.js';
import type { ConnectionTable } from '../../store/tables.js';
import { newUuid } from '../../vault/random.js';

// The only statements that write connections, but for the end of a suspension (`broker`). They keep the number of
// connections by scope and source, so that a list can say how many there are without counting them.

type Place = Pick<ConnectionTable, 'tenant_id' | 'scope' | 'source_id'>;

/** Every column that follows from the name. */
export const nameColumns = (name: string): Pick<ConnectionTable, 'name' | 'name_key' | 'name_fold'> => ({
  name,
  name_key: nameKey(name),
  name_fold: nameFold(name),
});

/** The row that the others of a place are folded into. */
const folded = '';
const placesAtOnce = 100;

/** Each change is a row of its own, so that those who create at the same time do not wait for one counter. */
async function tally(tx: Tx, { tenant_id, scope, source_id }: Place, difference: 1 | -1): Promise<void> {
  await tx
    .insertInto('connection_tally')
    .values({ tenant_id, scope, source_id, part: newUuid(), total: difference })
    .execute();
}

async function foldPlace(tx: Tx, { tenant_id, scope, source_id }: Place): Promise<void> {
  const rows = await tx
    .deleteFrom('connection_tally')
    .where('tenant_id', '=', tenant_id)
    .where('scope', '=', scope)
    .where('source_id', '=', source_id)
    .where('part', '<>', folded)
    .returning('total')
    .execute();
  const difference = rows.reduce((sum, { total }) => sum + total, 0);
  await tx
    .insertInto('connection_tally')
    .values({ tenant_id, scope, source_id, part: folded, total: difference })
    .onConflict((conflict) =>
      conflict
        .columns(['tenant_id', 'scope', 'source_id', 'part'])
        .doUpdateSet((eb) => ({ total: eb('connection_tally.total', '+', difference) })),
    )
    .execute();
}

/**
 * Folds the changes of each place into one row.
 * @param until of `performance.now()`: what is left then is left for the next time
 */
export async function foldTallies(store: Store, until = Number.POSITIVE_INFINITY): Promise<void> {
  for (;;) {
    const places = await store.db
      .selectFrom('connection_tally')
      .select(['tenant_id', 'scope', 'source_id'])
      .distinct()
      .where('part', '<>', folded)
      .limit(placesAtOnce)
      .execute();
    for (const place of places) {
      if (performance.now() > until) return;
      await store.lockingTransaction((tx) => foldPlace(tx, place));
    }
    if (places.length < placesAtOnce) return;
  }
}

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
