import {
  type createSpace,
  type deleteSpace,
  type patchSpace,
  type SpaceUpdate,
  spaceUpdateSchema,
  type updateSpace,
} from '@mooring/contract/routes/spaces';
import type { PatchBody } from '@mooring/contract/wire';
import type { Caller } from '../../../core/access/caller.js';
import { record } from '../../../core/audit/record.js';
import { newObjectId } from '../../../core/crypto/random.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { parseInput } from '../../../core/input/tolerance.js';
import type { Quotas } from '../../../core/rates/quotas.js';
import type { Tx } from '../../../core/store/queryable.js';
import { afterChange, isUniqueViolation } from '../../../core/store/store-error.js';
import type { SpaceTable } from '../../../core/store/tables.js';
import type { Handler } from '../../http/handler.js';
import type { Revision } from '../../http/revision.js';
import { mayTransfer, type SpaceDependencies } from './space-access.js';
import { deleteEmptySpace } from './space-store.js';

const nameTaken = () => new AppError('CONFLICT', 'name: a space with this name exists.');

/** A patch as an update. @throws InvalidRequest naming the path */
function updateOf(patch: PatchBody): SpaceUpdate {
  const wanted: Record<string, unknown> = {};
  for (const { op, path, value } of patch) {
    const name = ['name', 'description', 'ownerId'].find(
      (member) => path.toLowerCase() === `/${member.toLowerCase()}`,
    );
    if (op !== 'replace' || name === undefined) {
      throw new InvalidRequest([
        { field: path, message: 'only /name, /description and /ownerId can be replaced' },
      ]);
    }
    wanted[name] = value;
  }
  return parseInput(spaceUpdateSchema, wanted, 'value');
}

/** The new owner has every role in the space, and therefore no assignment. */
async function endAssignmentOf(tx: Tx, space: SpaceTable, ownerId: string): Promise<void> {
  const owner = await tx
    .selectFrom('user')
    .select('id')
    .where('id', '=', ownerId)
    .where('tenant_id', '=', space.tenant_id)
    .where('status', '=', 'active')
    .executeTakeFirst();
  if (!owner) throw new AppError('NOT-FOUND', 'ownerId: there is no such active user.');
  await tx.deleteFrom('assignment').where('space_id', '=', space.id).where('user_id', '=', ownerId).execute();
}

async function change(
  { store, access }: SpaceDependencies,
  { caller, revision }: { caller: Caller; revision: Revision<'space'> },
  id: string,
  update: SpaceUpdate,
) {
  const space = await access.managed(caller, id, revision);
  const ownerId = update.ownerId?.toLowerCase();
  const isTransferred = ownerId !== undefined && ownerId !== space.owner_id;
  if (isTransferred && !mayTransfer(caller, space)) {
    throw new AppError('ACCESS-DENIED', 'ownerId: only the owner or a tenant administrator may change it.');
  }
  const columns = {
    ...(update.name === undefined ? {} : { name: update.name, name_key: update.name.toLowerCase() }),
    ...(update.description === undefined ? {} : { description: update.description }),
    ...(isTransferred ? { owner_id: ownerId } : {}),
    updated_at: store.clock.iso(),
  };
  try {
    await store.transaction(async (tx) => {
      await revision.check(tx);
      if (isTransferred) await endAssignmentOf(tx, space, ownerId);
      await tx
        .updateTable('space')
        .set(columns)
        .where('id', '=', space.id)
        .where('tenant_id', '=', space.tenant_id)
        .execute();
      await record(tx, {
        name: 'space.updated',
        by: caller,
        resourceId: space.id,
        ownerId: ownerId ?? space.owner_id,
        spaceId: space.id,
        data: { members: Object.keys(update) },
      });
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw nameTaken();
    throw error;
  }
  return afterChange(() => access.present(caller, { ...space, ...columns }));
}

export const replaceSpace =
  (deps: SpaceDependencies): Handler<typeof updateSpace> =>
  async ({ params, body }, scope) => ({ status: 200, body: await change(deps, scope, params.spaceId, body) });

export const editSpace =
  (deps: SpaceDependencies): Handler<typeof patchSpace> =>
  async ({ params, body }, scope) => ({
    status: 200,
    body: await change(deps, scope, params.spaceId, updateOf(body)),
  });

export const makeSpace =
  ({ store, access }: SpaceDependencies, quotas: Pick<Quotas, 'assertSpace'>): Handler<typeof createSpace> =>
  async ({ body }, { caller }) => {
    await quotas.assertSpace(caller);
    const at = store.clock.iso();
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
      await store.transaction(async (tx) => {
        await tx.insertInto('space').values(row).execute();
        await record(tx, {
          name: 'space.created',
          by: caller,
          resourceId: row.id,
          ownerId: row.owner_id,
          spaceId: row.id,
          data: { name: row.name, type: row.type },
        });
      });
    } catch (error) {
      if (isUniqueViolation(error)) throw nameTaken();
      throw error;
    }
    return { status: 201, body: await afterChange(() => access.present(caller, row)) };
  };

export const removeSpace =
  ({ store, access }: SpaceDependencies): Handler<typeof deleteSpace> =>
  async ({ params }, { caller, revision }) => {
    const space = await access.managed(caller, params.spaceId, revision);
    await store.transaction(async (tx) => {
      await revision.check(tx);
      if (!(await deleteEmptySpace(tx, space))) {
        throw new AppError('CONFLICT', 'The space still contains connections. Delete or move them first.');
      }
      await record(tx, {
        name: 'space.deleted',
        by: caller,
        resourceId: space.id,
        ownerId: space.owner_id,
        spaceId: space.id,
        data: { name: space.name },
      });
    });
    return { status: 204 };
  };
