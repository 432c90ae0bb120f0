import {
  type AssignmentReply,
  createAssignment,
  createSpace,
  deleteAssignment,
  deleteSpace,
  getSpace,
  listAssignments,
  listSpaces,
  putAssignment,
  type SpaceReply,
  type SpaceRole,
  spaceTypeSchema,
} from '@mooring/contract/routes/spaces';
import { assignableRoles, isAdministratorOf } from '../../access/matrix.js';
import { AppError, InvalidRequest } from '../../http/app-error.js';
import { type BoundRoute, bind, type Caller } from '../../http/handler.js';
import { nextLink, readPage } from '../../http/page.js';
import { isUniqueViolation, type Store } from '../../store/store.js';
import type { SpaceTable } from '../../store/tables.js';
import { newObjectId } from '../../vault/random.js';
import {
  type AssignmentWithRoles,
  assignmentsOf,
  deleteEmptySpace,
  rolesIn,
  visibleSpaces,
  writeRoles,
} from './space-store.js';

export interface SpacesDependencies {
  store: Store;
  publicUrl: () => string;
}

const unknownSpace = () => new AppError('NOT-FOUND', 'There is no such space, or you are not in it.');

/** Spaces and who has which role in them. */
export function createSpacesFeature({ store, publicUrl }: SpacesDependencies): BoundRoute[] {
  const spaceUrl = (id: string) => `${publicUrl()}/api/v1/spaces/${id}`;
  const seesAll = (caller: Caller) => isAdministratorOf(caller, 'personal');

  const find = async (caller: Caller, id: string): Promise<SpaceTable> => {
    const [space] = await visibleSpaces(store.db, caller, seesAll(caller), { id: id.toLowerCase() });
    if (!space) throw unknownSpace();
    return space;
  };

  const mayManage = (caller: Caller, space: SpaceTable, roles: readonly SpaceRole[]): boolean =>
    space.owner_id === caller.userId ||
    roles.includes('facilitator') ||
    isAdministratorOf(caller, space.type);

  const managed = async (caller: Caller, id: string): Promise<SpaceTable> => {
    const space = await find(caller, id);
    if (mayManage(caller, space, await rolesIn(store.db, space.id, caller.userId))) return space;
    throw new AppError(
      'ACCESS-DENIED',
      'Only the owner, a facilitator or a tenant administrator may do this.',
    );
  };

  const present = async (caller: Caller, row: SpaceTable): Promise<SpaceReply> => {
    const roles = await rolesIn(store.db, row.id, caller.userId);
    const isOwner = row.owner_id === caller.userId;
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
        actions: mayManage(caller, row, roles) ? ['create', 'delete', 'read', 'update'] : ['read'],
        assignableRoles: [...assignableRoles[row.type]],
        roles: isOwner ? [...assignableRoles[row.type]] : roles,
      },
    };
  };

  const presentAssignment = (row: AssignmentWithRoles): AssignmentReply => ({
    id: row.id,
    type: 'user',
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
  });

  const assertAssignable = (space: SpaceTable, roles: readonly SpaceRole[]): void => {
    const wrong = roles.find((role) => !assignableRoles[space.type].includes(role));
    if (wrong) {
      throw new InvalidRequest([
        {
          field: 'roles',
          message: `${wrong} cannot be assigned in a ${space.type} space; it has ${assignableRoles[space.type].join(', ')}`,
        },
      ]);
    }
  };

  const spaceRoutes: BoundRoute[] = [
    bind(listSpaces, async ({ query }, { caller, request }) => {
      const page = readPage(query, 100);
      const types = query.type?.split(',').map((type) => type.trim());
      if (types?.some((type) => !spaceTypeSchema.safeParse(type).success)) {
        throw new InvalidRequest([{ field: 'type', message: 'must list only shared, managed and data' }]);
      }
      const where = {
        ...(query.name === undefined ? {} : { namePart: query.name }),
        ...(types === undefined ? {} : { types }),
        ...(query.ownerId === undefined ? {} : { ownerId: query.ownerId }),
      };
      const rows = await visibleSpaces(store.db, caller, seesAll(caller), {
        ...where,
        ...(page.afterId === undefined ? {} : { afterId: page.afterId }),
        limit: page.limit + 1,
      });
      const shown = rows.slice(0, page.limit);
      const count = (await visibleSpaces(store.db, caller, seesAll(caller), where)).length;
      const data = await Promise.all(shown.map((row) => present(caller, row)));
      const links = nextLink(
        publicUrl(),
        request.url,
        rows.length > page.limit ? shown.at(-1)?.id : undefined,
      );
      return { status: 200, body: { data, links, meta: { count } } };
    }),
    bind(createSpace, async ({ body }, { caller }) => {
      const at = new Date().toISOString();
      const row: SpaceTable = {
        id: newObjectId(),
        tenant_id: caller.tenantId,
        name: body.name,
        name_key: body.name.toLowerCase(),
        type: body.type,
        description: body.description ?? '',
        owner_id: caller.userId,
        created_at: at,
        created_by: caller.userId,
        updated_at: at,
      };
      try {
        await store.db.insertInto('space').values(row).execute();
      } catch (error) {
        if (isUniqueViolation(error)) throw new AppError('CONFLICT', 'name: a space of this name exists.');
        throw error;
      }
      return { status: 201, body: await present(caller, row) };
    }),
    bind(getSpace, async ({ params }, { caller }) => ({
      status: 200,
      body: await present(caller, await find(caller, params.spaceId)),
    })),
    bind(deleteSpace, async ({ params }, { caller }) => {
      const space = await managed(caller, params.spaceId);
      if (!(await deleteEmptySpace(store, space))) {
        throw new AppError('CONFLICT', 'The space still holds connections. Delete or move them first.');
      }
      return { status: 204 };
    }),
  ];

  const assignmentRoutes: BoundRoute[] = [
    bind(listAssignments, async ({ params, query }, { caller, request }) => {
      const space = await find(caller, params.spaceId);
      const page = readPage(query, 100);
      const rows = await assignmentsOf(store.db, space.id, {
        ...(query.assigneeId === undefined ? {} : { assigneeId: query.assigneeId }),
        ...(page.afterId === undefined ? {} : { afterId: page.afterId }),
        limit: page.limit + 1,
      });
      const shown = rows.slice(0, page.limit);
      const links = nextLink(
        publicUrl(),
        request.url,
        rows.length > page.limit ? shown.at(-1)?.id : undefined,
      );
      return { status: 200, body: { data: shown.map(presentAssignment), links } };
    }),
    bind(createAssignment, async ({ params, body }, { caller }) => {
      const space = await managed(caller, params.spaceId);
      assertAssignable(space, body.roles);
      const user = await store.db
        .selectFrom('user')
        .select('id')
        .where('id', '=', body.assigneeId)
        .where('tenant_id', '=', caller.tenantId)
        .executeTakeFirst();
      if (!user) throw new AppError('NOT-FOUND', 'assigneeId: there is no such person.');
      const at = new Date().toISOString();
      const row = {
        id: newObjectId(),
        tenant_id: caller.tenantId,
        space_id: space.id,
        user_id: user.id,
        created_at: at,
        created_by: caller.userId,
        updated_at: at,
        updated_by: caller.userId,
      };
      try {
        await store.transaction(async (tx) => {
          await tx.insertInto('assignment').values(row).execute();
          await writeRoles(tx, row, body.roles);
        });
      } catch (error) {
        if (isUniqueViolation(error)) {
          throw new AppError(
            'CONFLICT',
            'assigneeId: this person is a member already. Change their assignment instead.',
          );
        }
        throw error;
      }
      return { status: 201, body: presentAssignment({ ...row, roles: [...new Set(body.roles)].toSorted() }) };
    }),
    bind(putAssignment, async ({ params, body }, { caller }) => {
      const space = await managed(caller, params.spaceId);
      assertAssignable(space, body.roles);
      const [row] = await assignmentsOf(store.db, space.id, { id: params.assignmentId.toLowerCase() });
      if (!row) throw new AppError('NOT-FOUND', 'There is no such assignment.');
      const updated_at = new Date().toISOString();
      const { roles: _former, ...assignment } = row;
      await store.transaction(async (tx) => {
        await tx
          .updateTable('assignment')
          .set({ updated_at, updated_by: caller.userId })
          .where('id', '=', row.id)
          .execute();
        await writeRoles(tx, assignment, body.roles);
      });
      const roles = [...new Set(body.roles)].toSorted();
      return {
        status: 200,
        body: presentAssignment({ ...row, updated_at, updated_by: caller.userId, roles }),
      };
    }),
    bind(deleteAssignment, async ({ params }, { caller }) => {
      const space = await managed(caller, params.spaceId);
      const result = await store.db
        .deleteFrom('assignment')
        .where('id', '=', params.assignmentId.toLowerCase())
        .where('space_id', '=', space.id)
        .where('tenant_id', '=', caller.tenantId)
        .executeTakeFirst();
      if (result.numDeletedRows !== 1n) throw new AppError('NOT-FOUND', 'There is no such assignment.');
      return { status: 204 };
    }),
  ];
  return [...spaceRoutes, ...assignmentRoutes];
}
