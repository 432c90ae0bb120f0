import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** Seed of the run, a 32-bit integer; the run prints it, and TEST_SEED repeats it. */
export const testSeed = (): number => Number(process.env['TEST_SEED'] ?? 1);

/**
 * Random integers that follow from the seed of the run.
 * @returns a function that gives the next integer from `from` up to, not including, `to`
 */
export function seededInt(): (from: number, to: number) => number {
  const generator = xoroshiro128plus(testSeed());
  return (from, to) => uniformInt(generator, from, to - 1);
}
