import { performance } from 'node:perf_hooks';

/**
 * The time that leases and expiries are judged by: the store's, so that nodes whose own clocks differ agree, and
 * monotonic between two looks at it, so that a step of a machine's clock ends nothing early.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** ISO 8601 in UTC, as the store keeps instants; `offsetMs` later. */
  iso(offsetMs?: number): string;
  /** Looks at the store's time again. Keeps the old time when the store does not answer. */
  align(): Promise<void>;
}

/** @param read the store's time in milliseconds since the epoch */
export function createClock(read: () => Promise<number>): Clock {
  let base = Date.now();
  let at = performance.now();
  const now = () => Math.round(base + performance.now() - at);
  return {
    now,
    iso: (offsetMs = 0) => new Date(now() + offsetMs).toISOString(),
    async align() {
      const asked = performance.now();
      try {
        const told = await read();
        const answered = performance.now();
        base = told + (answered - asked) / 2;
        at = answered;
      } catch {
        // The store is down: what counts then is that time goes on evenly.
      }
    },
  };
}
