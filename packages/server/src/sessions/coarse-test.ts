import { setTimeout as wait } from 'node:timers/promises';
import { timeLimit } from '@mooring/connectors/kit/deadline';
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

/**
 * A test for people who may not edit the connection: it works or it does not. Whatever the reason, a failure is told
 * in the same words and only when the time limit is over, so that nobody learns from it which ports of the operator's
 * network are open, closed or filtered (S09). A connection that works says so at once.
 * @param test gets the signal under which it must end
 * @param seconds the whole time limit
 * @param left the caller is gone and nobody waits any more
 */
export async function testCoarsely(
  test: (within: AbortSignal) => Promise<TestAnswer>,
  seconds: number,
  left: AbortSignal,
): Promise<TestAnswer> {
  const limitMs = seconds * 1000;
  const since = performance.now();
  const { ok } = await test(timeLimit(limitMs * shareForTest));
  if (ok) return { ok, stages: [works] };
  const restMs = limitMs - (performance.now() - since);
  // Rejects only when the caller leaves, and then the answer goes nowhere.
  if (restMs > 0) await wait(restMs, undefined, { signal: left }).catch(() => undefined);
  return { ok, stages: [fails] };
}
