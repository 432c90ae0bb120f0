import { countUsers, filterUsers, getMe, getUser, listUsers } from '@mooring/contract/routes/users';
import type { Caller } from '../../../core/access/caller.js';
import { scimCondition } from '../../../core/filter/scim-filter.js';
import { countRows } from '../../../core/store/count-rows.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { fetchPage, type ListQuery } from '../../http/keyset.js';
import { leave } from './leave.js';
import { addInvitees, addUser, changeUser, removeUser } from './user-changes.js';
import { filterColumns, findUser, presentUser, type UsersDependencies, userOrder } from './user-store.js';

type Query = ListQuery & { filter?: string | undefined; totalResults?: boolean | undefined };

/** A page of the users of the caller's tenant. @param self absolute URL of the request */
async function pageOfUsers(
  { store, publicUrl }: UsersDependencies,
  caller: Caller,
  query: Query,
  self: string,
) {
  let matching = store.db.selectFrom('user').where('tenant_id', '=', caller.tenantId);
  if (query.filter) matching = matching.where(scimCondition(query.filter, filterColumns));
  const { shown, links } = await fetchPage(matching.selectAll(), query, userOrder, self);
  const data = shown.map((row) => presentUser(row, publicUrl()));
  return { data, links, ...(query.totalResults ? { totalResults: await countRows(matching) } : {}) };
}

/** Users of a tenant: list, add, change, disable, offboard, delete. */
export function createUsersFeature(deps: UsersDependencies): BoundRoute[] {
  const { store, publicUrl } = deps;
  return [
    bind(getMe, async (_input, { caller }) => ({
      status: 200,
      body: presentUser(await findUser(store.db, caller, caller.userId), publicUrl()),
    })),
    bind(listUsers, async ({ query }, { caller, request }) => ({
      status: 200,
      body: await pageOfUsers(deps, caller, query, publicUrl() + request.url),
    })),
    bind(filterUsers, async ({ query, body }, { caller, request }) => ({
      status: 200,
      body: await pageOfUsers(deps, caller, { ...query, filter: body.filter }, publicUrl() + request.url),
    })),
    bind(countUsers, async (_input, { caller }) => ({
      status: 200,
      body: { total: await countRows(store.db.selectFrom('user').where('tenant_id', '=', caller.tenantId)) },
    })),
    bind(getUser, async ({ params }, { caller }) => ({
      status: 200,
      body: presentUser(await findUser(store.db, caller, params.userId), publicUrl()),
    })),
    ...[addUser, addInvitees, changeUser, leave, removeUser].map((operation) => operation(deps)),
  ];
}
