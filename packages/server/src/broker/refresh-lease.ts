import type { Clock } from '../store/clock.js';
import type { Store } from '../store/store.js';
import type { CredentialTable, GrantStateTable } from '../store/tables.js';
import { newUuid } from '../vault/random.js';

// Who renews a grant. The right to do so is a row of the store that ends by itself, so that of many processes one
// calls the provider, and the death of that one leaves a trace: the intent stays with the version it was about.

type CredentialRef = Pick<CredentialTable, 'id' | 'tenant_id'>;

export interface Lease {
  /** Token calls with this refresh token whose outcome is not known, the one that now begins included. */
  attempts: number;
  /** Renewals in a row that did not succeed before this one. */
  failures: number;
  /** Keeps it until released; a process that dies stops doing so. */
  release(): Promise<void>;
}

/** How a renewal ended that brought no tokens. */
export interface FailedRenewal {
  /** The provider may have acted on the refresh token: the intent stays, and the grant is suspect. */
  isOutcomeUnknown: boolean;
  /** The provider is left alone for so long. */
  pauseMs: number;
}

export interface RefreshLeases {
  /**
   * Takes the right to renew this version of the grant, and writes the intent with it, in one transaction.
   * @returns undefined while another holds it, or while the provider is to be left alone
   */
  take(credential: CredentialRef, version: number): Promise<Lease | undefined>;
  /** The row of the grant; undefined when the credential has none or is gone. */
  look(credential: CredentialRef): Promise<GrantStateTable | undefined>;
  /** Ends the renewal without tokens. Does nothing when another has taken over. */
  fail(credential: CredentialRef, lease: Lease, failed: FailedRenewal): Promise<void>;
  /** On a store that only this process has: what dead processes held is free at once. */
  freeAll(): Promise<void>;
}

/** Short, because a holder that lives renews it; long enough for a process that is held up for a moment. */
const leaseMs = 6_000;

export function createRefreshLeases(store: Store, clock: Clock): RefreshLeases {
  const holder = newUuid();
  const fences = new WeakMap<Lease, number>();

  const extend = async (credential: CredentialRef, fence: number): Promise<void> => {
    await store.db
      .updateTable('grant_state')
      .set({ lease_until: clock.iso(leaseMs) })
      .where('credential_id', '=', credential.id)
      .where('tenant_id', '=', credential.tenant_id)
      .where('holder', '=', holder)
      .where('fence', '=', fence)
      .execute();
  };

  return {
    async take(credential, version) {
      const row = await store.transaction(async (tx) => {
        const taken = await tx
          .updateTable('grant_state')
          .set((eb) => ({
            holder,
            fence: eb('fence', '+', 1),
            lease_until: clock.iso(leaseMs),
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
          .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<=', clock.iso())]))
          .where((eb) => eb.or([eb('not_before', 'is', null), eb('not_before', '<=', clock.iso())]))
          .executeTakeFirst();
        if (taken.numUpdatedRows !== 1n) return undefined;
        return tx
          .selectFrom('grant_state')
          .select(['fence', 'attempts', 'failures'])
          .where('credential_id', '=', credential.id)
          .where('tenant_id', '=', credential.tenant_id)
          .executeTakeFirstOrThrow();
      });
      if (!row) return undefined;
      let extending = Promise.resolve();
      // A failed extension is made good by the next; if none succeeds, the lease ends, which is what it is for.
      const beat = setInterval(() => {
        extending = extend(credential, row.fence).catch(() => undefined);
      }, leaseMs / 3).unref();
      const lease: Lease = {
        attempts: row.attempts,
        failures: row.failures,
        async release() {
          clearInterval(beat);
          await extending;
          await store.db
            .updateTable('grant_state')
            .set({ holder: null, lease_until: null })
            .where('credential_id', '=', credential.id)
            .where('tenant_id', '=', credential.tenant_id)
            .where('holder', '=', holder)
            .where('fence', '=', row.fence)
            .execute();
        },
      };
      fences.set(lease, row.fence);
      return lease;
    },

    look: (credential) =>
      store.db
        .selectFrom('grant_state')
        .selectAll()
        .where('credential_id', '=', credential.id)
        .where('tenant_id', '=', credential.tenant_id)
        .executeTakeFirst(),

    async fail(credential, lease, { isOutcomeUnknown, pauseMs }) {
      await store.db
        .updateTable('grant_state')
        .set((eb) => ({
          failures: eb('failures', '+', 1),
          not_before: clock.iso(pauseMs),
          ...(isOutcomeUnknown
            ? {}
            : lease.attempts > 1
              ? { attempts: eb('attempts', '-', 1) }
              : { attempts: 0, intent_version: null }),
        }))
        .where('credential_id', '=', credential.id)
        .where('tenant_id', '=', credential.tenant_id)
        .where('holder', '=', holder)
        .where('fence', '=', fences.get(lease) ?? -1)
        .execute();
    },

    async freeAll() {
      await store.db
        .updateTable('grant_state')
        .set({ holder: null, lease_until: null })
        .where('holder', 'is not', null)
        .execute();
    },
  };
}
