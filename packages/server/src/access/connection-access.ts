import type { SpaceRole, SpaceType } from '@mooring/contract/routes/spaces';
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import type { Caller } from '../http/handler.js';
import type { Queryable } from '../store/store.js';
import type { ConnectionTable, Tables } from '../store/tables.js';
import { type ConnectionFacts, type Decision, decide, isAdministratorOf, seeingRoles } from './matrix.js';

const spaceTypes: readonly SpaceType[] = ['shared', 'managed', 'data'];

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

/** The same rule as {@link decide} for `list`, as a condition in SQL, so that lists are filtered before they are paged. */
export function visibleTo(caller: Caller) {
  return (eb: ExpressionBuilder<Tables, 'connection'>): Expression<SqlBool> => {
    const conditions: Expression<SqlBool>[] = [
      isAdministratorOf(caller, 'personal')
        ? eb('connection.space_id', 'is', null)
        : eb.and([eb('connection.space_id', 'is', null), eb('connection.owner_id', '=', caller.userId)]),
    ];
    for (const type of spaceTypes) {
      const ofType = eb
        .selectFrom('space')
        .select('space.id')
        .where('space.tenant_id', '=', caller.tenantId)
        .where('space.type', '=', type);
      if (isAdministratorOf(caller, type)) {
        conditions.push(eb('connection.space_id', 'in', ofType));
        continue;
      }
      const seen = ofType.where((inner) =>
        inner.or([
          inner('space.owner_id', '=', caller.userId),
          inner.exists(
            inner
              .selectFrom('assignment_role')
              .select(sql<number>`1`.as('one'))
              .whereRef('assignment_role.space_id', '=', 'space.id')
              .where('assignment_role.user_id', '=', caller.userId)
              .where('assignment_role.role', 'in', seeingRoles(type)),
          ),
        ]),
      );
      conditions.push(eb('connection.space_id', 'in', seen));
    }
    return eb.or(conditions);
  };
}
