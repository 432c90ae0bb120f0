import type { SpaceRole, SpaceType } from '@mooring/contract/routes/spaces';
import { sql } from 'kysely';
import type { Caller } from '../http/handler.js';
import type { Queryable } from '../store/store.js';
import type { ConnectionTable } from '../store/tables.js';
import { type ConnectionFacts, type Decision, decide, isAdministratorOf, seeingRoles } from './matrix.js';

const spaceTypes: readonly SpaceType[] = ['shared', 'managed', 'data'];
const idsAtOnce = 400;

/** The space of a connection as the decision sees it, with the caller's roles in it. */
export async function spaceFacts(
  db: Queryable,
  caller: Pick<Caller, 'userId' | 'tenantId'>,
  spaceId: string,
): Promise<ConnectionFacts['space'] | undefined> {
  const rows = await db
    .selectFrom('space')
    .leftJoin('assignment_role', (join) =>
      join
        .onRef('assignment_role.space_id', '=', 'space.id')
        .on('assignment_role.user_id', '=', caller.userId),
    )
    .select(['space.type', 'space.owner_id', 'assignment_role.role'])
    .where('space.id', '=', spaceId)
    .where('space.tenant_id', '=', caller.tenantId)
    .execute();
  const [first] = rows;
  if (!first) return undefined;
  return {
    type: first.type,
    ownerId: first.owner_id,
    rolesOfCaller: rows.flatMap((row) => (row.role === null ? [] : [row.role as SpaceRole])),
  };
}

export interface AccessibleConnection extends Decision {
  row: ConnectionTable;
}

/**
 * A connection of the caller's tenant together with what the caller may do to it. Undefined when there is none,
 * and when the caller may neither see nor use it: the two must not be told apart.
 */
export async function loadConnection(
  db: Queryable,
  caller: Caller,
  where: { id: string } | { scope: string; nameKey: string },
): Promise<AccessibleConnection | undefined> {
  let query = db.selectFrom('connection').selectAll().where('tenant_id', '=', caller.tenantId);
  query =
    'id' in where
      ? query.where('id', '=', where.id)
      : query.where('scope', '=', where.scope).where('name_key', '=', where.nameKey);
  const row = await query.executeTakeFirst();
  if (!row) return undefined;
  const decision = await decideFor(db, caller, row);
  return decision.privileges.length > 0 || decision.mayUse ? { row, ...decision } : undefined;
}

/** What a person may do to a connection that is already loaded. */
export async function decideFor(
  db: Queryable,
  person: Pick<Caller, 'userId' | 'tenantId' | 'roles'>,
  row: Pick<ConnectionTable, 'owner_id' | 'space_id'>,
): Promise<Decision> {
  if (row.space_id === null) return decide(person, { ownerId: row.owner_id });
  const space = await spaceFacts(db, person, row.space_id);
  return space ? decide(person, { ownerId: row.owner_id, space }) : { privileges: [], mayUse: false };
}

/** {@link decideFor} for many connections, with two statements however many there are. */
export async function decideForAll<Row extends Pick<ConnectionTable, 'owner_id' | 'space_id'>>(
  db: Queryable,
  person: Pick<Caller, 'userId' | 'tenantId' | 'roles'>,
  rows: readonly Row[],
): Promise<Map<Row, Decision>> {
  const spaceIds = [...new Set(rows.flatMap((row) => (row.space_id === null ? [] : [row.space_id])))];
  const spaces = new Map<string, NonNullable<ConnectionFacts['space']>>();
  for (let start = 0; start < spaceIds.length; start += idsAtOnce) {
    const found = await db
      .selectFrom('space')
      .leftJoin('assignment_role', (join) =>
        join
          .onRef('assignment_role.space_id', '=', 'space.id')
          .on('assignment_role.user_id', '=', person.userId),
      )
      .select(['space.id', 'space.type', 'space.owner_id', 'assignment_role.role'])
      .where('space.id', 'in', spaceIds.slice(start, start + idsAtOnce))
      .where('space.tenant_id', '=', person.tenantId)
      .execute();
    for (const { id, type, owner_id, role } of found) {
      const roles = [...(spaces.get(id)?.rolesOfCaller ?? []), ...(role === null ? [] : [role as SpaceRole])];
      spaces.set(id, { type, ownerId: owner_id, rolesOfCaller: roles });
    }
  }
  return new Map(
    rows.map((row) => {
      if (row.space_id === null) return [row, decide(person, { ownerId: row.owner_id })];
      const space = spaces.get(row.space_id);
      return [
        row,
        space ? decide(person, { ownerId: row.owner_id, space }) : { privileges: [], mayUse: false },
      ];
    }),
  );
}

/** True for a person who may list every connection of the tenant. */
export const seesEverything = (caller: Caller): boolean =>
  isAdministratorOf(caller, 'personal') && spaceTypes.every((type) => isAdministratorOf(caller, type));

/**
 * The scopes (`user:…`, `space:…`) whose connections the caller may list: the same rule as {@link decide}, as a
 * subquery with the one column `scope`, so that lists are filtered before they are paged.
 */
export function visibleScopes(caller: Caller) {
  const spacesOf = (type: SpaceType) => {
    const ofType = sql`select 'space:' || space.id as scope from space
      where space.tenant_id = ${caller.tenantId} and space.type = ${type}`;
    if (isAdministratorOf(caller, type)) return ofType;
    return sql`${ofType} and (space.owner_id = ${caller.userId} or exists (
      select 1 from assignment_role where assignment_role.space_id = space.id
        and assignment_role.user_id = ${caller.userId}
        and assignment_role.role in (${sql.join(seeingRoles(type))})))`;
  };
  const personal = isAdministratorOf(caller, 'personal')
    ? sql`select 'user:' || ${sql.ref('user.id')} as scope from ${sql.table('user')}
        where ${sql.ref('user.tenant_id')} = ${caller.tenantId}`
    : sql`select ${`user:${caller.userId}`} as scope`;
  return sql<{ scope: string }>`${sql.join([personal, ...spaceTypes.map(spacesOf)], sql` union all `)}`;
}
