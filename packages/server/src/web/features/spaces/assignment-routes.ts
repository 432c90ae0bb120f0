import {
  createAssignment,
  deleteAssignment,
  getAssignment,
  listAssignments,
  putAssignment,
} from '@mooring/contract/routes/spaces';
import { record } from '../../../core/audit/record.js';
import { newObjectId } from '../../../core/crypto/random.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import { isUniqueViolation } from '../../../core/store/store-error.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { readList, turnPage } from '../../http/keyset.js';
import type { SpaceAccess } from './space-access.js';
import { assignmentOf, assignmentOrder, withRoles, writeRoles } from './space-store.js';

const unknownAssignment = () => new AppError('NOT-FOUND', 'There is no such assignment.');

/** Who has which role in a space. */
export function createAssignmentRoutes(
  store: Store,
  access: SpaceAccess,
  publicUrl: () => string,
): BoundRoute[] {
  return [
    bind(listAssignments, async ({ params, query }, { caller, request }) => {
      const space = await access.find(caller, params.spaceId);
      const page = readList(query, assignmentOrder);
      let matching = store.db.selectFrom('assignment').where('space_id', '=', space.id);
      if (query.assigneeId !== undefined) matching = matching.where('user_id', '=', query.assigneeId);
      const rows = await matching
        .selectAll()
        .where(page.condition)
        .orderBy(page.order)
        .limit(page.fetch)
        .execute();
      const { count } = await matching
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      const { shown, links } = turnPage(page, rows, publicUrl(), request.url);
      const data = (await withRoles(store.db, space.id, shown)).map(access.presentAssignment);
      return { status: 200, body: { data, links, meta: { count: Number(count) } } };
    }),
    bind(createAssignment, async ({ params, body }, { caller }) => {
      const space = await access.managed(caller, params.spaceId);
      access.assertAssignable(space, body.roles);
      const user = await store.db
        .selectFrom('user')
        .select(['id', 'client_id'])
        .where('id', '=', body.assigneeId)
        .where('tenant_id', '=', caller.tenantId)
        .executeTakeFirst();
      if (!user) throw new AppError('NOT-FOUND', 'assigneeId: there is no such person.');
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
            'assigneeId: this person is a member already. Change their assignment instead.',
          );
        }
        throw error;
      }
      return {
        status: 201,
        body: access.presentAssignment({ ...row, roles, isMachine: user.client_id !== null }),
      };
    }),
    bind(getAssignment, async ({ params }, { caller }) => {
      const space = await access.find(caller, params.spaceId);
      const row = await assignmentOf(store.db, space.id, params.assignmentId.toLowerCase());
      if (!row) throw unknownAssignment();
      return { status: 200, body: access.presentAssignment(row) };
    }),
    bind(putAssignment, async ({ params, body }, { caller }) => {
      const space = await access.managed(caller, params.spaceId);
      access.assertAssignable(space, body.roles);
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
      return { status: 200, body: access.presentAssignment({ ...row, ...changed, roles }) };
    }),
    bind(deleteAssignment, async ({ params }, { caller }) => {
      const space = await access.managed(caller, params.spaceId);
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
    }),
  ];
}
