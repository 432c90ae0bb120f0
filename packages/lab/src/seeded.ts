import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Seed of the run, a 32-bit integer; the run prints it, and TEST_SEED repeats it. */
export const testSeed = (): number => Number(process.env['TEST_SEED'] ?? 1);

/** Gives the next integer from `from` up to, not including, `to`. */
export type RandomInt = (from: number, to: number) => number;

/**
 * Random integers that follow from a seed, by default that of the run.
 * @returns a function that gives the next integer from `from` up to, not including, `to`
 */
export function seededInt(seed = testSeed()): RandomInt {
  const generator = xoroshiro128plus(seed);
  return (from, to) => uniformInt(generator, from, to - 1);
}
