import { abortError, after } from '@mooring/connectors/kit/deadline';

export interface SlotsOptions {
  /** Taken at the same time, at the most. Asked each time. */
  max: () => number;
  /** How many may wait, at the most. Asked each time. */
  waitingMax: () => number;
  /** Longest wait, in milliseconds. */
  waitMs: number;
  /** What one is refused with who finds no room, or waited too long. */
  full: () => Error;
}

/** A budget of things that happen at the same time, with a short line in front of it. */
export interface Slots {
  /** Resolves with a slot, which must be given back. @throws `full`, or a ConnectorError when the signal aborts */
  take(signal: AbortSignal): Promise<void>;
  giveBack(): void;
  /** True when nobody has a slot and nobody waits. */
  isIdle(): boolean;
  waitingCount(): number;
  /** Sends everybody away who waits. */
  refuseWaiting(error: Error): void;
}

interface Waiter {
  admit(): void;
  refuse(error: Error): void;
}

export function createSlots({ max, waitingMax, waitMs, full }: SlotsOptions): Slots {
  let taken = 0;
  // In the order of arrival.
  const waiting = new Set<Waiter>();

  const wait = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
        waiting.delete(waiter);
        act();
      };
      const waiter: Waiter = {
        admit: () => settle(resolve),
        refuse: (error) => settle(() => reject(error)),
      };
      const leave = () => waiter.refuse(abortError(signal));
      const timer = after(waitMs, () => waiter.refuse(full()));
      signal.addEventListener('abort', leave, { once: true });
      waiting.add(waiter);
    });

  return {
    waitingCount: () => waiting.size,
    isIdle: () => taken === 0 && waiting.size === 0,
    async take(signal) {
      if (signal.aborted) throw abortError(signal);
      if (taken < max()) taken += 1;
      else if (waiting.size < waitingMax()) await wait(signal);
      else throw full();
    },
    giveBack() {
      // Handed on to the first in line, so that nobody who comes now gets in before.
      const [next] = waiting;
      if (next) next.admit();
      else taken -= 1;
    },
    refuseWaiting(error) {
      for (const waiter of [...waiting]) waiter.refuse(error);
    },
  };
}
