import { describe, expect, it } from 'vitest';
import { trendOf } from './trend.js';

const minutes = Array.from({ length: 60 }, (_, index) => index);

/** Even numbers between -1 and 1, the same at every run. */
function noiseFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 31 - 1;
  };
}

describe('the trend that the soak publishes', () => {
  it('is the exact line without noise', () => {
    const { slope, margin, mean } = trendOf(
      minutes,
      minutes.map((x) => 2 * x + 1),
    );
    expect(slope).toBeCloseTo(2);
    expect(margin).toBeCloseTo(0);
    expect(mean).toBe(60);
  });

  it('is what a textbook has of the same numbers, with independent noise', () => {
    // Anscombe's first set: slope 0.5001, standard error 0.1179, nine degrees of freedom, t 2.262.
    const x = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
    const y = [4.26, 5.68, 7.24, 4.82, 6.95, 8.81, 8.04, 8.33, 10.84, 7.58, 9.96];
    const { slope, margin } = trendOf(x, y);
    expect(slope).toBeCloseTo(0.5001, 4);
    expect(margin).toBeCloseTo(0.1179 * 2.262, 2);
  });

  it('holds the true slope nearly always, also where each value is much like the one before it', () => {
    const runs = 400;
    let held = 0;
    for (let run = 0; run < runs; run += 1) {
      const noise = noiseFrom(run * 7919 + 1);
      let drift = 0;
      const values = minutes.map((x) => {
        drift = 0.6 * drift + noise();
        return 0.05 * x + drift;
      });
      const { slope, margin } = trendOf(minutes, values);
      if (Math.abs(slope - 0.05) <= margin) held += 1;
    }
    expect(held / runs).toBeGreaterThan(0.9);
  });

  it('says nothing of a line where the values say nothing of each other', () => {
    expect(trendOf([0, 1, 2, 3], [0, 0, 5, 5]).margin).toBeGreaterThan(2);
    expect(() => trendOf([0, 1], [0, 1])).toThrow(RangeError);
  });
});
