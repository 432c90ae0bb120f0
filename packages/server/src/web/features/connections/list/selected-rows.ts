import { type RawBuilder, type SqlBool, sql } from 'kysely';
import { visibleScopes } from '../../../../core/access/connection-access.js';
import { isPostgres } from '../../../../core/store/dialect.js';
import type { Queryable } from '../../../../core/store/queryable.js';
import type { ConnectionTable } from '../../../../core/store/tables.js';
import { idsNamed } from './name-hits.js';
import {
  and,
  besidesScopes,
  inScopes,
  isNarrow,
  isSearch,
  notHidden,
  ofConnections,
  type Rows,
  type Selection,
  tenantIs,
  wholeTable,
} from './selection.js';

// The rows of a selection, and their number.

/**
 * The rows of a selection. PostgreSQL's statistics say too little about who sees and owns what for a plan that is good
 * both for a hundred connections and for a million, so `offset 0`, an optimization fence, fixes the plan.
 */
export function rowsAbout(db: Queryable, selection: Selection): Rows {
  const whole = wholeTable(selection);
  const { caller, ownerId, bound } = selection;
  if (bound && (ownerId === undefined || bound.op === 'eq'))
    return {
      from: sql`(${idsNamed(db, selection, bound)}) as named cross join connection`,
      // The scopes are conditions of the ids: here, SQLite would look for each id in each scope.
      where: and([
        tenantIs(selection, 'connection'),
        sql`connection.id = named.id`,
        ...besidesScopes(selection),
      ]),
    };
  if (!isPostgres(db)) {
    // Without statistics SQLite would rather walk everything in the order of the page.
    return ownerId === undefined
      ? whole
      : { from: sql`connection indexed by connection_owner`, where: whole.where };
  }
  if (ownerId !== undefined)
    return {
      from: sql`(select * from connection where ${tenantIs(selection, 'connection')}
        and connection.owner_id = ${ownerId} offset 0) as connection`,
      where: whole.where,
    };
  if (isNarrow(selection)) return whole;
  return {
    from: sql`(${visibleScopes(caller)}) as visible cross join lateral
      (select * from connection where ${tenantIs(selection, 'connection')}
        and connection.scope = visible.scope offset 0) as connection`,
    where: and(ofConnections(selection)),
  };
}

/** Ids and names of everything selected, unordered. */
export async function selectedNames(
  db: Queryable,
  selection: Selection,
  limit: number | undefined,
): Promise<Pick<ConnectionTable, 'id' | 'name'>[]> {
  const { from, where } = rowsAbout(db, selection);
  const statement = sql<Pick<ConnectionTable, 'id' | 'name'>>`
    select connection.id, connection.name from ${from} where ${where}${limit === undefined ? sql`` : sql` limit ${limit}`}`;
  return (await statement.execute(db)).rows;
}

/** The tally of the scopes that the caller sees, each looked up by itself. */
function tallied(selection: Selection): RawBuilder<{ count: number | null }> {
  const tally = (scopes: readonly RawBuilder<SqlBool>[]) =>
    sql`from connection_tally where ${and([
      tenantIs(selection, 'connection_tally'),
      ...scopes,
      ...notHidden(selection, 'connection_tally'),
    ])}`;
  if (isNarrow(selection)) {
    return sql`select sum(connection_tally.total) as count ${tally(inScopes(selection, 'connection_tally'))}`;
  }
  const isPersonal = and(selection.personal ? [sql`substr(visible.scope, 1, 5) = 'user:'`] : []);
  return sql`select sum((select sum(connection_tally.total) ${tally([sql`connection_tally.scope = visible.scope`])}))
    as count from (${visibleScopes(selection.caller)}) as visible where ${isPersonal}`;
}

/** Above this the answer has no count, because counting costs too much. */
export const countMax = 10_000;

/**
 * From the tally, unless the selection has an owner or a filter, which the tally does not know: then it counts no
 * further than one beyond {@link countMax}.
 */
export async function countConnections(db: Queryable, selection: Selection): Promise<number> {
  const { from, where } = rowsAbout(db, selection);
  const statement = isSearch(selection)
    ? sql<{ count: number | null }>`select count(*) as count from
        (select 1 from ${from} where ${where} limit ${countMax + 1}) as counted`
    : tallied(selection);
  const { rows } = await statement.execute(db);
  return Number(rows[0]?.count ?? 0);
}
