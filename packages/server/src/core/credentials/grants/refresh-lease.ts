import type { Clock } from '../../store/clock.js';
import type { NodeFolder } from '../../store/node-folder.js';
import type { Store } from '../../store/store.js';
import type { CredentialTable, GrantStateTable } from '../../store/tables.js';
import { leaseMs, type RenewalTimes, stopwatch } from './renewal-times.js';

// Who renews a grant. The right to do so is a row of the store, and the intent with it: of many processes one calls
// the provider. The lease outlasts the longest call and its storing, so a holder that is cut off from the store, or
// stands still, is not taken for dead: a refresh token that may be used up is never sent by a second process.

type CredentialRef = Pick<CredentialTable, 'id' | 'tenant_id'>;

export interface Lease {
  /** Token calls with this refresh token whose outcome is not known, the one that now begins included. */
  attempts: number;
  /** Renewals in a row that did not succeed before this one. */
  failures: number;
  /** Above that of every holder before. */
  fence: number;
  /** False when so much time has gone by that the call and its storing may no longer fit into the lease. */
  mayBegin(): boolean;
}

/** How a renewal ended that brought no tokens. */
export interface FailedRenewal {
  /** The provider may have acted on the refresh token: the intent stays, and the grant is suspect. */
  isOutcomeUnknown: boolean;
  /** The provider is left alone for so long. */
  pauseMs: number;
  /** The pause is ours, not one that the provider asked for. */
  isBackOff: boolean;
}

/** Somebody else's lease. */
export type SeenLease = Pick<GrantStateTable, 'holder' | 'fence'>;

/** What a renewal may pass over. */
export interface Passing {
  /** A lease that is over, and was watched for the grace period. */
  over?: SeenLease;
  /** A pause that was our own choice. */
  backOff?: boolean;
}

export interface RefreshLeases {
  /**
   * Takes the right to renew this version of the grant, and writes the intent with it, in one transaction. A lease
   * that this process holds already, since the store went away while it was taken or given back, it takes again.
   * @returns undefined while another holds it, or while the provider is to be left alone
   */
  take(credential: CredentialRef, version: number, passing?: Passing): Promise<Lease | undefined>;
  /** The row of the grant; undefined when the credential has none or is gone. */
  look(credential: CredentialRef): Promise<GrantStateTable | undefined>;
  /** Proves that the store takes writes, and that the lease is still the one that was seen. */
  isUnchanged(credential: CredentialRef, seen: SeenLease): Promise<boolean>;
  /** Ends the renewal without tokens. Does nothing when another has taken over. */
  fail(credential: CredentialRef, lease: Lease, failed: FailedRenewal): Promise<void>;
  /** Gives the lease back; the provider was not called. Does nothing when another has taken over. */
  giveBack(credential: CredentialRef, lease: Lease): Promise<void>;
  /** What processes hold that are proven gone is free at once: those that had this data folder before, on this kernel. */
  freeFormer(): Promise<void>;
}

export interface LeaseDependencies {
  store: Store;
  clock: Clock;
  folder: NodeFolder;
  times: RenewalTimes;
}

const free = { holder: null, lease_until: null } as const;

export function createRefreshLeases({ store, clock, folder, times }: LeaseDependencies): RefreshLeases {
  const { holder } = folder;

  const withoutAttempt = (lease: Lease) =>
    lease.attempts > 1 ? { attempts: lease.attempts - 1 } : { attempts: 0, intent_version: null };

  const ofLease = (credential: CredentialRef, lease: Lease) =>
    store.db
      .updateTable('grant_state')
      .set(free)
      .where('credential_id', '=', credential.id)
      .where('tenant_id', '=', credential.tenant_id)
      .where('holder', '=', holder)
      .where('fence', '=', lease.fence);

  return {
    async take(credential, version, { over, backOff = false } = {}) {
      const sinceTaken = stopwatch();
      const row = await store.transaction(async (tx) => {
        const now = clock.iso();
        const taken = await tx
          .updateTable('grant_state')
          .set((eb) => ({
            holder,
            fence: eb('fence', '+', 1),
            lease_until: clock.iso(leaseMs(times)),
            attempts: eb
              .case()
              .when('intent_version', '=', version)
              .then(eb('attempts', '+', 1))
              .else(1)
              .end(),
            intent_version: version,
          }))
          .where('credential_id', '=', credential.id)
          .where('tenant_id', '=', credential.tenant_id)
          .where((eb) =>
            eb.or([
              eb('holder', 'is', null),
              eb('holder', '=', holder),
              ...(over
                ? [
                    eb.and([
                      eb('holder', '=', over.holder),
                      eb('fence', '=', over.fence),
                      eb('lease_until', '<=', now),
                    ]),
                  ]
                : []),
            ]),
          )
          .where((eb) =>
            eb.or([
              eb('not_before', 'is', null),
              eb('not_before', '<=', now),
              ...(backOff ? [eb('backed_off_at', 'is not', null)] : []),
            ]),
          )
          .executeTakeFirst();
        if (taken.numUpdatedRows !== 1n) return undefined;
        return tx
          .selectFrom('grant_state')
          .select(['fence', 'attempts', 'failures'])
          .where('credential_id', '=', credential.id)
          .where('tenant_id', '=', credential.tenant_id)
          .executeTakeFirstOrThrow();
      });
      return row && { ...row, mayBegin: () => sinceTaken() < times.beginMs };
    },

    look: (credential) =>
      store.db
        .selectFrom('grant_state')
        .selectAll()
        .where('credential_id', '=', credential.id)
        .where('tenant_id', '=', credential.tenant_id)
        .executeTakeFirst(),

    async isUnchanged(credential, seen) {
      const { numUpdatedRows } = await store.db
        .updateTable('grant_state')
        .set({ fence: seen.fence })
        .where('credential_id', '=', credential.id)
        .where('tenant_id', '=', credential.tenant_id)
        .where('holder', '=', seen.holder)
        .where('fence', '=', seen.fence)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },

    async fail(credential, lease, { isOutcomeUnknown, pauseMs, isBackOff }) {
      await ofLease(credential, lease)
        .set((eb) => ({
          failures: eb('failures', '+', 1),
          not_before: clock.iso(pauseMs),
          backed_off_at: isBackOff ? clock.iso() : null,
          ...(isOutcomeUnknown ? {} : withoutAttempt(lease)),
        }))
        .execute();
    },

    async giveBack(credential, lease) {
      await ofLease(credential, lease).set(withoutAttempt(lease)).execute();
    },

    async freeFormer() {
      // The embedded store is this process's alone, so nobody who holds anything in it can be alive.
      if (store.kind === 'postgresql' && folder.prefix === undefined) return;
      const prefix = store.kind === 'postgresql' ? (folder.prefix ?? '') : '';
      await store.db
        .updateTable('grant_state')
        .set(free)
        .where('holder', 'like', `${prefix}%`)
        .where('holder', '<>', holder)
        .execute();
    },
  };
}
