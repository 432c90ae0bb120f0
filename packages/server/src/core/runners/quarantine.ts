import { ownerOf, type RunnerFor } from './runner.js';

const quarantineMs = 10 * 60_000;

const keyOf = (use: RunnerFor): string => `${ownerOf(use)}\n${use.sourceId}\n${use.destination}`;

/** Remembers which user's uses of which destination have crashed a runner. */
export interface Quarantine {
  add(uses: Iterable<RunnerFor>): void;
  has(use: RunnerFor): boolean;
}

export function createQuarantine(): Quarantine {
  const quarantined = new Map<string, number>();
  return {
    add(uses) {
      const now = performance.now();
      for (const [key, until] of quarantined) if (until <= now) quarantined.delete(key);
      for (const use of uses) quarantined.set(keyOf(use), now + quarantineMs);
    },
    has: (use) => (quarantined.get(keyOf(use)) ?? 0) > performance.now(),
  };
}
