import { describe, expect, it } from 'vitest';
import { createBreaker } from './breaker.js';

/** A breaker that pauses for 10 s after three misses, and its clock. */
function stand() {
  let time = 0;
  const breaker = createBreaker({ missesMax: 3, pauseMs: 10_000, now: () => time });
  return {
    breaker,
    pass: (ms: number) => {
      time += ms;
    },
    pause: () => {
      for (let miss = 0; miss < 3; miss += 1) breaker.begin().missed();
    },
  };
}

describe('R16: the breaker of a source', () => {
  it('pauses after misses in a row, and only in a row', () => {
    const { breaker } = stand();
    for (let round = 0; round < 5; round += 1) {
      breaker.begin().missed();
      breaker.begin().missed();
      breaker.begin().reached();
    }
    expect(breaker.waitMs(false)).toBe(0);
    for (let miss = 0; miss < 3; miss += 1) breaker.begin().missed();
    expect(breaker.waitMs(false)).toBe(10_000);
  });

  it('ignores an attempt that ends without a verdict', () => {
    const { breaker } = stand();
    for (let number = 0; number < 10; number += 1) breaker.begin().leave();
    expect(breaker.isPaused()).toBe(false);
  });

  it('lets one probe through after the pause, and begins a new pause when it misses', () => {
    const { breaker, pass, pause } = stand();
    pause();
    pass(10_000);
    expect(breaker.waitMs(false)).toBe(0);
    const probe = breaker.begin();
    expect(breaker.waitMs(false)).toBeGreaterThan(0);
    expect(breaker.waitMs(true)).toBeGreaterThan(0);
    probe.missed();
    expect(breaker.waitMs(false)).toBe(10_000);
  });

  it('lets another probe through when the first left without a verdict', () => {
    const { breaker, pass, pause } = stand();
    pause();
    pass(10_000);
    breaker.begin().leave();
    expect(breaker.waitMs(false)).toBe(0);
    breaker.begin().reached();
    expect(breaker.isPaused()).toBe(false);
  });

  it('lets a test be the probe before the pause is over', () => {
    const { breaker, pause } = stand();
    pause();
    expect(breaker.waitMs(true)).toBe(0);
    breaker.begin().reached();
    expect(breaker.waitMs(false)).toBe(0);
  });

  it('is not kept open by attempts that were running when the pause began', () => {
    const { breaker, pass, pause } = stand();
    const late = breaker.begin();
    pause();
    pass(6_000);
    late.missed();
    expect(breaker.waitMs(false)).toBe(4_000);
  });
});
