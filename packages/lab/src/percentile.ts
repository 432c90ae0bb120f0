import { setTimeout as pause } from 'node:timers/promises';

/** The value that the given share of the others does not exceed (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/**
 * Milliseconds that each run took, one after another: `count` of them, or more until `lastMs` have passed.
 * @param pace `pauseMs`: between two runs
 */
export async function timed(
  count: number,
  run: () => Promise<void>,
  { lastMs = 0, pauseMs = 0 } = {},
): Promise<number[]> {
  const end = performance.now() + lastMs;
  const times: number[] = [];
  for (let index = 0; index < count || performance.now() < end; index += 1) {
    const since = performance.now();
    await run();
    times.push(performance.now() - since);
    if (pauseMs > 0) await pause(pauseMs);
  }
  return times;
}
