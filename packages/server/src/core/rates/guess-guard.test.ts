import { describe, expect, it } from 'vitest';
import { createGuessGuard } from './guess-guard.js';

describe('the rate limit of guesses', () => {
  const refusals = (
    guard: ReturnType<typeof createGuessGuard>,
    address: string,
    attempts: number,
  ): number => {
    let refused = 0;
    for (let index = 0; index < attempts; index += 1) {
      try {
        guard.failed(address);
      } catch {
        refused += 1;
      }
    }
    return refused;
  };

  it('W15: counts each address separately, and forgets it after a minute', () => {
    let now = 0;
    const guard = createGuessGuard(() => now);
    expect(refusals(guard, '192.0.2.1', 150)).toBe(50);
    expect(refusals(guard, '192.0.2.2', 100)).toBe(0);
    now = 60_000;
    expect(refusals(guard, '192.0.2.1', 100)).toBe(0);
  });

  it('W15: counts the addresses of one IPv6 network, and both forms of an IPv4 address, together', () => {
    const guard = createGuessGuard(() => 0);
    for (let host = 1; host <= 100; host += 1) guard.failed(`2001:db8::${host.toString(16)}`);
    expect(refusals(guard, '2001:db8::ffff', 1)).toBe(1);
    expect(refusals(guard, '2001:db8:0:1::1', 1)).toBe(0);
    expect(refusals(guard, '::ffff:192.0.2.9', 100)).toBe(0);
    expect(refusals(guard, '192.0.2.9', 1)).toBe(1);
  });

  it('keeps its memory bounded however many addresses guess', () => {
    const guard = createGuessGuard(() => 0);
    expect(refusals(guard, '192.0.2.1', 100)).toBe(0);
    for (let index = 0; index < 10_000; index += 1) guard.failed(`10.0.${index >> 8}.${index & 255}`);
    expect(refusals(guard, '192.0.2.1', 1)).toBe(0);
  });
});
