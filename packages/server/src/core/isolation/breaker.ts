export interface BreakerOptions {
  /** Consecutive misses that open the breaker. */
  missesMax: number;
  pauseMs: number;
  /** Monotonic, in milliseconds. */
  now: () => number;
}

/** Wait while the probe is running. */
const probeWaitMs = 1_000;

export type Breaker = ReturnType<typeof createBreaker>;

/**
 * Circuit breaker: closed, open (paused) or half-open (one probe is running). It opens when a source was not reached
 * several times in a row. After the pause one attempt goes through and decides whether the breaker closes or stays
 * open for another pause.
 */
export function createBreaker({ missesMax, pauseMs, now }: BreakerOptions) {
  let misses = 0;
  let pausedUntil: number | undefined;
  let isProbing = false;
  return {
    isPaused: () => pausedUntil !== undefined,
    /** True when it has no state. */
    isFresh: () => misses === 0 && pausedUntil === undefined && !isProbing,
    /**
     * Time until the next attempt, in milliseconds; 0: now.
     * @param isTest a test of the source itself need not wait for the end of the pause
     */
    waitMs(isTest: boolean): number {
      if (pausedUntil === undefined) return 0;
      const left = pausedUntil - now();
      if (isProbing) return Math.max(left, probeWaitMs);
      return isTest ? 0 : Math.max(left, 0);
    },
    /** One attempt to reach the source, only where `waitMs` is 0. Only its first report counts. */
    begin() {
      const isProbe = pausedUntil !== undefined;
      if (isProbe) isProbing = true;
      let isSettled = false;
      const settle = (act: () => void) => () => {
        if (isSettled) return;
        isSettled = true;
        if (isProbe) isProbing = false;
        act();
      };
      return {
        reached: settle(() => {
          misses = 0;
          pausedUntil = undefined;
        }),
        /** The source was not reached. A refused login or query is not a miss: it has reached the source. */
        missed: settle(() => {
          misses += 1;
          // Attempts that were already running when the pause began do not extend it.
          if (isProbe || (misses >= missesMax && pausedUntil === undefined)) pausedUntil = now() + pauseMs;
        }),
        /** Ended without showing whether the source can be reached. */
        leave: settle(() => undefined),
      };
    },
  };
}
