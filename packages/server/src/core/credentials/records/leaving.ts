import type { AuditEvent } from '../../audit/record.js';
import { AppError } from '../../errors/app-error.js';
import type { Queryable, Tx } from '../../store/queryable.js';
import type { UserTable } from '../../store/tables.js';
import type { RevocationJobs } from '../grants/revocation-jobs.js';
import type { Revoker } from '../grants/revoker.js';

/** Takes away what a person who may no longer work here could still use, and what others could use of theirs. */
export interface Leaving {
  /** In the transaction that disables the person. */
  apply(tx: Tx, person: PersonRef, by: AuditEvent['by']): Promise<void>;
  /**
   * In a transaction: disables the person and does the same, but for credentials beyond the first ones, which follow as a
   * job; and ends their memberships.
   * @returns id of the job
   */
  leave(tx: Tx, person: PersonRef): Promise<string>;
  /** Resolves when such jobs, and what providers are told at once, have ended. */
  settled(): Promise<void>;
  /**
   * In a transaction: the same, and deletes the person.
   * @throws AppError CONFLICT while they own connections or spaces
   */
  remove(tx: Tx, person: PersonRef, by: AuditEvent['by']): Promise<void>;
  /** After it: tells the providers that the grants have ended. */
  send(): void;
}

type PersonRef = Pick<UserTable, 'id' | 'tenant_id'>;

/** What a person still owns, in words; undefined when nothing. */
async function possessionsOf(db: Queryable, person: PersonRef): Promise<string | undefined> {
  for (const [table, words] of [
    ['connection', 'connections'],
    ['space', 'spaces'],
  ] as const) {
    const owned = await db
      .selectFrom(table)
      .select('id')
      .where('owner_id', '=', person.id)
      .where('tenant_id', '=', person.tenant_id)
      .limit(1)
      .executeTakeFirst();
    if (owned) return words;
  }
  return undefined;
}

/** Ends the ways in. */
async function shutOut(tx: Tx, person: PersonRef): Promise<void> {
  await tx
    .updateTable('api_key')
    .set({ revoked_at: new Date().toISOString() })
    .where('user_id', '=', person.id)
    .where('tenant_id', '=', person.tenant_id)
    .where('revoked_at', 'is', null)
    .execute();
  await tx
    .deleteFrom('oauth_token')
    .where('user_id', '=', person.id)
    .where('tenant_id', '=', person.tenant_id)
    .execute();
  await tx
    .deleteFrom('invitation')
    // Whoever made a link may hold it, and nothing of theirs waits for their return.
    .where((eb) => eb.or([eb('user_id', '=', person.id), eb('created_by', '=', person.id)]))
    .where('tenant_id', '=', person.tenant_id)
    .where('redeemed_at', 'is', null)
    .execute();
}

export interface LeavingDependencies {
  revoker: Revoker;
  jobs: Pick<RevocationJobs, 'add' | 'settled'>;
}

export function createLeaving({ revoker, jobs }: LeavingDependencies): Leaving {
  const apply = async (tx: Tx, person: PersonRef, by: AuditEvent['by']): Promise<void> => {
    await revoker.end(tx, { tenantId: person.tenant_id, userId: person.id }, { by });
    await shutOut(tx, person);
  };
  return {
    apply,
    async leave(tx, person) {
      await shutOut(tx, person);
      await tx
        .updateTable('user')
        .set({ status: 'disabled', updated_at: new Date().toISOString() })
        .where('id', '=', person.id)
        .where('tenant_id', '=', person.tenant_id)
        .execute();
      await tx
        .deleteFrom('assignment')
        .where('user_id', '=', person.id)
        .where('tenant_id', '=', person.tenant_id)
        .execute();
      return jobs.add(tx, { tenantId: person.tenant_id, userId: person.id });
    },
    settled: () => jobs.settled().then(() => revoker.settled()),
    async remove(tx, person, by) {
      const possessions = await possessionsOf(tx, person);
      if (possessions) {
        throw new AppError(
          'CONFLICT',
          `The user still owns ${possessions}. Give them to somebody else or delete them first.`,
        );
      }
      await apply(tx, person, by);
      await tx
        .deleteFrom('user')
        .where('id', '=', person.id)
        .where('tenant_id', '=', person.tenant_id)
        .execute();
    },
    send: () => revoker.kick(),
  };
}
