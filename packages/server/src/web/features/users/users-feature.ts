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
import type { Authenticator } from '../../../core/access/authenticate.js';
import type { Caller } from '../../../core/access/caller.js';
import { isAdministratorOf } from '../../../core/access/matrix.js';
import { insertUser, newUser } from '../../../core/access/new-user.js';
import { record } from '../../../core/audit/record.js';
import type { Offboarding } from '../../../core/credentials/records.js';
import { newUuid } from '../../../core/crypto/random.js';
import { AppError } from '../../../core/errors/app-error.js';
import { scimCondition } from '../../../core/filter/scim-filter.js';
import type { Store } from '../../../core/store/store.js';
import { isUniqueViolation } from '../../../core/store/store-error.js';
import type { UserTable } from '../../../core/store/tables.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { type ListQuery, readList, turnPage } from '../../http/keyset.js';
import { createLeaveRoute } from './leave-route.js';
import { patchUserRow } from './user-patch.js';
import { presentUser, rolesOf } from './user-presenter.js';
import { assertNotLastAdministrator, filterColumns, loadUser, unknownUser, userOrder } from './user-store.js';

export interface UsersDependencies {
  store: Store;
  authenticator: Authenticator;
  offboarding: Offboarding;
  publicUrl: () => string;
  /** Longest read; 0: no limit. */
  readSeconds: number;
}

function assertAdministrator(caller: Caller): void {
  if (!isAdministratorOf(caller, 'personal')) {
    throw new AppError('ACCESS-DENIED', 'Only tenant administrators may add, change or delete users.');
  }
}

/** People of a tenant: list, add, change, disable, let leave, delete. */
export function createUsersFeature(deps: UsersDependencies): BoundRoute[] {
  const { store, authenticator, offboarding, publicUrl } = deps;
  const present = (row: UserTable) => presentUser(row, publicUrl());

  const list = async (
    caller: Caller,
    query: ListQuery & { filter?: string | undefined; totalResults?: boolean | undefined },
    requestUrl: string,
  ) => {
    const page = readList(query, userOrder);
    let matching = store.db.selectFrom('user').where('tenant_id', '=', caller.tenantId);
    if (query.filter) matching = matching.where(scimCondition(query.filter, filterColumns));
    const rows = await matching
      .selectAll()
      .where(page.condition)
      .orderBy(page.order)
      .limit(page.fetch)
      .execute();
    const { shown, links } = turnPage(page, rows, publicUrl(), requestUrl);
    const data = shown.map(present);
    if (!query.totalResults) return { data, links };
    const { total } = await matching
      .select((eb) => eb.fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow();
    return { data, links, totalResults: Number(total) };
  };

  const find = async (caller: Caller, id: string): Promise<UserTable> => {
    const row = await loadUser(store.db, caller.tenantId, { id: id.toLowerCase() });
    if (!row) throw unknownUser();
    return row;
  };

  const readRoutes: BoundRoute[] = [
    bind(getMe, async (_input, { caller }) => ({
      status: 200,
      body: present(await find(caller, caller.userId)),
    })),
    bind(listUsers, async ({ query }, { caller, request }) => ({
      status: 200,
      body: await list(caller, query, request.url),
    })),
    bind(filterUsers, async ({ query, body }, { caller, request }) => ({
      status: 200,
      body: await list(caller, { ...query, filter: body.filter }, request.url),
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
      body: present(await find(caller, params.userId)),
    })),
  ];

  return [
    ...readRoutes,
    bind(createUser, async ({ body }, { caller }) => {
      assertAdministrator(caller);
      const assigned = body.assignedRoles?.map((role) => ('name' in role ? role.name : role.id)) ?? [];
      const user = {
        subject: body.subject,
        name: body.name ?? body.subject,
        email: body.email ?? null,
        roles: [...(body.roles ?? []), ...assigned],
      };
      const row = newUser(caller, user, store.clock.iso());
      try {
        await store.transaction((tx) => insertUser(tx, caller, row));
      } catch (error) {
        if (isUniqueViolation(error))
          throw new AppError('CONFLICT', 'subject: a person with this subject exists.');
        throw error;
      }
      return { status: 201, body: present(row) };
    }),
    bind(inviteUsers, async ({ body }, { caller }) => {
      assertAdministrator(caller);
      const data = await store.transaction(async (tx) => {
        const results = [];
        for (const { email, name } of body.invitees ?? []) {
          const known = await loadUser(tx, caller.tenantId, { email });
          const added = { subject: newUuid(), name: name ?? email, email, roles: [] };
          const row = known ?? newUser(caller, added, store.clock.iso());
          if (!known) await insertUser(tx, caller, row);
          results.push({ email, status: known ? 'exists' : 'ok', subject: row.subject, userId: row.id });
        }
        return results;
      });
      return { status: 207, body: { data } };
    }),
    bind(patchUser, async ({ params, body }, { caller }) => {
      assertAdministrator(caller);
      const before = await find(caller, params.userId);
      await store.transaction(async (tx) => {
        const row = await loadUser(tx, caller.tenantId, { id: before.id });
        if (!row) throw unknownUser();
        const changed = patchUserRow(row, body);
        const administers = changed.status === 'active' && rolesOf(changed).includes('TenantAdmin');
        if (!administers) await assertNotLastAdministrator(tx, row, store.clock.iso());
        await tx
          .updateTable('user')
          .set({ ...changed, updated_at: new Date().toISOString() })
          .where('id', '=', row.id)
          .where('tenant_id', '=', row.tenant_id)
          .execute();
        // Another node may have believed them for a second longer: what came of it must not wait for their return.
        const isBack = changed.status === 'active' && row.status === 'disabled';
        if (changed.status === 'disabled' || isBack) await offboarding.apply(tx, row, caller);
        const isDisabled = changed.status === 'disabled' && row.status === 'active';
        await record(tx, {
          name: isDisabled ? 'user.disabled' : 'user.updated',
          by: caller,
          resourceId: row.id,
          data: { paths: body.map((operation) => operation.path) },
        });
      });
      authenticator.forget();
      offboarding.send();
      return { status: 204 };
    }),
    createLeaveRoute({
      ...{ store, authenticator, offboarding, readSeconds: deps.readSeconds },
      find: (caller, userId) => {
        assertAdministrator(caller);
        return find(caller, userId);
      },
    }),
    bind(deleteUser, async ({ params }, { caller }) => {
      assertAdministrator(caller);
      const before = await find(caller, params.userId);
      if (before.client_id !== null) {
        throw new AppError('CONFLICT', 'An OAuth client acts as this user. Delete the client instead.');
      }
      await store.transaction(async (tx) => {
        const row = await loadUser(tx, caller.tenantId, { id: before.id });
        if (!row) throw unknownUser();
        await assertNotLastAdministrator(tx, row, store.clock.iso());
        await offboarding.remove(tx, row, caller);
        await record(tx, {
          name: 'user.deleted',
          by: caller,
          resourceId: row.id,
          data: { subject: row.subject },
        });
      });
      authenticator.forget();
      offboarding.send();
      return { status: 204 };
    }),
  ];
}
