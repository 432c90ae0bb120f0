import type { Clock } from '../../store/clock.js';
import type { NodeFolder } from '../../store/node-folder.js';
import type { Store } from '../../store/store.js';
import type { CredentialTable, GrantStateTable } from '../../store/tables.js';

// Who refreshes a grant. The right to do so is a row of the store, and the intent with it: of many processes one calls
// the provider. The lease outlasts the longest call and storing its answer, so a holder that is cut off from the store,
// or whose process is suspended, is not taken for dead: a second process never sends a refresh token that may be used up.

/** How long each part of a refresh may take, in milliseconds. */
export interface RefreshTimes {
  /** How long a caller waits; the refresh continues without them, and its result is kept. */
  waitMs: number;
  /** From the intent to the first byte of the call: room for slow DNS, TCP and TLS. Later, the call is not sent. */
  beginMs: number;
  /** From the call to the end of its answer. */
  callMs: number;
  /** Storing the answer while the store is unavailable. The holder retries for longer, but others need not wait for it. */
  storeMs: number;
  marginMs: number;
  /** How long an expired lease is watched, in a store that takes writes all the time, before another process takes it. */
  graceMs: number;
}

export const refreshTimes: RefreshTimes = {
  waitMs: 20_000,
  beginMs: 20_000,
  callMs: 60_000,
  storeMs: 60_000,
  marginMs: 10_000,
  graceMs: 10_000,
};

/** No other process calls the provider with the same refresh token before it has passed. */
const leaseMs = ({ beginMs, callMs, storeMs, marginMs }: RefreshTimes): number =>
  beginMs + callMs + storeMs + marginMs;

/**
 * @returns the milliseconds since it was made, by the clock that counted more: the monotonic clock stops while the machine
 * sleeps, the wall clock can be set back
 */
export function stopwatch(): () => number {
  const steady = performance.now();
  const wall = Date.now();
  return () => Math.max(performance.now() - steady, Date.now() - wall);
}

type CredentialRef = Pick<CredentialTable, 'id' | 'tenant_id'>;

export interface Lease {
  /** Token calls with this refresh token whose outcome is not known, including the one that now begins. */
  attempts: number;
  /** Consecutive failures before this refresh. */
  failures: number;
  /** Fencing token: higher than that of every holder before. */
  fence: number;
  /** False once the call and storing its answer may no longer fit into the lease. */
  mayBegin(): boolean;
}

/** A refresh without tokens. */
export interface FailedRefresh {
  /** The provider may have acted on the refresh token: the intent stays, and the grant is suspect. */
  isOutcomeUnknown: boolean;
  /** How long to pause. */
  pauseMs: number;
  /** The pause is ours, not one that the provider asked for. */
  isBackOff: boolean;
}

/** Another process's lease. */
export type SeenLease = Pick<GrantStateTable, 'holder' | 'fence'>;

/** What `take` may ignore. */
export interface Passing {
  /** A lease that has expired, and was watched for the grace period. */
  over?: SeenLease;
  /** A pause that was our own choice. */
  backOff?: boolean;
}

export interface LeaseDependencies {
  store: Store;
  clock: Clock;
  folder: NodeFolder;
  times: RefreshTimes;
}

const free = { holder: null, lease_until: null } as const;

const withoutAttempt = (lease: Lease) =>
  lease.attempts > 1 ? { attempts: lease.attempts - 1 } : { attempts: 0, intent_version: null };

export type RefreshLeases = ReturnType<typeof createRefreshLeases>;

export function createRefreshLeases(deps: LeaseDependencies) {
  const { store, clock, folder } = deps;

  const release = (credential: CredentialRef, lease: Lease) =>
    store.db
      .updateTable('grant_state')
      .set(free)
      .where('credential_id', '=', credential.id)
      .where('tenant_id', '=', credential.tenant_id)
      .where('holder', '=', folder.holder)
      .where('fence', '=', lease.fence);

  return {
    take: (credential: CredentialRef, version: number, passing?: Passing) =>
      takeLease(deps, credential, version, passing),

    /** The row of the grant; undefined if the credential has none or is gone. */
    look: (credential: CredentialRef): Promise<GrantStateTable | undefined> =>
      store.db
        .selectFrom('grant_state')
        .selectAll()
        .where('credential_id', '=', credential.id)
        .where('tenant_id', '=', credential.tenant_id)
        .executeTakeFirst(),

    /** Proves that the store takes writes, and that the lease is still the one that was seen. */
    async isUnchanged(credential: CredentialRef, seen: SeenLease): Promise<boolean> {
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

    /** Ends the refresh without tokens. Does nothing if another process has taken over. */
    async fail(credential: CredentialRef, lease: Lease, failed: FailedRefresh): Promise<void> {
      const { isOutcomeUnknown, pauseMs, isBackOff } = failed;
      await release(credential, lease)
        .set((eb) => ({
          failures: eb('failures', '+', 1),
          not_before: clock.iso(pauseMs),
          backed_off_at: isBackOff ? clock.iso() : null,
          ...(isOutcomeUnknown ? {} : withoutAttempt(lease)),
        }))
        .execute();
    },

    /** Releases the lease; the provider was not called. Does nothing if another process has taken over. */
    async giveBack(credential: CredentialRef, lease: Lease): Promise<void> {
      await release(credential, lease).set(withoutAttempt(lease)).execute();
    },

    /** Frees the leases of processes that are proven gone: those that had this data folder before, on this kernel. */
    async freeFormer(): Promise<void> {
      const { holder, prefix } = folder;
      // The embedded store belongs to this process alone, so every other holder in it is dead.
      if (store.kind === 'postgresql' && prefix === undefined) return;
      const former = store.kind === 'postgresql' ? (prefix ?? '') : '';
      await store.db
        .updateTable('grant_state')
        .set(free)
        .where('holder', 'like', `${former}%`)
        .where('holder', '<>', holder)
        .execute();
    },
  };
}

/**
 * Takes the right to refresh this version of the grant, and writes the intent with it, in one transaction. Takes a lease
 * again that this process still holds because the store went away while it was taken or released.
 * @returns undefined while another process holds it, or within a pause
 */
async function takeLease(
  { store, clock, folder: { holder }, times }: LeaseDependencies,
  credential: CredentialRef,
  version: number,
  { over, backOff = false }: Passing = {},
): Promise<Lease | undefined> {
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
}
