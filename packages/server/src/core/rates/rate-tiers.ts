import type { Logger } from 'pino';
import type { Caller } from '../access/caller.js';
import type { Config } from '../config/config.js';
import type { Clock } from '../store/clock.js';
import { countRows } from '../store/count-rows.js';
import type { Db } from '../store/queryable.js';
import type { Store } from '../store/store.js';
import { windowMs } from './rate-window.js';
import { createSharedWindows } from './shared-windows.js';
import { tooManyRequests } from './too-many-requests.js';

// Qlik's rate tiers (QLIK.md 0.3): requests per minute, over a window of five minutes, per user; a tenant gets half of
// what its users may do together. Requests are counted in memory; once a second each node adds its counts to the store
// and reads those of the others, so that nodes share one limit without a store access per request.

export interface RateTiersDependencies {
  store: Store;
  clock: Pick<Clock, 'now'>;
  limits: Exclude<Config['rateLimits'], 'off'>;
  log: Logger;
}

/** Maximum age of the counts of a user and tenant when a request arrives. */
const staleMs = 2000;

/** User id that stands for the whole tenant. */
const wholeTenant = '';

/** Maximum age of the number of a tenant's users: usually, and when a request would be refused by it. */
const ageMaxMs = { usual: 5000, refusing: 100 };

/** A tenant with one user may still take what that user may. */
const tenantMax = (userMax: number, users: number) => Math.max(userMax, Math.floor(userMax * users * 0.5));

/**
 * Counts the active users of a tenant, cached.
 * @param refusing the answer refuses a request, so only a number that was read for another refusal will do
 */
function createUserCount(db: Db, now: () => number) {
  const known = new Map<string, { count: number; at: number; refusing: boolean }>();
  const knownCount = (tenantId: string, refusing: boolean): number | undefined => {
    const found = known.get(tenantId);
    const maxMs = refusing ? ageMaxMs.refusing : ageMaxMs.usual;
    return found && (found.refusing || !refusing) && now() - found.at < maxMs ? found.count : undefined;
  };
  const count = async (tenantId: string, refusing: boolean): Promise<number> => {
    const before = knownCount(tenantId, refusing);
    if (before !== undefined) return before;
    const count = await countRows(
      db.selectFrom('user').where('tenant_id', '=', tenantId).where('status', '=', 'active'),
    );
    known.set(tenantId, { count, at: now(), refusing });
    return count;
  };
  return { count, known: knownCount };
}

export type RateTiers = ReturnType<typeof createRateTiers>;

export function createRateTiers({ store, clock, limits, log }: RateTiersDependencies) {
  const { now } = clock;
  const windows = createSharedWindows({ store, now, log });
  const users = createUserCount(store.db, now);
  const maxOf = (tier: 1 | 2) =>
    (tier === 1 ? limits.tier1PerMinute : limits.tier2PerMinute) * (windowMs / 60_000);

  return {
    /**
     * Counts a request if that needs neither the store nor a refusal.
     * @returns false: nothing was counted, use `take`
     */
    takeNow({ tenantId, userId }: Pick<Caller, 'tenantId' | 'userId'>, tier: 1 | 2): boolean {
      const at = now();
      const userMax = maxOf(tier);
      const count = users.known(tenantId, false);
      const user = windows.of({ tenantId, tier, userId });
      const tenant = windows.of({ tenantId, tier, userId: wholeTenant });
      const isFresh = at - Math.min(user.learntAt, tenant.learntAt) <= staleMs;
      if (!isFresh || count === undefined) return false;
      if (user.total(at) >= userMax || tenant.total(at) >= tenantMax(userMax, count)) return false;
      user.add(at);
      tenant.add(at);
      return true;
    },
    /**
     * Counts a request. A refused request is not counted, so that waiting helps.
     * @throws AppError HTTP-429
     */
    async take({ tenantId, userId }: Pick<Caller, 'tenantId' | 'userId'>, tier: 1 | 2): Promise<void> {
      const user = windows.of({ tenantId, tier, userId });
      const tenant = windows.of({ tenantId, tier, userId: wholeTenant });
      // Neither may be dropped during a wait: what is added to it then would count nowhere.
      for (const window of [user, tenant]) window.hold();
      try {
        await windows.refresh([user, tenant], staleMs);
        const userMax = maxOf(tier);
        let max = tenantMax(userMax, await users.count(tenantId, false));
        if (tenant.total(now()) >= max) max = tenantMax(userMax, await users.count(tenantId, true));
        // No wait from here on, so that no two requests take the last place.
        const at = now();
        if (user.total(at) >= userMax) throw tooManyRequests(user.waitMs(userMax, at));
        if (tenant.total(at) >= max) throw tooManyRequests(tenant.waitMs(max, at));
        user.add(at);
        tenant.add(at);
      } finally {
        for (const window of [user, tenant]) window.release();
      }
    },
    sync: windows.sync,
    close: windows.close,
  };
}
