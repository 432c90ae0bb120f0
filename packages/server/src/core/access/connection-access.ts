import type { SpaceRole, SpaceType } from '@mooring/contract/routes/spaces';
import { type SqlBool, sql } from 'kysely';
import { type Argument, compileOnce } from '../store/compile-once.js';
import type { Queryable } from '../store/queryable.js';
import type { ConnectionTable } from '../store/tables.js';
import type { Caller } from './caller.js';
import { type ConnectionFacts, type Decision, decide, isAdministratorOf, seeingRoles } from './matrix.js';

const spaceTypes: readonly SpaceType[] = ['shared', 'managed', 'data'];
const idsAtOnce = 400;

type Space = NonNullable<ConnectionFacts['space']>;

/** The space of the rows: one row per role of the user in it, or one without a role. */
function spaceOf(
  rows: readonly { spaceType: SpaceType | null; spaceOwnerId: string | null; role: string | null }[],
): Space | undefined {
  const [first] = rows;
  if (!first || first.spaceType === null || first.spaceOwnerId === null) return undefined;
  return {
    type: first.spaceType,
    ownerId: first.spaceOwnerId,
    rolesOfCaller: rows.flatMap(({ role }) => (role === null ? [] : [role as SpaceRole])),
  };
}

/** The spaces as the decision sees them, by id, with the caller's roles in them. */
async function spacesWith(
  db: Queryable,
  { userId, tenantId }: Pick<Caller, 'userId' | 'tenantId'>,
  spaceIds: readonly string[],
): Promise<Map<string, Space>> {
  const spaces = new Map<string, Space>();
  for (let start = 0; start < spaceIds.length; start += idsAtOnce) {
    const found = await db
      .selectFrom('space')
      .leftJoin('assignment_role', (join) =>
        join.onRef('assignment_role.space_id', '=', 'space.id').on('assignment_role.user_id', '=', userId),
      )
      .select(['space.id', 'space.type', 'space.owner_id', 'assignment_role.role'])
      .where('space.id', 'in', spaceIds.slice(start, start + idsAtOnce))
      .where('space.tenant_id', '=', tenantId)
      .execute();
    for (const { id, type, owner_id, role } of found) {
      const roles = [...(spaces.get(id)?.rolesOfCaller ?? []), ...(role === null ? [] : [role as SpaceRole])];
      spaces.set(id, { type, ownerId: owner_id, rolesOfCaller: roles });
    }
  }
  return spaces;
}

/** The space of a connection as the decision sees it, with the caller's roles in it. */
export async function spaceFacts(
  db: Queryable,
  caller: Pick<Caller, 'userId' | 'tenantId'>,
  spaceId: string,
): Promise<Space | undefined> {
  return (await spacesWith(db, caller, [spaceId])).get(spaceId);
}

export interface AccessibleConnection extends Decision {
  row: ConnectionTable;
}

/** Whose access is decided. */
export type User = Pick<Caller, 'userId' | 'tenantId' | 'roles'>;

/** The numbers are 1 for the types of spaces that the user administers. */
type Standing = Record<'userId' | 'tenantId', string> & Record<SpaceType | 'personal', number>;

export function standingOf(user: User): Standing {
  const administers = (type: SpaceType | 'personal') => Number(isAdministratorOf(user, type));
  return {
    ...{ userId: user.userId, tenantId: user.tenantId, personal: administers('personal') },
    ...{ shared: administers('shared'), managed: administers('managed'), data: administers('data') },
  };
}

/**
 * Connections of the tenant with their space: one row per role of the user in it, or one without a role. A connection
 * that the user has no access to yields no row, so that it takes as long as an unknown id, whatever its size.
 */
const withStanding = (db: Queryable, argument: Argument<Standing>) =>
  db
    .selectFrom('connection')
    .leftJoin('space', (join) =>
      join
        .onRef('space.id', '=', 'connection.space_id')
        .onRef('space.tenant_id', '=', 'connection.tenant_id'),
    )
    .leftJoin('assignment_role', (join) =>
      join
        .onRef('assignment_role.space_id', '=', 'space.id')
        .on('assignment_role.user_id', '=', argument('userId')),
    )
    .selectAll('connection')
    .select(['space.type as spaceType', 'space.owner_id as spaceOwnerId', 'assignment_role.role'])
    .where('connection.tenant_id', '=', argument('tenantId'))
    .where(sql<SqlBool>`(
      assignment_role.role is not null
      or space.owner_id = ${argument('userId')}
      or connection.space_id is null and (connection.owner_id = ${argument('userId')} or ${argument('personal')} = 1)
      or space.type = 'shared' and ${argument('shared')} = 1
      or space.type = 'managed' and ${argument('managed')} = 1
      or space.type = 'data' and ${argument('data')} = 1)`);

type StandingOn<Name extends string> = Standing & Record<Name, string>;

const byId = compileOnce((db, argument: Argument<StandingOn<'id'>>) =>
  withStanding(db, argument).where('connection.id', '=', argument('id')),
);

const byName = compileOnce((db, argument: Argument<StandingOn<'scope' | 'nameKey'>>) =>
  withStanding(db, argument)
    .where('connection.scope', '=', argument('scope'))
    .where('connection.name_key', '=', argument('nameKey')),
);

/**
 * A connection of the caller's tenant together with what the caller may do to it, loaded by one statement. Undefined
 * for an unknown id, and for a connection that the caller may neither see nor use: callers must not be able to tell
 * the two apart.
 */
export async function loadConnection(
  db: Queryable,
  caller: Caller,
  where: { id: string } | { scope: string; nameKey: string },
): Promise<AccessibleConnection | undefined> {
  const standing = standingOf(caller);
  const rows =
    'id' in where ? await byId(db, { ...standing, ...where }) : await byName(db, { ...standing, ...where });
  const found = folded(caller, rows);
  return found && isAccessible(found) ? found : undefined;
}

/** The rows of one connection with its standing, as one. */
export function folded<Row extends Awaited<ReturnType<typeof byId>>[number]>(
  user: User,
  rows: readonly Row[],
) {
  const [first] = rows;
  if (!first) return undefined;
  const { spaceType, spaceOwnerId, role, ...row } = first;
  return { row, ...decideIn(user, row, spaceOf(rows)) };
}

export const isAccessible = ({ mayUse, privileges }: Decision): boolean => mayUse || privileges.length > 0;

/** One connection with its standing, and whether an administrator has switched its data source off. */
export const withSource = (db: Queryable, argument: Argument<StandingOn<'id'>>) =>
  withStanding(db, argument)
    .leftJoin('source_setting', (join) =>
      join
        .onRef('source_setting.tenant_id', '=', 'connection.tenant_id')
        .onRef('source_setting.source_id', '=', 'connection.source_id'),
    )
    .select('source_setting.disabled as sourceDisabled')
    .where('connection.id', '=', argument('id'));

/** What a user may do to a connection that is already loaded. */
export async function decideFor(
  db: Queryable,
  subject: User,
  row: Pick<ConnectionTable, 'owner_id' | 'space_id'>,
): Promise<Decision> {
  const space = row.space_id === null ? undefined : await spaceFacts(db, subject, row.space_id);
  return decideIn(subject, row, space);
}

/** A connection whose space is missing, or in another tenant, is inaccessible. */
function decideIn(
  subject: Pick<Caller, 'userId' | 'roles'>,
  row: Pick<ConnectionTable, 'owner_id' | 'space_id'>,
  space: Space | undefined,
): Decision {
  if (row.space_id === null) return decide(subject, { ownerId: row.owner_id });
  return space ? decide(subject, { ownerId: row.owner_id, space }) : { privileges: [], mayUse: false };
}

/** {@link decideFor} for many connections, with two statements however many there are. */
export async function decideForAll<Row extends Pick<ConnectionTable, 'owner_id' | 'space_id'>>(
  db: Queryable,
  subject: User,
  rows: readonly Row[],
): Promise<Map<Row, Decision>> {
  const spaceIds = [...new Set(rows.flatMap((row) => (row.space_id === null ? [] : [row.space_id])))];
  const spaces = await spacesWith(db, subject, spaceIds);
  return new Map(rows.map((row) => [row, decideIn(subject, row, spaces.get(row.space_id ?? ''))]));
}

/**
 * Connections with this name in all scopes that the caller may list, in one statement.
 * @returns at most two: the caller needs to know whether there is exactly one
 */
export async function connectionsNamed(
  db: Queryable,
  caller: Caller,
  nameKey: string,
): Promise<AccessibleConnection[]> {
  const { rows } = await sql<{ id: string }>`select connection.id
    from (${visibleScopes(caller)}) as visible cross join connection
    where connection.tenant_id = ${caller.tenantId} and connection.scope = visible.scope
      and connection.name_key = ${nameKey}
    limit 2`.execute(db);
  const found: AccessibleConnection[] = [];
  for (const { id } of rows) {
    const one = await loadConnection(db, caller, { id });
    if (one) found.push(one);
  }
  return found;
}

/** True for a user who may list every connection of the tenant. */
export const seesEverything = (caller: Caller): boolean =>
  isAdministratorOf(caller, 'personal') && spaceTypes.every((type) => isAdministratorOf(caller, type));

/**
 * The scopes (`user:…`, `space:…`) whose connections the caller may list: the same rule as {@link decide}, as a
 * subquery with one column, `scope`, without duplicates, so that lists are filtered before they are paged. For a
 * member it reads only their own spaces, however many the tenant has.
 */
export function visibleScopes(caller: Caller) {
  const spacesOf = (type: SpaceType) => {
    const ofType = sql`select 'space:' || space.id as scope from space
      where space.tenant_id = ${caller.tenantId} and space.type = ${type}`;
    if (isAdministratorOf(caller, type)) return ofType;
    return sql`${ofType} and space.owner_id = ${caller.userId} union
      select 'space:' || space.id as scope from assignment_role join space on space.id = assignment_role.space_id
        where assignment_role.user_id = ${caller.userId}
          and assignment_role.role in (${sql.join(seeingRoles(type))})
          and space.tenant_id = ${caller.tenantId} and space.type = ${type}`;
  };
  const personal = isAdministratorOf(caller, 'personal')
    ? sql`select 'user:' || ${sql.ref('user.id')} as scope from ${sql.table('user')}
        where ${sql.ref('user.tenant_id')} = ${caller.tenantId}`
    : sql`select ${`user:${caller.userId}`} as scope`;
  return sql<{ scope: string }>`${sql.join([personal, ...spaceTypes.map(spacesOf)], sql` union `)}`;
}
