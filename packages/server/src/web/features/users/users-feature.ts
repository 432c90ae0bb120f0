import { leaveUser } from '@mooring/contract/routes/leave-user';
import {
  countUsers,
  createUser,
  deleteUser,
  filterUsers,
  getMe,
  getUser,
  inviteUsers,
  listUsers,
  patchUser,
} from '@mooring/contract/routes/users';
import { type BoundRoute, bind } from '../../http/handler.js';
import { leave } from './leave.js';
import { pageOfUsers } from './list-users.js';
import { findUser, type UsersDependencies } from './user-access.js';
import { addInvitees, addUser, changeUser, removeUser } from './user-changes.js';
import { presentUser } from './user-presenter.js';

/** Users of a tenant: list, add, change, disable, offboard, delete. */
export function createUsersFeature(deps: UsersDependencies): BoundRoute[] {
  const { store, publicUrl } = deps;
  return [
    bind(getMe, async (_input, { caller }) => ({
      status: 200,
      body: presentUser(await findUser(store, caller, caller.userId), publicUrl()),
    })),
    bind(listUsers, async ({ query }, { caller, request }) => ({
      status: 200,
      body: await pageOfUsers(deps, caller, query, request.url),
    })),
    bind(filterUsers, async ({ query, body }, { caller, request }) => ({
      status: 200,
      body: await pageOfUsers(deps, caller, { ...query, filter: body.filter }, request.url),
    })),
    bind(countUsers, async (_input, { caller }) => {
      const { total } = await store.db
        .selectFrom('user')
        .select((eb) => eb.fn.countAll<number>().as('total'))
        .where('tenant_id', '=', caller.tenantId)
        .executeTakeFirstOrThrow();
      return { status: 200, body: { total: Number(total) } };
    }),
    bind(getUser, async ({ params }, { caller }) => ({
      status: 200,
      body: presentUser(await findUser(store, caller, params.userId), publicUrl()),
    })),
    bind(createUser, addUser(deps)),
    bind(inviteUsers, addInvitees(deps)),
    bind(patchUser, changeUser(deps)),
    bind(leaveUser, leave(deps)),
    bind(deleteUser, removeUser(deps)),
  ];
}
