import type { NewUse } from './chain.js';

const recordsAtOnce = 200;

/** A record that waits to be appended. */
export interface Waiting {
  shard: number;
  use: NewUse;
  placed(seq: number): void;
  failed(error: unknown): void;
}

/**
 * Appends the waiting records of one tenant and one lane. Records that arrive while a transaction runs go into the
 * next one together.
 */
export function createLane(append: (batch: readonly Waiting[]) => Promise<number[]>): (one: Waiting) => void {
  let waiting: Waiting[] = [];
  let isRunning = false;
  const run = async (): Promise<void> => {
    isRunning = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, recordsAtOnce);
      waiting = waiting.slice(recordsAtOnce);
      try {
        const seqs = await append(batch);
        batch.forEach((one, index) => {
          one.placed(seqs[index] ?? 0);
        });
      } catch (error) {
        for (const one of batch) one.failed(error);
      }
    }
    isRunning = false;
  };
  return (one) => {
    waiting.push(one);
    if (!isRunning) void run();
  };
}
