import type { Logger } from 'pino';
import type { Caller } from '../access/caller.js';
import type { Config } from '../config/config.js';
import type { Store } from '../store/store.js';
import { addCounts, dropOldCounts, readCounts } from './rate-store.js';
import { createWindow, keyOf, sliceOf, type Window, windowMs } from './rate-window.js';
import { tooManyRequests } from './too-many-requests.js';

// Qlik's rate tiers (QLIK.md 0.3): requests a minute, judged over five minutes, for each person, and for a tenant half
// of what its people may together. Requests are counted in memory; once a second each node adds its counts to the
// store and reads back what the others have added, so that they share one limit without asking for every request.

export interface RateTiers {
  /**
   * Counts a request. One that is refused is not counted, so that waiting helps.
   * @throws AppError HTTP-429
   */
  take(caller: Pick<Caller, 'tenantId' | 'userId'>, tier: 1 | 2): Promise<void>;
  /** Adds what was counted here to the store and learns what others added. Runs by itself once a second. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface RateTiersDependencies {
  store: Store;
  limits: Exclude<Config['rateLimits'], 'off'>;
  log: Logger;
  now?: () => number;
}

const syncMs = 1000;
/** How old the view of a person's or tenant's requests may be when one arrives. */
const staleMs = 2000;
/** How old the number of a tenant's people may be, and how old when somebody would be refused by it. */
const peopleMs = { usual: 5000, refusing: 100 };

/** Stands for the whole tenant where a person's id would be. */
const everybody = '';

export function createRateTiers({ store, limits, log, now = Date.now }: RateTiersDependencies): RateTiers {
  const windows = new Map<string, Window>();
  const people = new Map<string, { count: number; at: number; refusing: boolean }>();
  const inFiveMinutes = (tier: 1 | 2) =>
    (tier === 1 ? limits.tier1PerMinute : limits.tier2PerMinute) * (windowMs / 60_000);

  const windowOf = (tenantId: string, tier: 1 | 2, userId: string): Window => {
    const key = keyOf({ tenantId, tier, userId });
    let window = windows.get(key);
    if (!window) {
      window = createWindow({ tenantId, tier, userId });
      windows.set(key, window);
    }
    return window;
  };

  // What is on its way to the store counts here too, so nobody may read the store between its arrival and the moment
  // this is known: the same requests would count twice.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const mine = turn.then(work, work);
    turn = mine.catch(() => undefined);
    return mine;
  };

  const refresh = async (wanted: readonly Window[]): Promise<void> => {
    const at = now();
    const counts = await readCounts(store.db, wanted, sliceOf(at));
    for (const window of wanted) window.learn(counts.get(window) ?? new Map(), at);
  };

  /** @param refusing the answer refuses somebody, so only a count that was taken for another refusal will do */
  const peopleOf = async (tenantId: string, refusing: boolean): Promise<number> => {
    const known = people.get(tenantId);
    const ageMaxMs = refusing ? peopleMs.refusing : peopleMs.usual;
    if (known && (known.refusing || !refusing) && now() - known.at < ageMaxMs) return known.count;
    const row = await store.db
      .selectFrom('user')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('tenant_id', '=', tenantId)
      .where('status', '=', 'active')
      .executeTakeFirstOrThrow();
    people.set(tenantId, { count: Number(row.count), at: now(), refusing });
    return Number(row.count);
  };

  /** A tenant with one person may still take what that person may. */
  const tenantMax = (personMax: number, count: number) =>
    Math.max(personMax, Math.floor(personMax * count * 0.5));

  let cleared = 0;
  let syncing: Promise<void> | undefined;
  const sync = async (): Promise<void> => {
    const at = now();
    const changed = [...windows.values()].filter((window) => window.send());
    try {
      if (changed.length > 0) {
        await store
          .transaction((tx) => addCounts(tx, changed))
          .catch((error: unknown) => {
            for (const window of changed) window.unsend();
            throw error;
          });
        for (const window of changed) window.arrived();
        await refresh(changed);
      }
      if (cleared !== sliceOf(at)) {
        await dropOldCounts(store.db, sliceOf(at));
        cleared = sliceOf(at);
      }
      for (const [key, window] of windows) if (window.isUnused(at)) windows.delete(key);
    } catch (error) {
      log.warn({ err: error }, 'request counts could not be shared; they are kept and tried again');
    }
  };
  const syncOnce = (): Promise<void> => {
    syncing ??= inTurn(sync).finally(() => {
      syncing = undefined;
    });
    return syncing;
  };
  const timer = setInterval(() => void syncOnce(), syncMs).unref();

  return {
    async take({ tenantId, userId }, tier) {
      const person = windowOf(tenantId, tier, userId);
      const tenant = windowOf(tenantId, tier, everybody);
      const isStale = (window: Window) => now() - window.learntAt > staleMs;
      // Neither may be cleared away while this waits: what is added to it then would count nowhere.
      for (const window of [person, tenant]) window.hold();
      try {
        if ([person, tenant].some(isStale)) {
          await inTurn(async () => {
            const stale = [person, tenant].filter(isStale);
            if (stale.length > 0) await refresh(stale);
          });
        }
        const personMax = inFiveMinutes(tier);
        let max = tenantMax(personMax, await peopleOf(tenantId, false));
        if (tenant.total(now()) >= max) max = tenantMax(personMax, await peopleOf(tenantId, true));
        // From here nothing waits, so that no two requests take the last place.
        const at = now();
        if (person.total(at) >= personMax) throw tooManyRequests(person.waitMs(personMax, at));
        if (tenant.total(at) >= max) throw tooManyRequests(tenant.waitMs(max, at));
        person.add(at);
        tenant.add(at);
      } finally {
        for (const window of [person, tenant]) window.release();
      }
    },
    sync: syncOnce,
    async close() {
      clearInterval(timer);
      await syncing;
      await inTurn(sync);
    },
  };
}
