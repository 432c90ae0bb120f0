import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely';
import { seesEverything, visibleScopes } from '../../../access/connection-access.js';
import { isAdministratorOf } from '../../../access/matrix.js';
import type { Caller } from '../../../http/handler.js';
import type { Queryable } from '../../../store/store.js';
import type { ConnectionTable } from '../../../store/tables.js';

// Which connections a list shows, in which order. A page costs the same among a hundred connections and a hundred
// thousand: it is read from an index in the order that is asked for, and never from the whole table.

export type SortField = '_id' | 'qName' | 'created' | 'updated';

export interface ListOrder {
  field: SortField;
  isDescending: boolean;
  /** Of names: by their folded form, or as the locale has it; absent: by code point. */
  collation?: 'folded' | { locale: string };
}

/** Position in a sorted list: the sort value and the id of a row, which together are unique. */
export interface Keyset {
  value: string;
  id: string;
}

/** What a list is about, whatever its order and page. */
export interface Selection {
  caller: Caller;
  spaceId?: string;
  personal: boolean;
  ownerId?: string;
  /** Sources whose connections are left out. */
  hiddenSources: readonly string[];
  filter?: Expression<SqlBool>;
}

export interface Page {
  order: ListOrder;
  /** Rows after (or before) this position. */
  position?: { keyset: Keyset; direction: 'next' | 'prev' };
  limit?: number;
}

/** Candidates looked at for each row of a page before the scopes are asked one by one. */
const candidatesPerRow = 20;
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

/** The one scope a selection is about, when it is about one. */
function singleScope({ caller, spaceId, personal }: Selection): string | undefined {
  if (spaceId !== undefined) return `space:${spaceId}`;
  return personal && !isAdministratorOf(caller, 'personal') ? `user:${caller.userId}` : undefined;
}

const and = (conditions: readonly RawBuilder<SqlBool>[]): RawBuilder<SqlBool> =>
  conditions.length === 0 ? sql`1 = 1` : sql`${sql.join([...conditions], sql` and `)}`;

const tenantIs = ({ caller }: Selection, table: string) =>
  sql<SqlBool>`${sql.ref(`${table}.tenant_id`)} = ${caller.tenantId}`;

function notHidden({ hiddenSources }: Selection, table: string): RawBuilder<SqlBool>[] {
  if (hiddenSources.length === 0) return [];
  return [sql`${sql.ref(`${table}.source_id`)} not in (${sql.join([...hiddenSources])})`];
}

/** The part of the conditions that is about scopes: also that of the tally. */
function inScopes(selection: Selection, table: string): RawBuilder<SqlBool>[] {
  const scope = sql.ref(`${table}.scope`);
  const one = singleScope(selection);
  return [
    ...(one === undefined ? [] : [sql<SqlBool>`${scope} = ${one}`]),
    ...(one === undefined && selection.personal ? [sql<SqlBool>`substr(${scope}, 1, 5) = 'user:'`] : []),
    ...(seesEverything(selection.caller)
      ? []
      : [sql<SqlBool>`${scope} in (${visibleScopes(selection.caller)})`]),
  ];
}

const ofConnections = (selection: Selection): RawBuilder<SqlBool>[] => [
  ...inScopes(selection, 'connection'),
  ...notHidden(selection, 'connection'),
  ...(selection.ownerId === undefined ? [] : [sql<SqlBool>`connection.owner_id = ${selection.ownerId}`]),
  ...(selection.filter ? [sql<SqlBool>`${selection.filter}`] : []),
];

interface Ordering {
  /** Rows beyond the position, in the direction that is read. */
  beyond: (table: string) => RawBuilder<SqlBool>[];
  by: (table: string) => RawBuilder<unknown>;
  isReversed: boolean;
}

function ordering({ order, position }: Page): Ordering {
  const column = columnOf(order);
  const isReversed = position?.direction === 'prev';
  const isDescending = order.isDescending !== isReversed;
  const direction = sql.raw(isDescending ? 'desc' : 'asc');
  const than = sql.raw(isDescending ? '<' : '>');
  return {
    isReversed,
    beyond(table) {
      if (!position) return [];
      const { value, id } = position.keyset;
      const rowId = sql.ref(`${table}.id`);
      if (column === 'id') return [sql`${rowId} ${than} ${id}`];
      return [sql`(${sql.ref(`${table}.${column}`)}, ${rowId}) ${than} (${value}, ${id})`];
    },
    by(table) {
      const rowId = sql`${sql.ref(`${table}.id`)} ${direction}`;
      return column === 'id' ? rowId : sql`${sql.ref(`${table}.${column}`)} ${direction}, ${rowId}`;
    },
  };
}

const upTo = (limit: number | undefined) => (limit === undefined ? sql`` : sql` limit ${limit}`);

/** The page straight from the table, in its order. */
function directly(selection: Selection, page: Page): RawBuilder<ConnectionTable> {
  const { beyond, by } = ordering(page);
  const conditions = [
    tenantIs(selection, 'connection'),
    ...beyond('connection'),
    ...ofConnections(selection),
  ];
  return sql`select connection.* from connection where ${and(conditions)}
    order by ${by('connection')}${upTo(page.limit)}`;
}

/** Whole rows of a few ids. The cross join keeps SQLite from walking the table instead. */
const rowsOf = (ids: RawBuilder<unknown>, { by }: Ordering): RawBuilder<ConnectionTable> =>
  sql`select connection.* from (${ids}) as page cross join connection
    where connection.id = page.id order by ${by('connection')}`;

/** The page among the next candidates of the whole tenant: complete when it is full. */
function amongCandidates(selection: Selection, page: Page, limit: number): RawBuilder<ConnectionTable> {
  const order = ordering(page);
  const by = order.by('connection');
  const next = and([tenantIs(selection, 'connection'), ...order.beyond('connection')]);
  const ids = sql`select connection.id from
    (select * from connection where ${next} order by ${by} limit ${limit * candidatesPerRow}) as connection
    where ${and(ofConnections(selection))} order by ${by} limit ${limit}`;
  return rowsOf(ids, order);
}

/** The page by taking as many from each scope the caller sees: for those who see few among many. */
function byScope(selection: Selection, page: Page, limit: number): RawBuilder<ConnectionTable> {
  const order = ordering(page);
  const inner = and([
    tenantIs(selection, 'inside'),
    sql`inside.scope = visible.scope`,
    ...order.beyond('inside'),
    ...notHidden(selection, 'inside'),
  ]);
  const ids = sql`select connection.id from (${visibleScopes(selection.caller)}) as visible
    cross join connection where connection.id in
      (select inside.id from connection as inside where ${inner} order by ${order.by('inside')} limit ${limit})
    order by ${order.by('connection')} limit ${limit}`;
  return rowsOf(ids, order);
}

/** The statements that are tried in turn, until one fills the page; the last one is always complete. */
export function pageStatements(selection: Selection, page: Page): RawBuilder<ConnectionTable>[] {
  const { limit } = page;
  const isNarrow = singleScope(selection) !== undefined || seesEverything(selection.caller);
  if (limit === undefined || isNarrow) return [directly(selection, page)];
  const isPlain = selection.ownerId === undefined && selection.filter === undefined;
  return [
    amongCandidates(selection, page, limit),
    isPlain ? byScope(selection, page, limit) : directly(selection, page),
  ];
}

/** One page of the connections the caller may see, in order. */
export async function listConnectionRows(
  db: Queryable,
  selection: Selection,
  page: Page,
): Promise<ConnectionTable[]> {
  let found: ConnectionTable[] = [];
  for (const statement of pageStatements(selection, page)) {
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

/** Ids and names of everything selected, in no order. */
export async function selectedNames(
  db: Queryable,
  selection: Selection,
  limit: number | undefined,
): Promise<Pick<ConnectionTable, 'id' | 'name'>[]> {
  const conditions = and([tenantIs(selection, 'connection'), ...ofConnections(selection)]);
  const statement = sql<Pick<ConnectionTable, 'id' | 'name'>>`
    select connection.id, connection.name from connection where ${conditions}${upTo(limit)}`;
  return (await statement.execute(db)).rows;
}

/** How many there are; from the tally, unless the selection asks for what the tally does not know. */
export async function countConnections(db: Queryable, selection: Selection): Promise<number> {
  const isTallied = selection.ownerId === undefined && selection.filter === undefined;
  const statement = isTallied
    ? sql<{
        count: number | null;
      }>`select sum(connection_tally.total) as count from connection_tally where ${and([
        tenantIs(selection, 'connection_tally'),
        ...inScopes(selection, 'connection_tally'),
        ...notHidden(selection, 'connection_tally'),
      ])}`
    : sql<{ count: number | null }>`select count(*) as count from connection where ${and([
        tenantIs(selection, 'connection'),
        ...ofConnections(selection),
      ])}`;
  const { rows } = await statement.execute(db);
  return Number(rows[0]?.count ?? 0);
}

export const keysetOf = (row: ConnectionTable, order: ListOrder): Keyset => ({
  value: typeof order.collation === 'object' ? row.name : row[columnOf(order)],
  id: row.id,
});
