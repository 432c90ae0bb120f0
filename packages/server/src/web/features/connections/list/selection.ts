import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Caller } from '../../../../core/access/caller.js';
import { seesEverything, visibleScopes } from '../../../../core/access/connection-access.js';
import { isTenantAdministrator } from '../../../../core/access/tenant-administrator.js';

// Which connections a list selects, as conditions in SQL.

/** What the folded names of everything that a filter finds have in common. */
export interface NameBound {
  op: 'eq' | 'sw' | 'co';
  /** Folded; not empty. */
  text: string;
}

/** What a list selects, independent of order and page. */
export interface Selection {
  caller: Caller;
  spaceId?: string;
  personal: boolean;
  ownerId?: string;
  /** Sources whose connections are left out. */
  hiddenSources: readonly string[];
  filter?: Expression<SqlBool>;
  /** What the filter demands of names. */
  bound?: NameBound;
}

/** True for a selection that may look through many connections before it has a page, or all of them. */
export const isSearch = ({ filter, ownerId }: Selection): boolean =>
  filter !== undefined || ownerId !== undefined;

/** The scope of a selection that has only one. */
export function singleScope({ caller, spaceId, personal }: Selection): string | undefined {
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
export function inScopes(selection: Selection, table: string): RawBuilder<SqlBool>[] {
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
  ...besidesScopes(selection),
];

/** The conditions that remain for connections of scopes that the caller sees. */
export const besidesScopes = (selection: Selection): RawBuilder<SqlBool>[] => [
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
