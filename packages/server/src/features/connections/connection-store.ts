import { visibleTo } from '../../access/connection-access.js';
import type { Caller } from '../../http/handler.js';
import type { Db, Queryable } from '../../store/store.js';
import type { ConnectionTable } from '../../store/tables.js';

export type SortField = '_id' | 'qName' | 'created' | 'updated';

const columnOf = { _id: 'id', qName: 'name_key', created: 'created_at', updated: 'updated_at' } as const;

/** Position in a sorted list: the sort value and the id of a row, which together are unique. */
export interface Keyset {
  value: string;
  id: string;
}

export interface ListQuery {
  caller: Caller;
  spaceId?: string;
  personal: boolean;
  ownerId?: string;
  sort: { field: SortField; isDescending: boolean };
  /** Rows after (or before) this position. */
  position?: { keyset: Keyset; direction: 'next' | 'prev' };
  limit?: number;
}

function filtered(db: Queryable, query: ListQuery) {
  let statement = db
    .selectFrom('connection')
    .where('connection.tenant_id', '=', query.caller.tenantId)
    .where(visibleTo(query.caller));
  if (query.spaceId !== undefined) statement = statement.where('connection.space_id', '=', query.spaceId);
  else if (query.personal) statement = statement.where('connection.space_id', 'is', null);
  if (query.ownerId !== undefined) statement = statement.where('connection.owner_id', '=', query.ownerId);
  return statement;
}

/** One page of the connections the caller may see, in order. */
export async function listConnectionRows(db: Db, query: ListQuery): Promise<ConnectionTable[]> {
  const column = columnOf[query.sort.field];
  const isBackwards = query.position?.direction === 'prev';
  const direction = query.sort.isDescending === isBackwards ? 'asc' : 'desc';
  let statement = filtered(db, query).selectAll('connection');
  if (query.position) {
    const { value, id } = query.position.keyset;
    const comparison = direction === 'asc' ? '>' : '<';
    statement = statement.where((eb) =>
      eb.or([
        eb(`connection.${column}`, comparison, value),
        eb.and([eb(`connection.${column}`, '=', value), eb('connection.id', comparison, id)]),
      ]),
    );
  }
  statement = statement.orderBy(`connection.${column}`, direction).orderBy('connection.id', direction);
  if (query.limit !== undefined) statement = statement.limit(query.limit);
  const rows = await statement.execute();
  return isBackwards ? rows.toReversed() : rows;
}

export async function countConnections(db: Db, query: ListQuery): Promise<number> {
  const row = await filtered(db, query)
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

export const keysetOf = (row: ConnectionTable, field: SortField): Keyset => ({
  value: row[columnOf[field]],
  id: row.id,
});
