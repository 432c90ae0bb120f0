import { type RawBuilder, type SqlBool, sql } from 'kysely';
import { visibleScopes } from '../../../../core/access/connection-access.js';
import { isPostgres } from '../../../../core/store/dialect.js';
import type { Queryable } from '../../../../core/store/queryable.js';
import type { ConnectionTable } from '../../../../core/store/tables.js';
import { rowsAbout } from './selected-rows.js';
import {
  and,
  isNarrow,
  notHidden,
  ofConnections,
  type Rows,
  type Selection,
  tenantIs,
  wholeTable,
} from './selection.js';

// Which connections a list shows, in which order. A page costs the same among a hundred connections and a hundred
// thousand: it is read from an index in the requested order, never from the whole table.

export type SortField = '_id' | 'qName' | 'created' | 'updated';

export interface ListOrder {
  field: SortField;
  isDescending: boolean;
  /** Of names: by their folded form, or in the order of the locale; absent: by code point. */
  collation?: 'folded' | { locale: string };
}

/** Position in a sorted list: the sort value and the id of a row, which together are unique. */
export interface Keyset {
  value: string;
  id: string;
}

export interface Page {
  order: ListOrder;
  /** Rows after (or before) this position. */
  position?: { keyset: Keyset; direction: 'next' | 'prev' };
  limit?: number;
}

/** Candidates read for each row of a page before the scopes are read one by one. */
const candidatesPerRow = 20;
/** The same before all names are looked through: a text that many names have is found among the next few thousand. */
const candidatesPerHit = 500;
const idsAtOnce = 400;

type Column = 'id' | 'name_key' | 'name_fold' | 'created_at' | 'updated_at';

const columns: Record<SortField, Column> = {
  _id: 'id',
  qName: 'name_key',
  created: 'created_at',
  updated: 'updated_at',
};

const columnOf = (order: ListOrder): Column =>
  order.field === 'qName' && order.collation === 'folded' ? 'name_fold' : columns[order.field];

type Ordering = ReturnType<typeof ordering>;

function ordering({ order, position }: Page) {
  const column = columnOf(order);
  const isReversed = position?.direction === 'prev';
  const isDescending = order.isDescending !== isReversed;
  const direction = sql.raw(isDescending ? 'desc' : 'asc');
  const than = sql.raw(isDescending ? '<' : '>');
  return {
    isReversed,
    /** Rows beyond the position, in reading direction. */
    beyond(table: string): RawBuilder<SqlBool>[] {
      if (!position) return [];
      const { value, id } = position.keyset;
      const rowId = sql.ref(`${table}.id`);
      if (column === 'id') return [sql`${rowId} ${than} ${id}`];
      return [sql`(${sql.ref(`${table}.${column}`)}, ${rowId}) ${than} (${value}, ${id})`];
    },
    by(table: string): RawBuilder<unknown> {
      const rowId = sql`${sql.ref(`${table}.id`)} ${direction}`;
      return column === 'id' ? rowId : sql`${sql.ref(`${table}.${column}`)} ${direction}, ${rowId}`;
    },
  };
}

const upTo = (limit: number | undefined) => (limit === undefined ? sql`` : sql` limit ${limit}`);

/** The page among the rows: of the whole table straight from an index. */
function pageOf({ from, where }: Rows, page: Page): RawBuilder<ConnectionTable> {
  const { beyond, by } = ordering(page);
  return sql`select connection.* from ${from} where ${and([where, ...beyond('connection')])}
    order by ${by('connection')}${upTo(page.limit)}`;
}

/** Whole rows of a few ids. The cross join keeps SQLite from scanning the table instead. */
const rowsOf = (
  selection: Selection,
  ids: RawBuilder<unknown>,
  { by }: Ordering,
): RawBuilder<ConnectionTable> =>
  sql`select connection.* from (${ids}) as page cross join connection
    where ${tenantIs(selection, 'connection')} and connection.id = page.id order by ${by('connection')}`;

/** The page among the next candidates of the tenant: complete if it is full. */
function amongCandidates(
  selection: Selection,
  page: Page,
  limit: number,
  perRow = candidatesPerRow,
): RawBuilder<ConnectionTable> {
  const order = ordering(page);
  const by = order.by('connection');
  const next = and([tenantIs(selection, 'connection'), ...order.beyond('connection')]);
  const ids = sql`select connection.id from
    (select * from connection where ${next} order by ${by} limit ${limit * perRow}) as connection
    where ${and(ofConnections(selection))} order by ${by} limit ${limit}`;
  return rowsOf(selection, ids, order);
}

/** The page from the first rows of each scope that the caller sees: fast where they see few among many. */
function byScope(
  db: Queryable,
  selection: Selection,
  page: Page,
  limit: number,
): RawBuilder<ConnectionTable> {
  const order = ordering(page);
  const inner = and([
    tenantIs(selection, 'inside'),
    sql`inside.scope = visible.scope`,
    ...order.beyond('inside'),
    ...notHidden(selection, 'inside'),
  ]);
  const visible = sql`(${visibleScopes(selection.caller)}) as visible`;
  const first = sql`from connection as inside where ${inner} order by ${order.by('inside')} limit ${limit}`;
  const isPersonal = and(selection.personal ? [sql`substr(visible.scope, 1, 5) = 'user:'`] : []);
  const ids = isPostgres(db)
    ? sql`select connection.id from ${visible} cross join lateral (select inside.* ${first}) as connection
        where ${isPersonal} order by ${order.by('connection')} limit ${limit}`
    : sql`select connection.id from ${visible} cross join connection
        where ${isPersonal} and ${tenantIs(selection, 'connection')} and connection.id in (select inside.id ${first})
        order by ${order.by('connection')} limit ${limit}`;
  return rowsOf(selection, ids, order);
}

/** Statements to try in turn until one fills the page; the last one is always complete. */
export function pageStatements(
  db: Queryable,
  selection: Selection,
  page: Page,
): RawBuilder<ConnectionTable>[] {
  const { limit } = page;
  const { ownerId, bound } = selection;
  const about = pageOf(rowsAbout(db, selection), page);
  // An owner may have few connections among many.
  if (ownerId !== undefined || bound?.op === 'eq') return [about];
  if (bound && limit !== undefined) return [amongCandidates(selection, page, limit, candidatesPerHit), about];
  const directly = pageOf(wholeTable(selection), page);
  if (limit === undefined || isNarrow(selection)) return [directly];
  return [
    amongCandidates(selection, page, limit),
    selection.filter === undefined ? byScope(db, selection, page, limit) : directly,
  ];
}

/** One page of the connections the caller may see, in order. */
export async function listConnectionRows(
  db: Queryable,
  selection: Selection,
  page: Page,
): Promise<ConnectionTable[]> {
  let found: ConnectionTable[] = [];
  for (const statement of pageStatements(db, selection, page)) {
    found = (await statement.execute(db)).rows;
    if (page.limit !== undefined && found.length >= page.limit) break;
  }
  return ordering(page).isReversed ? found.toReversed() : found;
}

/** Whole rows, in the order of their ids. */
export async function connectionRows(
  db: Queryable,
  { caller }: Selection,
  ids: readonly string[],
): Promise<ConnectionTable[]> {
  const byId = new Map<string, ConnectionTable>();
  for (let start = 0; start < ids.length; start += idsAtOnce) {
    const rows = await db
      .selectFrom('connection')
      .selectAll()
      .where('tenant_id', '=', caller.tenantId)
      .where('id', 'in', ids.slice(start, start + idsAtOnce))
      .execute();
    for (const row of rows) byId.set(row.id, row);
  }
  return ids.flatMap((id) => byId.get(id) ?? []);
}

export const keysetOf = (row: ConnectionTable, order: ListOrder): Keyset => ({
  value: typeof order.collation === 'object' ? row.name : row[columnOf(order)],
  id: row.id,
});
