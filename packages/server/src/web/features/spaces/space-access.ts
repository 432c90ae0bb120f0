import type { AssignmentReply, SpaceReply, SpaceRole } from '@mooring/contract/routes/spaces';
import type { Caller } from '../../../core/access/caller.js';
import { assignableRoles, isAdministratorOf } from '../../../core/access/matrix.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { observeRow } from '../../../core/store/row-versions.js';
import type { Store } from '../../../core/store/store.js';
import type { SpaceTable } from '../../../core/store/tables.js';
import { type AssignmentWithRoles, rolesIn, spacesVisibleTo } from './space-store.js';

/** Who may see and manage a space, and how it and its assignments are shown. */
export function createSpaceAccess(store: Store, publicUrl: () => string) {
  const spaceUrl = (id: string) => `${publicUrl()}/api/v1/spaces/${id}`;
  const seesAll = (caller: Caller) => isAdministratorOf(caller, 'personal');

  const find = async (caller: Caller, id: string): Promise<SpaceTable> => {
    const space = await spacesVisibleTo(store.db, caller, seesAll(caller))
      .selectAll('space')
      .where('space.id', '=', id.toLowerCase())
      .executeTakeFirst();
    if (!space) throw new AppError('NOT-FOUND', 'There is no such space, or you are not in it.');
    observeRow(caller, 'space', space);
    return space;
  };

  const mayGiveAway = (caller: Caller, space: SpaceTable): boolean =>
    space.owner_id === caller.userId || isAdministratorOf(caller, space.type);

  const mayManage = (caller: Caller, space: SpaceTable, roles: readonly SpaceRole[]): boolean =>
    mayGiveAway(caller, space) || roles.includes('facilitator');

  return {
    seesAll,
    find,
    mayGiveAway,

    /** The space, for somebody who may change it. */
    async managed(caller: Caller, id: string): Promise<SpaceTable> {
      const space = await find(caller, id);
      if (mayManage(caller, space, await rolesIn(store.db, space.id, caller.userId))) return space;
      throw new AppError(
        'ACCESS-DENIED',
        'Only the owner, a facilitator or a tenant administrator may do this.',
      );
    },

    async present(caller: Caller, row: SpaceTable): Promise<SpaceReply> {
      const roles = await rolesIn(store.db, row.id, caller.userId);
      const actions = mayManage(caller, row, roles) ? ['create', 'delete', 'read', 'update'] : ['read'];
      return {
        id: row.id,
        name: row.name,
        description: row.description,
        type: row.type,
        ownerId: row.owner_id,
        tenantId: row.tenant_id,
        createdAt: row.created_at,
        createdBy: row.created_by,
        updatedAt: row.updated_at,
        links: { self: { href: spaceUrl(row.id) }, assignments: { href: `${spaceUrl(row.id)}/assignments` } },
        meta: {
          actions: mayGiveAway(caller, row) ? ['change_owner', ...actions] : actions,
          assignableRoles: [...assignableRoles[row.type]],
          roles: row.owner_id === caller.userId ? [...assignableRoles[row.type]] : roles,
        },
      };
    },

    presentAssignment: (row: AssignmentWithRoles): AssignmentReply => ({
      id: row.id,
      type: row.isMachine ? 'bot' : 'user',
      assigneeId: row.user_id,
      roles: row.roles,
      spaceId: row.space_id,
      tenantId: row.tenant_id,
      createdAt: row.created_at,
      createdBy: row.created_by,
      updatedAt: row.updated_at,
      updatedBy: row.updated_by,
      links: {
        self: { href: `${spaceUrl(row.space_id)}/assignments/${row.id}` },
        space: { href: spaceUrl(row.space_id) },
      },
    }),

    assertAssignable(space: SpaceTable, roles: readonly SpaceRole[]): void {
      const wrong = roles.find((role) => !assignableRoles[space.type].includes(role));
      if (wrong) {
        throw new InvalidRequest([
          {
            field: 'roles',
            message: `${wrong} cannot be assigned in a ${space.type} space; it has ${assignableRoles[space.type].join(', ')}`,
          },
        ]);
      }
    },
  };
}

export type SpaceAccess = ReturnType<typeof createSpaceAccess>;
