import type { SpaceReply, SpaceRole } from '@mooring/contract/routes/spaces';
import type { Caller } from '../../../core/access/caller.js';
import { assignableRoles, isAdministratorOf } from '../../../core/access/matrix.js';
import { isTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Quotas } from '../../../core/rates/quotas.js';
import type { Store } from '../../../core/store/store.js';
import type { SpaceTable } from '../../../core/store/tables.js';
import type { Revision } from '../../http/revision.js';
import { rolesIn, spacesVisibleTo } from './space-store.js';

/** Owners and administrators may transfer a space. */
export const mayTransfer = (caller: Caller, space: SpaceTable): boolean =>
  space.owner_id === caller.userId || isAdministratorOf(caller, space.type);

const mayManage = (caller: Caller, space: SpaceTable, roles: readonly SpaceRole[]): boolean =>
  mayTransfer(caller, space) || roles.includes('facilitator');

/** Who may see and manage a space, and how it is shown. */
export function createSpaceAccess({ db }: Pick<Store, 'db'>, publicUrl: () => string) {
  const spaceUrl = (id: string) => `${publicUrl()}/api/v1/spaces/${id}`;

  /** @throws AppError NOT-FOUND, PRECONDITION-FAILED */
  const find = async (caller: Caller, id: string, revision: Revision<'space'>): Promise<SpaceTable> => {
    const space = await spacesVisibleTo(db, caller, isTenantAdministrator(caller))
      .selectAll('space')
      .where('space.id', '=', id.toLowerCase())
      .executeTakeFirst();
    if (!space) throw new AppError('NOT-FOUND', 'There is no such space, or you are not a member of it.');
    revision.note(space);
    return space;
  };

  return {
    find,
    spaceUrl,

    /** The space, if the caller may change it. @throws AppError as {@link find}, ACCESS-DENIED */
    async managed(caller: Caller, id: string, revision: Revision<'space'>): Promise<SpaceTable> {
      const space = await find(caller, id, revision);
      if (mayManage(caller, space, await rolesIn(db, space.id, caller.userId))) return space;
      throw new AppError(
        'ACCESS-DENIED',
        'Only the owner, a facilitator or a tenant administrator may do this.',
      );
    },

    async present(caller: Caller, row: SpaceTable): Promise<SpaceReply> {
      const roles = await rolesIn(db, row.id, caller.userId);
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
          actions: mayTransfer(caller, row) ? ['change_owner', ...actions] : actions,
          assignableRoles: [...assignableRoles[row.type]],
          roles: row.owner_id === caller.userId ? [...assignableRoles[row.type]] : roles,
        },
      };
    },
  };
}

export interface SpacesDependencies {
  store: Store;
  quotas: Pick<Quotas, 'assertSpace'>;
  publicUrl: () => string;
}

export interface SpaceDependencies extends SpacesDependencies {
  access: ReturnType<typeof createSpaceAccess>;
}
