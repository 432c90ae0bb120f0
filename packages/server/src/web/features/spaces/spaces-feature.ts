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
import type { Caller } from '../../../core/access/caller.js';
import { record } from '../../../core/audit/record.js';
import { newObjectId } from '../../../core/crypto/random.js';
import { AppError, InvalidRequest } from '../../../core/errors/app-error.js';
import { parseInput } from '../../../core/input/tolerance.js';
import type { Quotas } from '../../../core/rates/quotas.js';
import type { Store } from '../../../core/store/store.js';
import { afterChange, isUniqueViolation } from '../../../core/store/store-error.js';
import type { SpaceTable } from '../../../core/store/tables.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { readList, turnPage } from '../../http/keyset.js';
import { createAssignmentRoutes } from './assignment-routes.js';
import { createSpaceAccess } from './space-access.js';
import { deleteEmptySpace, spaceOrder, spacesVisibleTo } from './space-store.js';

export interface SpacesDependencies {
  store: Store;
  quotas: Pick<Quotas, 'assertSpace'>;
  publicUrl: () => string;
}

const nameTaken = () => new AppError('CONFLICT', 'name: a space of this name exists.');

const listOf = <Schema extends z.ZodType>(schema: Schema, text: string | undefined, field: string) =>
  text === undefined
    ? undefined
    : parseInput(
        z.array(schema),
        text.split(',').map((item) => item.trim()),
        field,
      );

/** A patch as the change it means. @throws InvalidRequest naming the path */
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

/** Spaces and who has which role in them. */
export function createSpacesFeature({ store, quotas, publicUrl }: SpacesDependencies): BoundRoute[] {
  const access = createSpaceAccess(store, publicUrl);

  const changed = async (caller: Caller, id: string, update: SpaceUpdate) => {
    const space = await access.managed(caller, id);
    const ownerId = update.ownerId?.toLowerCase();
    const isGivenAway = ownerId !== undefined && ownerId !== space.owner_id;
    if (isGivenAway && !access.mayGiveAway(caller, space)) {
      throw new AppError('ACCESS-DENIED', 'ownerId: only the owner or a tenant administrator may change it.');
    }
    const columns = {
      ...(update.name === undefined ? {} : { name: update.name, name_key: update.name.toLowerCase() }),
      ...(update.description === undefined ? {} : { description: update.description }),
      ...(isGivenAway ? { owner_id: ownerId } : {}),
      updated_at: store.clock.iso(),
    };
    try {
      await store.transaction(async (tx) => {
        if (isGivenAway) {
          const owner = await tx
            .selectFrom('user')
            .select('id')
            .where('id', '=', ownerId)
            .where('tenant_id', '=', caller.tenantId)
            .where('status', '=', 'active')
            .executeTakeFirst();
          if (!owner) throw new AppError('NOT-FOUND', 'ownerId: there is no such active person.');
          // An owner has every role and no assignment.
          await tx
            .deleteFrom('assignment')
            .where('space_id', '=', space.id)
            .where('user_id', '=', ownerId)
            .execute();
        }
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
  };

  const spaceRoutes: BoundRoute[] = [
    bind(listSpaces, async ({ query }, { caller, request }) => {
      const page = readList(query, spaceOrder);
      const matching = spacesVisibleTo(store.db, caller, access.seesAll(caller), {
        namePart: query.name,
        types: listOf(spaceTypeSchema, query.type, 'type'),
        ownerId: query.ownerId,
        roles: listOf(spaceRoleSchema, query.roles?.toString(), 'roles'),
      });
      const rows = await matching
        .selectAll('space')
        .where(page.condition)
        .orderBy(page.order)
        .limit(page.fetch)
        .execute();
      const { count } = await matching
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      const { shown, links } = turnPage(page, rows, publicUrl(), request.url);
      const data = await Promise.all(shown.map((row) => access.present(caller, row)));
      return { status: 200, body: { data, links, meta: { count: Number(count) } } };
    }),
    bind(listSpaceTypes, async () => ({ status: 200, body: { data: [...spaceTypeSchema.options] } })),
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
    }),
    bind(getSpace, async ({ params }, { caller }) => ({
      status: 200,
      body: await access.present(caller, await access.find(caller, params.spaceId)),
    })),
    bind(updateSpace, async ({ params, body }, { caller }) => ({
      status: 200,
      body: await changed(caller, params.spaceId, body),
    })),
    bind(patchSpace, async ({ params, body }, { caller }) => ({
      status: 200,
      body: await changed(caller, params.spaceId, updateOf(body)),
    })),
    bind(deleteSpace, async ({ params }, { caller }) => {
      const space = await access.managed(caller, params.spaceId);
      await store.transaction(async (tx) => {
        if (!(await deleteEmptySpace(tx, space))) {
          throw new AppError('CONFLICT', 'The space still holds connections. Delete or move them first.');
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
    }),
  ];
  return [...spaceRoutes, ...createAssignmentRoutes(store, access, publicUrl)];
}
