import type { AuditEvent } from '../../audit/record.js';
import { AppError } from '../../errors/app-error.js';
import type { Clock } from '../../store/clock.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import type { UserTable } from '../../store/tables.js';
import type { RevocationJobs } from '../grants/revocation-jobs.js';
import type { Revoker } from '../grants/revoker.js';

type UserRef = Pick<UserTable, 'id' | 'tenant_id'>;

/** What a user still owns, for the error message. */
async function possessionsOf(db: Queryable, user: UserRef): Promise<string | undefined> {
  for (const table of ['connection', 'space'] as const) {
    const owned = await db
      .selectFrom(table)
      .select('id')
      .where('owner_id', '=', user.id)
      .where('tenant_id', '=', user.tenant_id)
      .limit(1)
      .executeTakeFirst();
    if (owned) return `${table}s`;
  }
  return undefined;
}

/** Revokes the user's keys, tokens and invitations. */
async function revokeAccess(tx: Tx, user: UserRef, at: string): Promise<void> {
  await tx
    .updateTable('api_key')
    .set({ revoked_at: at })
    .where('user_id', '=', user.id)
    .where('tenant_id', '=', user.tenant_id)
    .where('revoked_at', 'is', null)
    .execute();
  await tx
    .deleteFrom('oauth_token')
    .where('user_id', '=', user.id)
    .where('tenant_id', '=', user.tenant_id)
    .execute();
  await tx
    .deleteFrom('invitation')
    // Also the invitations that the user created: they may hold the links.
    .where((eb) => eb.or([eb('user_id', '=', user.id), eb('created_by', '=', user.id)]))
    .where('tenant_id', '=', user.tenant_id)
    .where('redeemed_at', 'is', null)
    .execute();
}

export interface OffboardingDependencies {
  clock: Clock;
  revoker: Revoker;
  jobs: Pick<RevocationJobs, 'add' | 'settled'>;
}

export type Offboarding = ReturnType<typeof createOffboarding>;

/** Ends what a user who leaves could still use, and what others could use of theirs. */
export function createOffboarding({ clock, revoker, jobs }: OffboardingDependencies) {
  const apply = async (tx: Tx, user: UserRef, by: AuditEvent['by']): Promise<void> => {
    await revoker.end(tx, { tenantId: user.tenant_id, userId: user.id }, { by });
    await revokeAccess(tx, user, clock.iso());
  };
  return {
    /** In the transaction that disables the user. */
    apply,
    /**
     * Disables the user, ends their memberships and does the same as `apply`; all but the first credentials follow as a job.
     * @returns id of the job
     */
    async leave(tx: Tx, user: UserRef): Promise<string> {
      await revokeAccess(tx, user, clock.iso());
      await tx
        .updateTable('user')
        .set({ status: 'disabled', updated_at: clock.iso() })
        .where('id', '=', user.id)
        .where('tenant_id', '=', user.tenant_id)
        .execute();
      await tx
        .deleteFrom('assignment')
        .where('user_id', '=', user.id)
        .where('tenant_id', '=', user.tenant_id)
        .execute();
      return jobs.add(tx, { tenantId: user.tenant_id, userId: user.id });
    },
    /** Resolves when such jobs, and the first revocations at providers, have ended. */
    settled: () => jobs.settled().then(() => revoker.settled()),
    /**
     * The same as `apply`, and deletes the user.
     * @throws AppError CONFLICT while they own connections or spaces
     */
    async remove(tx: Tx, user: UserRef, by: AuditEvent['by']): Promise<void> {
      const possessions = await possessionsOf(tx, user);
      if (possessions) {
        throw new AppError('CONFLICT', `The user still owns ${possessions}. Transfer or delete them first.`);
      }
      await apply(tx, user, by);
      await tx.deleteFrom('user').where('id', '=', user.id).where('tenant_id', '=', user.tenant_id).execute();
    },
    /** After commit: revokes the grants at their providers. */
    send: () => revoker.kick(),
  };
}
