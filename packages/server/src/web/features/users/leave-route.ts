import { leaveUser } from '@mooring/contract/routes/users';
import type { Authenticator } from '../../../core/access/authenticate.js';
import type { Caller } from '../../../core/access/caller.js';
import { record } from '../../../core/audit/record.js';
import type { Offboarding } from '../../../core/credentials/records.js';
import { AppError } from '../../../core/errors/app-error.js';
import type { Store } from '../../../core/store/store.js';
import { afterChange } from '../../../core/store/store-error.js';
import type { UserTable } from '../../../core/store/tables.js';
import { type BoundRoute, bind } from '../../http/handler.js';
import { departureOf } from './departure.js';
import { assertNotLastAdministrator, loadUser, unknownUser } from './user-store.js';

export interface LeaveDependencies {
  store: Store;
  authenticator: Authenticator;
  offboarding: Offboarding;
  /** Longest read; 0: no limit. */
  readSeconds: number;
  /** @throws AppError ACCESS-DENIED, NOT-FOUND */
  find: (caller: Caller, userId: string) => Promise<UserTable>;
}

/** How long the answer waits for the end of credentials, and for providers. */
const quickMs = 1_500;
/** Where reads have no limit: what began earlier than this is no longer counted as under way. */
const unlimitedMs = 86_400_000;

/** The end of everything that a user could still use, in one call. */
export function createLeaveRoute(deps: LeaveDependencies): BoundRoute {
  const { store, authenticator, offboarding, readSeconds, find } = deps;
  const times = () => ({
    now: store.clock.iso(),
    usesFrom: store.clock.iso(-(readSeconds > 0 ? readSeconds * 1000 : unlimitedMs)),
  });

  return bind(leaveUser, async ({ params, body }, { caller }) => {
    const user = await find(caller, params.userId);
    if (user.client_id !== null) {
      throw new AppError('CONFLICT', 'An OAuth client acts as this user. Delete the client instead.');
    }
    await assertNotLastAdministrator(store.db, user, store.clock.iso());
    if (body.plan) {
      return { status: 200, body: { ...(await departureOf(store.db, user, times())), plan: true } };
    }
    const { departure, id } = await store.transaction(async (tx) => {
      const row = await loadUser(tx, caller.tenantId, { id: user.id });
      if (!row) throw unknownUser();
      await assertNotLastAdministrator(tx, row, store.clock.iso());
      const found = await departureOf(tx, row, times());
      const jobId = await offboarding.leave(tx, row);
      const data = { subject: row.subject, revocationId: jobId, ...found.ends };
      await record(tx, { name: 'user.left', by: caller, resourceId: row.id, data });
      return { departure: found, id: jobId };
    });
    authenticator.forget();
    return afterChange(async () => {
      await Promise.race([
        offboarding.settled(),
        new Promise((resolve) => setTimeout(resolve, quickMs).unref()),
      ]);
      const { status } = await store.db
        .selectFrom('revocation_job')
        .select('status')
        .where('id', '=', id)
        .where('tenant_id', '=', caller.tenantId)
        .executeTakeFirstOrThrow();
      return {
        status: status === 'done' ? 200 : 202,
        body: { ...departure, plan: false, revocation: { id, status } },
      };
    });
  });
}
