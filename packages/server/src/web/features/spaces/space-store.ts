import type { SpaceRole, SpaceType } from '@mooring/contract/routes/spaces';
import { type SqlBool, sql } from 'kysely';
import type { Caller } from '../../../core/access/caller.js';
import type { Queryable, Tx } from '../../../core/store/queryable.js';
import type { AssignmentTable, SpaceTable } from '../../../core/store/tables.js';
import type { ListOrder } from '../../http/keyset.js';

export const spaceOrder: ListOrder = {
  sorts: { name: 'space.name_key', type: 'space.type', createdAt: 'space.created_at' },
  idColumn: 'space.id',
};

export const assignmentOrder: ListOrder = {
  sorts: {},
  idColumn: 'assignment.id',
};

export interface SpaceFilter {
  namePart?: string | undefined;
  types?: readonly SpaceType[] | undefined;
  ownerId?: string | undefined;
  /** The caller must have one of these roles. */
  roles?: readonly SpaceRole[] | undefined;
}

/** Spaces that the caller owns or is a member of; all of the tenant for administrators. */
export function spacesVisibleTo(
  db: Queryable,
  caller: Caller,
  ofEveryone: boolean,
  filter: SpaceFilter = {},
) {
  let statement = db.selectFrom('space').where('space.tenant_id', '=', caller.tenantId);
  if (!ofEveryone) {
    // A list of the caller's spaces: a condition on each space would read all spaces.
    statement = statement.where('space.id', 'in', (eb) =>
      eb
        .selectFrom('space as owned')
        .select('owned.id')
        .where('owned.tenant_id', '=', caller.tenantId)
        .where('owned.owner_id', '=', caller.userId)
        .union(
          eb
            .selectFrom('assignment')
            .select('assignment.space_id as id')
            .where('user_id', '=', caller.userId),
        ),
    );
  }
  const { namePart, types, ownerId, roles } = filter;
  if (namePart !== undefined) {
    const pattern = `%${namePart.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
    statement = statement.where(sql<SqlBool>`space.name_key like ${pattern} escape '\\'`);
  }
  if (types) statement = statement.where('space.type', 'in', types);
  if (ownerId !== undefined) statement = statement.where('space.owner_id', '=', ownerId);
  if (roles) {
    statement = statement.where((eb) =>
      eb.exists(
        eb
          .selectFrom('assignment_role')
          .select('assignment_role.role')
          .whereRef('assignment_role.space_id', '=', 'space.id')
          .where('assignment_role.user_id', '=', caller.userId)
          .where('assignment_role.role', 'in', roles),
      ),
    );
  }
  return statement;
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
  isMachine: boolean;
}

/** Adds to each assignment what its reply needs. */
export async function withRoles(
  db: Queryable,
  spaceId: string,
  rows: readonly AssignmentTable[],
): Promise<AssignmentWithRoles[]> {
  if (rows.length === 0) return [];
  const members = rows.map((row) => row.user_id);
  const roles = await db
    .selectFrom('assignment_role')
    .select(['assignment_id', 'role'])
    .where('space_id', '=', spaceId)
    .where('user_id', 'in', members)
    .orderBy('role')
    .execute();
  const machines = await db
    .selectFrom('user')
    .select('id')
    .where('id', 'in', members)
    .where('client_id', 'is not', null)
    .execute();
  return rows.map((row) => ({
    ...row,
    roles: roles.filter((role) => role.assignment_id === row.id).map((role) => role.role as SpaceRole),
    isMachine: machines.some((machine) => machine.id === row.user_id),
  }));
}

export async function assignmentOf(
  db: Queryable,
  spaceId: string,
  id: string,
): Promise<AssignmentWithRoles | undefined> {
  const row = await db
    .selectFrom('assignment')
    .selectAll()
    .where('id', '=', id)
    .where('space_id', '=', spaceId)
    .executeTakeFirst();
  return row && (await withRoles(db, spaceId, [row]))[0];
}

export async function writeRoles(
  tx: Tx,
  assignment: AssignmentTable,
  roles: readonly SpaceRole[],
): Promise<void> {
  await tx
    .deleteFrom('assignment_role')
    .where('assignment_id', '=', assignment.id)
    .where('tenant_id', '=', assignment.tenant_id)
    .execute();
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

/** Deletes the space. @returns false, and does nothing, when it contains a connection */
export async function deleteEmptySpace(tx: Tx, space: SpaceTable): Promise<boolean> {
  const used = await tx
    .selectFrom('connection')
    .select('id')
    .where('space_id', '=', space.id)
    .where('tenant_id', '=', space.tenant_id)
    .limit(1)
    .executeTakeFirst();
  if (used) return false;
  await tx.deleteFrom('space').where('id', '=', space.id).where('tenant_id', '=', space.tenant_id).execute();
  return true;
}
