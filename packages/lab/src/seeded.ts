import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Seed of the run, a 32-bit integer; the run prints it, and TEST_SEED repeats it. */
export const testSeed = (): number => Number(process.env['TEST_SEED'] ?? 1);

/** The next integer in [`from`, `to`). */
export type RandomInt = (from: number, to: number) => number;

/**
 * Pseudo-random integers from a seed; by default the seed of the run.
 * @returns a function that returns the next integer in [`from`, `to`)
 */
export function seededInt(seed = testSeed()): RandomInt {
  const generator = xoroshiro128plus(seed);
  return (from, to) => uniformInt(generator, from, to - 1);
}
