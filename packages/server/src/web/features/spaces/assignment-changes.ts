import type {
  AssignmentReply,
  createAssignment,
  deleteAssignment,
  putAssignment,
} from '@mooring/contract/routes/assignments';
import type { SpaceRole } from '@mooring/contract/routes/spaces';
import type { Caller } from '../../../core/access/caller.js';
import { assignableRoles } from '../../../core/access/matrix.js';
import { record } from '../../../core/audit/record.js';
import { newObjectId } from '../../../core/crypto/random.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import { isUniqueViolation } from '../../../core/store/store-error.js';
import type { SpaceTable } from '../../../core/store/tables.js';
import type { Handler } from '../../http/handler.js';
import { unconditional } from '../../http/revision.js';
import type { SpaceDependencies } from './space-access.js';
import { type AssignmentWithRoles, assignmentOf, writeRoles } from './space-store.js';

export const unknownAssignment = () => new AppError('NOT-FOUND', 'There is no such assignment.');

export function presentAssignment(row: AssignmentWithRoles, spaceUrl: string): AssignmentReply {
  return {
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
      self: { href: `${spaceUrl}/assignments/${row.id}` },
      space: { href: spaceUrl },
    },
  };
}

/** @throws InvalidRequest for a role that spaces of this type do not have */
function assertAssignable(space: SpaceTable, roles: readonly SpaceRole[]): void {
  const wrong = roles.find((role) => !assignableRoles[space.type].includes(role));
  if (!wrong) return;
  const assignable = assignableRoles[space.type].join(', ');
  throw new InvalidRequest([
    {
      field: 'roles',
      message: `${wrong} cannot be assigned in a ${space.type} space; it has ${assignable}`,
    },
  ]);
}

async function assigneeOf({ db }: Store, caller: Caller, id: string) {
  const user = await db
    .selectFrom('user')
    .select(['id', 'client_id'])
    .where('id', '=', id)
    .where('tenant_id', '=', caller.tenantId)
    .executeTakeFirst();
  if (!user) throw new AppError('NOT-FOUND', 'assigneeId: there is no such user.');
  return user;
}

export const assign =
  ({ store, access }: SpaceDependencies): Handler<typeof createAssignment> =>
  async ({ params, body }, { caller }) => {
    const space = await access.managed(caller, params.spaceId, unconditional);
    assertAssignable(space, body.roles);
    const user = await assigneeOf(store, caller, body.assigneeId);
    const at = store.clock.iso();
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
    const roles = [...new Set(body.roles)].toSorted();
    try {
      await store.transaction(async (tx) => {
        await tx.insertInto('assignment').values(row).execute();
        await writeRoles(tx, row, roles);
        await record(tx, {
          name: 'space-assignment.created',
          by: caller,
          resourceId: row.id,
          spaceId: space.id,
          parentId: space.id,
          data: { assigneeId: user.id, roles },
        });
      });
    } catch (error) {
      if (isUniqueViolation(error)) {
        throw new AppError(
          'CONFLICT',
          'assigneeId: this user is already a member. Change their assignment instead.',
        );
      }
      throw error;
    }
    const assigned = { ...row, roles, isMachine: user.client_id !== null };
    return { status: 201, body: presentAssignment(assigned, access.spaceUrl(space.id)) };
  };

export const reassign =
  ({ store, access }: SpaceDependencies): Handler<typeof putAssignment> =>
  async ({ params, body }, { caller }) => {
    const space = await access.managed(caller, params.spaceId, unconditional);
    assertAssignable(space, body.roles);
    const roles = [...new Set(body.roles)].toSorted();
    const changed = { updated_at: store.clock.iso(), updated_by: caller.userId };
    const row = await store.transaction(async (tx) => {
      const found = await assignmentOf(tx, space.id, params.assignmentId.toLowerCase());
      if (!found) throw unknownAssignment();
      await tx
        .updateTable('assignment')
        .set(changed)
        .where('id', '=', found.id)
        .where('tenant_id', '=', found.tenant_id)
        .execute();
      await writeRoles(tx, found, roles);
      await record(tx, {
        name: 'space-assignment.updated',
        by: caller,
        resourceId: found.id,
        spaceId: space.id,
        parentId: space.id,
        data: { assigneeId: found.user_id, roles },
      });
      return found;
    });
    const assigned = { ...row, ...changed, roles };
    return { status: 200, body: presentAssignment(assigned, access.spaceUrl(space.id)) };
  };

export const unassign =
  ({ store, access }: SpaceDependencies): Handler<typeof deleteAssignment> =>
  async ({ params }, { caller }) => {
    const space = await access.managed(caller, params.spaceId, unconditional);
    await store.transaction(async (tx) => {
      const found = await assignmentOf(tx, space.id, params.assignmentId.toLowerCase());
      if (!found) throw unknownAssignment();
      await tx
        .deleteFrom('assignment')
        .where('id', '=', found.id)
        .where('tenant_id', '=', found.tenant_id)
        .execute();
      await record(tx, {
        name: 'space-assignment.deleted',
        by: caller,
        resourceId: found.id,
        spaceId: space.id,
        parentId: space.id,
        data: { assigneeId: found.user_id },
      });
    });
    return { status: 204 };
  };
