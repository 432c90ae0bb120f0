import type { Retries } from '../interface/retries.js';

// A failing source must not be retried by each of its many callers, so the retry budget is shared by all of them.

/** Maximum saved retries: the most that are added to an outage, however many callers there are. */
const savedMax = 5;
/** Retries that an answered request earns: normally, one request in ten may be retried. */
const earned = 0.1;
const originsMax = 1000;

export function createRetries(): Retries {
  const saved = new Map<string, number>();

  const change = (origin: string, change: number): boolean => {
    const before = saved.get(origin) ?? savedMax;
    const after = before + change;
    // Reinserted at the end, so that the least recently used origin comes first and is dropped first.
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
