import { newUuid } from '../crypto/random.js';
import { insertOnce } from './compile-once.js';
import type { Tx } from './queryable.js';
import type { Store } from './store.js';
import type { ConnectionTallyTable } from './tables.js';

// Number of connections by scope and source, so that a list can return it without counting.

type Place = Pick<ConnectionTallyTable, 'tenant_id' | 'scope' | 'source_id'>;

/** Part name of the row into which the others of a place are folded. */
const folded = '';
const placesAtOnce = 100;

const insertTally = insertOnce('connection_tally');

/** Each change is a separate row, so that concurrent creates do not wait for one counter. */
export async function tally(
  tx: Tx,
  { tenant_id, scope, source_id }: Place,
  difference: 1 | -1,
): Promise<void> {
  await insertTally(tx, { tenant_id, scope, source_id, part: newUuid(), total: difference });
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
 * @param until by `performance.now()`; rows left then are left for the next call
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
