import { performance } from 'node:perf_hooks';

/**
 * The clock of leases and expiries: the store's time, so that nodes with different clocks agree, and monotonic
 * between two reads of it, so that a step of a machine's clock ends nothing early.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** ISO 8601 in UTC, as instants are stored; `offsetMs` later. */
  iso(offsetMs?: number): string;
  /** Reads the store's time again. Keeps the old time when the store does not answer. */
  align(): Promise<void>;
}

/** Interval between two reads of the store's time. */
const alignMs = 30_000;
/** How often to check whether the machine's clock has jumped, as it does when the machine wakes up. */
const lookMs = 1_000;
/** More than a clock is slewed between two checks, and less than any lease or expiry. */
const jumpMs = 500;

/**
 * A clock that follows the store's time until it is stopped.
 * @param read the store's time in milliseconds since the epoch
 */
export function createClock(read: () => Promise<number>): Clock & { stop(): void } {
  let base = Date.now();
  let at = performance.now();
  const now = () => Math.round(base + performance.now() - at);

  const align = async (): Promise<void> => {
    const asked = performance.now();
    try {
      const told = await read();
      const answered = performance.now();
      base = told + (answered - asked) / 2;
      at = answered;
    } catch {
      // The store is down: until it is back, time only has to pass evenly.
    }
  };

  // The monotonic clock stands still while a machine sleeps; its wall clock is right when it wakes up.
  const ahead = () => Date.now() - performance.now();
  let aheadBefore = ahead();
  let alignedAt = performance.now();
  const looking = setInterval(() => {
    const hasJumped = Math.abs(ahead() - aheadBefore) > jumpMs;
    aheadBefore = ahead();
    if (!hasJumped && performance.now() - alignedAt < alignMs) return;
    alignedAt = performance.now();
    void align();
  }, lookMs).unref();

  return {
    now,
    iso: (offsetMs = 0) => new Date(now() + offsetMs).toISOString(),
    align,
    stop: () => clearInterval(looking),
  };
}
