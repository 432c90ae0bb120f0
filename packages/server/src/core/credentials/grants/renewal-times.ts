/** How long each part of a renewal may take, in milliseconds. */
export interface RenewalTimes {
  /** A caller waits so long; the renewal goes on without them, and what it brings is kept. */
  waitMs: number;
  /** From the intent to the first byte of the call: room for a slow name, TCP and TLS. Later it is not sent. */
  beginMs: number;
  /** From the call to the end of its answer. */
  callMs: number;
  /** Storing the answer in a store that is away. The holder tries for longer, but others need not wait for it. */
  storeMs: number;
  marginMs: number;
  /** A lease that is over is watched so long, in a store that takes writes all the while, before another takes it. */
  graceMs: number;
}

export const renewalTimes: RenewalTimes = {
  waitMs: 20_000,
  beginMs: 20_000,
  callMs: 60_000,
  storeMs: 60_000,
  marginMs: 10_000,
  graceMs: 10_000,
};

/** No other process calls the provider with the same refresh token before this has passed. */
export const leaseMs = ({ beginMs, callMs, storeMs, marginMs }: RenewalTimes): number =>
  beginMs + callMs + storeMs + marginMs;

/**
 * Tells the milliseconds since it was made, by the clock that counted more: the monotonic one stands still while a
 * machine sleeps, the other can be set back.
 */
export function stopwatch(): () => number {
  const steady = performance.now();
  const wall = Date.now();
  return () => Math.max(performance.now() - steady, Date.now() - wall);
}
