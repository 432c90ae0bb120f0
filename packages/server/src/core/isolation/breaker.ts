export interface BreakerOptions {
  /** Misses in a row that pause the source. */
  missesMax: number;
  pauseMs: number;
  /** Milliseconds on a clock that never goes back. */
  now: () => number;
}

/** One attempt to reach the source. The first verdict counts, and later ones do nothing. */
export interface Attempt {
  reached(): void;
  /** The source was not reached. Nothing else is a miss: a refused login or query has reached it. */
  missed(): void;
  /** Ended without showing whether the source can be reached. */
  leave(): void;
}

/**
 * Circuit breaker: closed, open (paused) or half-open (one probe is out). A source that was not reached several times
 * in a row is paused; after the pause one attempt goes through, and decides whether the pause ends or begins anew.
 */
export interface Breaker {
  /**
   * How long to stay away, in milliseconds; 0: one may try now.
   * @param isTest somebody who asks about the source itself need not wait for the end of the pause
   */
  waitMs(isTest: boolean): number;
  /** Only where `waitMs` is 0. */
  begin(): Attempt;
  isPaused(): boolean;
  /** True when it is as if it were new. */
  isFresh(): boolean;
}

/** What those are told who come while the probe is out. */
const probeWaitMs = 1_000;

export function createBreaker({ missesMax, pauseMs, now }: BreakerOptions): Breaker {
  let misses = 0;
  let pausedUntil: number | undefined;
  let isProbing = false;
  return {
    isPaused: () => pausedUntil !== undefined,
    isFresh: () => misses === 0 && pausedUntil === undefined && !isProbing,
    waitMs(isTest) {
      if (pausedUntil === undefined) return 0;
      const left = pausedUntil - now();
      if (isProbing) return Math.max(left, probeWaitMs);
      return isTest ? 0 : Math.max(left, 0);
    },
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
        missed: settle(() => {
          misses += 1;
          // Attempts that were out already when the pause began do not make it longer.
          if (isProbe || (misses >= missesMax && pausedUntil === undefined)) pausedUntil = now() + pauseMs;
        }),
        leave: settle(() => undefined),
      };
    },
  };
}
