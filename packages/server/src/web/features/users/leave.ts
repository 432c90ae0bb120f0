import { sleep } from '@mooring/connectors/kit/deadline';
import { leaveUser } from '@mooring/contract/routes/leave-user';
import { record } from '../../../core/audit/record.js';
import type { Store } from '../../../core/store/store.js';
import { afterChange } from '../../../core/store/store-error.js';
import { bind } from '../../http/handler.js';
import { departureOf, type Times } from './departure.js';
import {
  assertAdministrator,
  assertNotLastAdministrator,
  assertNotMachine,
  findUser,
  type UsersDependencies,
} from './user-store.js';

/** How long the response waits for credentials to end, and for providers. */
const quickMs = 1_500;
/** Where reads have no limit: uses that began earlier no longer count as running. */
const unlimitedMs = 86_400_000;

function timesOf({ clock }: Store, readSeconds: number): Times {
  const longestMs = readSeconds > 0 ? readSeconds * 1000 : unlimitedMs;
  return { now: clock.iso(), usesFrom: clock.iso(-longestMs) };
}

/** Ends everything that a user could still use, in one call. */
export const leave = ({ store, authenticator, offboarding, readSeconds }: UsersDependencies) =>
  bind(leaveUser, async ({ params, body }, { caller }) => {
    assertAdministrator(caller);
    const user = await findUser(store.db, caller, params.userId);
    assertNotMachine(user);
    await assertNotLastAdministrator(store.db, user, store.clock.iso());
    if (body.plan) {
      const planned = await departureOf(store.db, user, timesOf(store, readSeconds));
      return { status: 200, body: { ...planned, plan: true } };
    }
    const { departure, id } = await store.transaction(async (tx) => {
      const row = await findUser(tx, caller, user.id);
      await assertNotLastAdministrator(tx, row, store.clock.iso());
      const found = await departureOf(tx, row, timesOf(store, readSeconds));
      const jobId = await offboarding.leave(tx, row);
      const data = { subject: row.subject, revocationId: jobId, ...found.ends };
      await record(tx, { name: 'user.left', by: caller, resourceId: row.id, data });
      return { departure: found, id: jobId };
    });
    authenticator.forget();
    return afterChange(async () => {
      await Promise.race([offboarding.settled(), sleep(quickMs, { unref: true })]);
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
