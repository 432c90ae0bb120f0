import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Caller } from '../../../../core/access/caller.js';
import { seesEverything, visibleScopes } from '../../../../core/access/connection-access.js';
import { isTenantAdministrator } from '../../../../core/access/tenant-administrator.js';
import { isPostgres } from '../../../../core/store/dialect.js';
import type { Queryable } from '../../../../core/store/queryable.js';
import type { ConnectionTable } from '../../../../core/store/tables.js';

// Which connections a list selects, as conditions in SQL, and their number.

/** What a list selects, independent of order and page. */
export interface Selection {
  caller: Caller;
  spaceId?: string;
  personal: boolean;
  ownerId?: string;
  /** Sources whose connections are left out. */
  hiddenSources: readonly string[];
  filter?: Expression<SqlBool>;
}

/** The scope of a selection that has only one. */
function singleScope({ caller, spaceId, personal }: Selection): string | undefined {
  if (spaceId !== undefined) return `space:${spaceId}`;
  return personal && !isTenantAdministrator(caller) ? `user:${caller.userId}` : undefined;
}

/** One scope, or all of them: an index has the rows in every order. */
export const isNarrow = (selection: Selection): boolean =>
  singleScope(selection) !== undefined || seesEverything(selection.caller);

export const and = (conditions: readonly RawBuilder<SqlBool>[]): RawBuilder<SqlBool> =>
  conditions.length === 0 ? sql`1 = 1` : sql`${sql.join([...conditions], sql` and `)}`;

export const tenantIs = ({ caller }: Selection, table: string) =>
  sql<SqlBool>`${sql.ref(`${table}.tenant_id`)} = ${caller.tenantId}`;

export function notHidden({ hiddenSources }: Selection, table: string): RawBuilder<SqlBool>[] {
  if (hiddenSources.length === 0) return [];
  return [sql`${sql.ref(`${table}.source_id`)} not in (${sql.join([...hiddenSources])})`];
}

/** The conditions on scopes, which the tally shares. */
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

export const ofConnections = (selection: Selection): RawBuilder<SqlBool>[] => [
  ...inScopes(selection, 'connection'),
  ...notHidden(selection, 'connection'),
  ...(selection.ownerId === undefined ? [] : [sql<SqlBool>`connection.owner_id = ${selection.ownerId}`]),
  ...(selection.filter ? [sql<SqlBool>`${selection.filter}`] : []),
];

export interface Rows {
  /** `connection`, with all its columns. */
  from: RawBuilder<unknown>;
  /** The remaining conditions. */
  where: RawBuilder<SqlBool>;
}

export const wholeTable = (selection: Selection): Rows => ({
  from: sql`connection`,
  where: and([tenantIs(selection, 'connection'), ...ofConnections(selection)]),
});

/**
 * The rows of a selection. PostgreSQL's statistics say too little about who sees and owns what for a plan that is good
 * both for a hundred connections and for a million, so `offset 0`, an optimization fence, fixes the plan.
 */
export function rowsAbout(db: Queryable, selection: Selection): Rows {
  const whole = wholeTable(selection);
  if (!isPostgres(db)) return whole;
  const { caller, ownerId } = selection;
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

/** From the tally, unless the selection has an owner or a filter, which the tally does not know. */
export async function countConnections(db: Queryable, selection: Selection): Promise<number> {
  const isTallied = selection.ownerId === undefined && selection.filter === undefined;
  const { from, where } = rowsAbout(db, selection);
  const statement = isTallied
    ? tallied(selection)
    : sql<{ count: number | null }>`select count(*) as count from ${from} where ${where}`;
  const { rows } = await statement.execute(db);
  return Number(rows[0]?.count ?? 0);
}
