import type { Retries } from '../spec/connector.js';

// A source that is in trouble must not be asked twice by each of its many callers. What is kept here is kept for all of
// them.

/** Second tries that are saved up at most: so many come on top of an outage, however many callers are in it. */
const savedMax = 5;
/** What an answered request earns: in good times one request in ten may be tried again. */
const earned = 0.1;
const originsMax = 1000;

export function createRetries(): Retries {
  const saved = new Map<string, number>();

  const change = (origin: string, change: number): boolean => {
    const before = saved.get(origin) ?? savedMax;
    const after = before + change;
    // The one that was asked for last stands last, so that the first one is the one to forget.
    saved.delete(origin);
    saved.set(origin, after < 0 ? before : Math.min(savedMax, after));
    const [oldest] = saved.keys();
    if (saved.size > originsMax && oldest !== undefined) saved.delete(oldest);
    return after >= 0;
  };
  return {
    take: async (origin) => change(origin, -1),
    giveBack: (origin) => void change(origin, 1),
    earn: (origin) => void change(origin, earned),
  };
}
