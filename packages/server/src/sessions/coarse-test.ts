import { setTimeout as wait } from 'node:timers/promises';
import type { Stage, TestAnswer } from './staged-test.js';

/** What is left of the limit is for sources that are slow to let go, so that their answer is not the later one. */
const shareForTest = 0.8;

const works: Stage = { name: 'connection', ok: true };
const fails: Stage = {
  name: 'connection',
  ok: false,
  message: 'The connection does not work for you now.',
  remedy: 'Ask the owner of the connection.',
};

/** How long a test may run that is told coarsely. @param seconds the whole time limit */
export const coarseTestSeconds = (seconds: number): number => seconds * shareForTest;

/**
 * What a test says to people who may not edit the connection: it works or it does not. Whatever the reason, a failure
 * is told in the same words and only when the time limit is over, so that nobody learns from it which ports of the
 * operator's network are open, closed or filtered (S09). A connection that works says so at once.
 */
export async function tellCoarsely(
  { ok }: TestAnswer,
  {
    since,
    seconds,
    left,
  }: {
    /** Milliseconds on the monotonic clock, from before anything was done. */
    since: number;
    /** The whole time limit. */
    seconds: number;
    /** The caller is gone and nobody waits any more. */
    left: AbortSignal;
  },
): Promise<TestAnswer> {
  if (ok) return { ok, stages: [works] };
  const restMs = seconds * 1000 - (performance.now() - since);
  // Rejects only when the caller leaves, and then the answer goes nowhere.
  if (restMs > 0) await wait(restMs, undefined, { signal: left }).catch(() => undefined);
  return { ok, stages: [fails] };
}
