import { describe, expect, it } from 'vitest';
import { interleave, median, medianRatio } from './statistics.js';

describe('what the benchmarks publish', () => {
  it('is the middle value, so that one bad round changes nothing', () => {
    expect(median([5, 1, 1000])).toBe(5);
    expect(median([4, 1, 2, 1000])).toBe(3);
    expect(() => median([])).toThrow(RangeError);
  });

  it('compares what ran in the same round', () => {
    expect(medianRatio([1, 20, 300], [2, 40, 100])).toBe(0.5);
  });

  it('runs the contenders in turn', async () => {
    const order: string[] = [];
    const contender = (name: string) => async () => order.push(name);
    const results = await interleave(2, { a: contender('a'), b: contender('b') });
    expect(order).toEqual(['a', 'b', 'a', 'b']);
    expect(results).toEqual({ a: [1, 3], b: [2, 4] });
  });
});
