import type { listAssignments } from '@mooring/contract/routes/assignments';
import { type listSpaces, spaceRoleSchema, spaceTypeSchema } from '@mooring/contract/routes/spaces';
import { z } from 'zod';
import { parseInput } from '../../../core/input/tolerance.js';
import type { Handler } from '../../http/handler.js';
import { readList, turnPage } from '../../http/keyset.js';
import { unconditional } from '../../http/revision.js';
import { presentAssignment } from './assignment-changes.js';
import { type SpaceDependencies, seesAll } from './space-access.js';
import { assignmentOrder, spaceOrder, spacesVisibleTo, withRoles } from './space-store.js';

/** Values of a query parameter that are separated by commas. */
const listOf = <Schema extends z.ZodType>(schema: Schema, text: string | undefined, field: string) =>
  text === undefined
    ? undefined
    : parseInput(
        z.array(schema),
        text.split(',').map((item) => item.trim()),
        field,
      );

export const listVisibleSpaces =
  ({ store, access, publicUrl }: SpaceDependencies): Handler<typeof listSpaces> =>
  async ({ query }, { caller, request }) => {
    const page = readList(query, spaceOrder);
    const matching = spacesVisibleTo(store.db, caller, seesAll(caller), {
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
  };

export const listAssigned =
  ({ store, access, publicUrl }: SpaceDependencies): Handler<typeof listAssignments> =>
  async ({ params, query }, { caller, request }) => {
    const space = await access.find(caller, params.spaceId, unconditional);
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
    const assigned = await withRoles(store.db, space.id, shown);
    const data = assigned.map((row) => presentAssignment(row, access.spaceUrl(row.space_id)));
    return { status: 200, body: { data, links, meta: { count: Number(count) } } };
  };
