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
export const leaseMs = ({ beginMs, callMs, storeMs, marginMs }: RefreshTimes): number =>
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
