import {
  createSpace,
  deleteSpace,
  getSpace,
  listSpaces,
  listSpaceTypes,
  patchSpace,
  type SpaceUpdate,
  spaceRoleSchema,
  spaceTypeSchema,
  spaceUpdateSchema,
  updateSpace,
} from '@mooring/contract/routes/spaces';
import type { PatchBody } from '@mooring/contract/wire';
import { z } from 'zod';
import { isTenantAdministrator } from '../../../core/access/tenant-administrator.js';
import { record } from '../../../core/audit/record.js';
import { newObjectId } from '../../../core/crypto/random.js';
import { AppError, invalidField } from '../../../core/errors/app-error.js';
import { parseInput } from '../../../core/input/tolerance.js';
import { countRows } from '../../../core/store/count-rows.js';
import type { Tx } from '../../../core/store/queryable.js';
import { afterChange, ifTaken } from '../../../core/store/store-error.js';
import type { SpaceTable } from '../../../core/store/tables.js';
import { bind } from '../../http/handler.js';
import { fetchPage } from '../../http/keyset.js';
import type { RevisedBy } from '../../http/revision.js';
import { mayTransfer, type SpaceDependencies } from './space-access.js';
import { deleteEmptySpace, spaceOrder, spacesVisibleTo } from './space-store.js';

/** Values of a query parameter that are separated by commas. */
const listOf = <Schema extends z.ZodType>(schema: Schema, text: string | undefined, field: string) =>
  text === undefined
    ? undefined
    : parseInput(
        z.array(schema),
        text.split(',').map((item) => item.trim()),
        field,
      );

export const listVisibleSpaces = ({ store, access, publicUrl }: SpaceDependencies) =>
  bind(listSpaces, async ({ query }, { caller, request }) => {
    const matching = spacesVisibleTo(store.db, caller, isTenantAdministrator(caller), {
      namePart: query.name,
      types: listOf(spaceTypeSchema, query.type, 'type'),
      ownerId: query.ownerId,
      roles: listOf(spaceRoleSchema, query.roles?.toString(), 'roles'),
    });
    const self = publicUrl() + request.url;
    const { shown, links } = await fetchPage(matching.selectAll('space'), query, spaceOrder, self);
    const data = await Promise.all(shown.map((row) => access.present(caller, row)));
    return { status: 200, body: { data, links, meta: { count: await countRows(matching) } } };
  });

export const listTypes = () =>
  bind(listSpaceTypes, async () => ({ status: 200, body: { data: [...spaceTypeSchema.options] } }));

export const showSpace = ({ access }: SpaceDependencies) =>
  bind(getSpace, async ({ params }, { caller, revision }) => ({
    status: 200,
    body: await access.present(caller, await access.find(caller, params.spaceId, revision)),
  }));

const nameTaken = () => new AppError('CONFLICT', 'name: a space with this name exists.');

/** A patch as an update. @throws InvalidRequest naming the path */
function updateOf(patch: PatchBody): SpaceUpdate {
  const wanted: Record<string, unknown> = {};
  for (const { op, path, value } of patch) {
    const name = ['name', 'description', 'ownerId'].find(
      (member) => path.toLowerCase() === `/${member.toLowerCase()}`,
    );
    if (op !== 'replace' || name === undefined) {
      throw invalidField(path, 'only /name, /description and /ownerId can be replaced');
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
  { caller, revision }: RevisedBy<'space'>,
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
  await store
    .transaction(async (tx) => {
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
    })
    .catch(ifTaken(nameTaken));
  return afterChange(() => access.present(caller, { ...space, ...columns }));
}

export const replaceSpace = (deps: SpaceDependencies) =>
  bind(updateSpace, async ({ params, body }, scope) => ({
    status: 200,
    body: await change(deps, scope, params.spaceId, body),
  }));

export const editSpace = (deps: SpaceDependencies) =>
  bind(patchSpace, async ({ params, body }, scope) => ({
    status: 200,
    body: await change(deps, scope, params.spaceId, updateOf(body)),
  }));

export const makeSpace = ({ store, access, quotas }: SpaceDependencies) =>
  bind(createSpace, async ({ body }, { caller }) => {
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
    await store
      .transaction(async (tx) => {
        await tx.insertInto('space').values(row).execute();
        await record(tx, {
          name: 'space.created',
          by: caller,
          resourceId: row.id,
          ownerId: row.owner_id,
          spaceId: row.id,
          data: { name: row.name, type: row.type },
        });
      })
      .catch(ifTaken(nameTaken));
    return { status: 201, body: await afterChange(() => access.present(caller, row)) };
  });

export const removeSpace = ({ store, access }: SpaceDependencies) =>
  bind(deleteSpace, async ({ params }, { caller, revision }) => {
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
  });
