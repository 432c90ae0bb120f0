import type { SpaceRole } from '@mooring/contract/routes/spaces';
import type { Caller } from '../../http/handler.js';
import type { Queryable, Store, Tx } from '../../store/store.js';
import type { AssignmentTable, SpaceTable } from '../../store/tables.js';

/** Spaces the caller has a standing in; all of the tenant for administrators. */
export async function visibleSpaces(
  db: Queryable,
  caller: Caller,
  ofEveryone: boolean,
  where: {
    id?: string;
    namePart?: string;
    types?: readonly string[];
    ownerId?: string;
    afterId?: string;
    limit?: number;
  },
): Promise<SpaceTable[]> {
  let statement = db.selectFrom('space').selectAll('space').where('space.tenant_id', '=', caller.tenantId);
  if (!ofEveryone) {
    statement = statement.where((eb) =>
      eb.or([
        eb('space.owner_id', '=', caller.userId),
        eb.exists(
          eb
            .selectFrom('assignment')
            .select('assignment.id')
            .whereRef('assignment.space_id', '=', 'space.id')
            .where('assignment.user_id', '=', caller.userId),
        ),
      ]),
    );
  }
  if (where.id !== undefined) statement = statement.where('space.id', '=', where.id);
  if (where.namePart !== undefined) {
    const pattern = `%${where.namePart.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
    statement = statement.where((eb) => eb(eb.fn<string>('lower', ['space.name']), 'like', pattern));
  }
  if (where.types) statement = statement.where('space.type', 'in', where.types as SpaceTable['type'][]);
  if (where.ownerId !== undefined) statement = statement.where('space.owner_id', '=', where.ownerId);
  if (where.afterId !== undefined) statement = statement.where('space.id', '>', where.afterId);
  statement = statement.orderBy('space.id');
  return (where.limit === undefined ? statement : statement.limit(where.limit)).execute();
}

export async function rolesIn(db: Queryable, spaceId: string, userId: string): Promise<SpaceRole[]> {
  const rows = await db
    .selectFrom('assignment_role')
    .select('role')
    .where('space_id', '=', spaceId)
    .where('user_id', '=', userId)
    .orderBy('role')
    .execute();
  return rows.map((row) => row.role as SpaceRole);
}

export interface AssignmentWithRoles extends AssignmentTable {
  roles: SpaceRole[];
}

export async function assignmentsOf(
  db: Queryable,
  spaceId: string,
  where: { id?: string; assigneeId?: string; afterId?: string; limit?: number } = {},
): Promise<AssignmentWithRoles[]> {
  let statement = db.selectFrom('assignment').selectAll().where('space_id', '=', spaceId);
  if (where.id !== undefined) statement = statement.where('id', '=', where.id);
  if (where.assigneeId !== undefined) statement = statement.where('user_id', '=', where.assigneeId);
  if (where.afterId !== undefined) statement = statement.where('id', '>', where.afterId);
  if (where.limit !== undefined) statement = statement.limit(where.limit);
  const rows = await statement.orderBy('id').execute();
  const roles = await db
    .selectFrom('assignment_role')
    .select(['assignment_id', 'role'])
    .where('space_id', '=', spaceId)
    .orderBy('role')
    .execute();
  return rows.map((row) => ({
    ...row,
    roles: roles.filter((role) => role.assignment_id === row.id).map((role) => role.role as SpaceRole),
  }));
}

export async function writeRoles(
  tx: Tx,
  assignment: AssignmentTable,
  roles: readonly SpaceRole[],
): Promise<void> {
  await tx.deleteFrom('assignment_role').where('assignment_id', '=', assignment.id).execute();
  for (const role of new Set(roles)) {
    await tx
      .insertInto('assignment_role')
      .values({
        tenant_id: assignment.tenant_id,
        assignment_id: assignment.id,
        space_id: assignment.space_id,
        user_id: assignment.user_id,
        role,
      })
      .execute();
  }
}

/** Deletes the space when it holds no connection; false when it does. */
export async function deleteEmptySpace(store: Store, space: SpaceTable): Promise<boolean> {
  return store.transaction(async (tx) => {
    const used = await tx
      .selectFrom('connection')
      .select('id')
      .where('space_id', '=', space.id)
      .limit(1)
      .executeTakeFirst();
    if (used) return false;
    await tx
      .deleteFrom('space')
      .where('id', '=', space.id)
      .where('tenant_id', '=', space.tenant_id)
      .execute();
    return true;
  });
}
