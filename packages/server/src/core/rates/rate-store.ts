import type { Queryable, Tx } from '../store/queryable.js';
import { keyOf, slicesPerWindow, type Window } from './rate-window.js';

const usersPerQuery = 400;

/** Adds what the windows have sent. */
export async function addCounts(tx: Tx, windows: readonly Window[]): Promise<void> {
  // The same order on every node: rows are locked as they are written, and nodes that lock in different orders
  // deadlock.
  const inOrder = windows.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const rows = inOrder.flatMap(({ tenantId, tier, userId, sent }) =>
    [...sent]
      .toSorted(([a], [b]) => a - b)
      .map(([at, requests]) => ({ tenant_id: tenantId, tier, user_id: userId, slice: at, requests })),
  );
  for (let start = 0; start < rows.length; start += usersPerQuery) {
    await tx
      .insertInto('rate_count')
      .values(rows.slice(start, start + usersPerQuery))
      .onConflict((conflict) =>
        conflict
          .columns(['tenant_id', 'user_id', 'tier', 'slice'])
          .doUpdateSet((eb) => ({ requests: eb('rate_count.requests', '+', eb.ref('excluded.requests')) })),
      )
      .execute();
  }
}

/** Deletes slices that have left the window. */
export async function dropOldCounts(db: Queryable, slice: number): Promise<void> {
  await db
    .deleteFrom('rate_count')
    .where('slice', '<=', slice - slicesPerWindow)
    .execute();
}

/** The store's counts of the windows, by slice. */
export async function readCounts(
  db: Queryable,
  windows: readonly Window[],
  slice: number,
): Promise<Map<Window, Map<number, number>>> {
  const counts = new Map<Window, Map<number, number>>();
  const wanted = new Map(windows.map((window) => [keyOf(window), window]));
  for (const tenantId of new Set(windows.map((window) => window.tenantId))) {
    const userIds = [
      ...new Set(windows.filter((window) => window.tenantId === tenantId).map((window) => window.userId)),
    ];
    for (let start = 0; start < userIds.length; start += usersPerQuery) {
      const rows = await db
        .selectFrom('rate_count')
        .select(['tier', 'slice', 'user_id', 'requests'])
        .where('tenant_id', '=', tenantId)
        .where('slice', '>', slice - slicesPerWindow)
        .where('user_id', 'in', userIds.slice(start, start + usersPerQuery))
        .execute();
      for (const row of rows) {
        const window = wanted.get(keyOf({ tenantId, tier: row.tier, userId: row.user_id }));
        if (!window) continue;
        const slices = counts.get(window) ?? new Map<number, number>();
        slices.set(row.slice, row.requests);
        counts.set(window, slices);
      }
    }
  }
  return counts;
}
