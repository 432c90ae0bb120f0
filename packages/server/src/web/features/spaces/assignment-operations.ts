import {
  type AssignmentReply,
  createAssignment,
  deleteAssignment,
  getAssignment,
  listAssignments,
  putAssignment,
} from '@mooring/contract/routes/assignments';
import type { SpaceRole } from '@mooring/contract/routes/spaces';
import type { Caller } from '../../../core/access/caller.js';
import { assignableRoles } from '../../../core/access/matrix.js';
import { record } from '../../../core/audit/record.js';
import { newObjectId } from '../../../core/crypto/random.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import { countRows } from '../../../core/store/count-rows.js';
import type { Queryable } from '../../../core/store/queryable.js';
import type { Store } from '../../../core/store/store.js';
import { ifTaken } from '../../../core/store/store-error.js';
import type { SpaceTable } from '../../../core/store/tables.js';
import { bind } from '../../http/handler.js';
import { fetchPage } from '../../http/keyset.js';
import { unconditional } from '../../http/revision.js';
import type { SpaceDependencies } from './space-access.js';
import {
  type AssignmentWithRoles,
  assignmentOf,
  assignmentOrder,
  withRoles,
  writeRoles,
} from './space-store.js';

const alreadyMember = () =>
  new AppError('CONFLICT', 'assigneeId: this user is already a member. Change their assignment instead.');

function presentAssignment(row: AssignmentWithRoles, spaceUrl: string): AssignmentReply {
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
  throw invalidField('roles', `${wrong} cannot be assigned in a ${space.type} space; it has ${assignable}`);
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

/** @throws AppError NOT-FOUND */
async function findAssignment(db: Queryable, space: SpaceTable, id: string): Promise<AssignmentWithRoles> {
  const found = await assignmentOf(db, space.id, id.toLowerCase());
  if (!found) throw new AppError('NOT-FOUND', 'There is no such assignment.');
  return found;
}

export const listAssigned = ({ store, access, publicUrl }: SpaceDependencies) =>
  bind(listAssignments, async ({ params, query }, { caller, request }) => {
    const space = await access.find(caller, params.spaceId, unconditional);
    let matching = store.db.selectFrom('assignment').where('space_id', '=', space.id);
    if (query.assigneeId !== undefined) matching = matching.where('user_id', '=', query.assigneeId);
    const self = publicUrl() + request.url;
    const { shown, links } = await fetchPage(matching.selectAll(), query, assignmentOrder, self);
    const assigned = await withRoles(store.db, space.id, shown);
    const data = assigned.map((row) => presentAssignment(row, access.spaceUrl(row.space_id)));
    return { status: 200, body: { data, links, meta: { count: await countRows(matching) } } };
  });

export const showAssignment = ({ store, access }: SpaceDependencies) =>
  bind(getAssignment, async ({ params }, { caller }) => {
    const space = await access.find(caller, params.spaceId, unconditional);
    const row = await findAssignment(store.db, space, params.assignmentId);
    return { status: 200, body: presentAssignment(row, access.spaceUrl(row.space_id)) };
  });

export const assign = ({ store, access }: SpaceDependencies) =>
  bind(createAssignment, async ({ params, body }, { caller }) => {
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
    await store
      .transaction(async (tx) => {
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
      })
      .catch(ifTaken(alreadyMember));
    const assigned = { ...row, roles, isMachine: user.client_id !== null };
    return { status: 201, body: presentAssignment(assigned, access.spaceUrl(space.id)) };
  });

export const reassign = ({ store, access }: SpaceDependencies) =>
  bind(putAssignment, async ({ params, body }, { caller }) => {
    const space = await access.managed(caller, params.spaceId, unconditional);
    assertAssignable(space, body.roles);
    const roles = [...new Set(body.roles)].toSorted();
    const changed = { updated_at: store.clock.iso(), updated_by: caller.userId };
    const row = await store.transaction(async (tx) => {
      const found = await findAssignment(tx, space, params.assignmentId);
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
  });

export const unassign = ({ store, access }: SpaceDependencies) =>
  bind(deleteAssignment, async ({ params }, { caller }) => {
    const space = await access.managed(caller, params.spaceId, unconditional);
    await store.transaction(async (tx) => {
      const found = await findAssignment(tx, space, params.assignmentId);
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
  });
