import { abortError, after } from '@mooring/connectors/kit/deadline';

/** What one is refused for: nothing is left of the budget, or of one's own share of it. */
export type Shortage = 'budget' | 'share';

export interface SlotsOptions {
  /** Taken at the same time, at the most. Asked each time. */
  max: () => number;
  /** How many may wait, at the most. Asked each time. */
  waitingMax: () => number;
  /** Longest wait, in milliseconds. */
  waitMs: number;
  /** How many of the places one user may have; absent: half. */
  share?: number;
  /** What one is refused with who finds no room, or waited too long. */
  full: (shortage: Shortage) => Error;
}

/**
 * A budget of things that happen at the same time, with a short line in front of it. One user has at most half of its
 * places and of its line, and who has fewest is next, so that a user who floods costs the others nothing.
 */
export interface Slots {
  /** Resolves with a slot, which must be given back. @throws `full`, or a ConnectorError when the signal aborts */
  take(userId: string, signal: AbortSignal): Promise<void>;
  giveBack(userId: string): void;
  /** True when nobody has a slot and nobody waits. */
  isIdle(): boolean;
  counts(): { taken: number; waiting: number; takenByOne: number; waitingOfOne: number };
  /** Sends everybody away who waits. */
  refuseWaiting(error: Error): void;
}

interface Waiter {
  admit(): void;
  refuse(error: Error): void;
}

/** Of one user. */
interface Part {
  taken: number;
  /** In the order of arrival. */
  waiting: Set<Waiter>;
}

/** At most half, and never nothing. */
const shareOf = (max: number): number => Math.max(1, Math.floor(max / 2));

export function createSlots({ max, waitingMax, waitMs, full, share }: SlotsOptions): Slots {
  let taken = 0;
  let waiting = 0;
  // Whoever was admitted last stands last, which decides between users who have equally many.
  const parts = new Map<string, Part>();

  const partOf = (userId: string): Part => {
    const found = parts.get(userId);
    if (found) return found;
    const part = { taken: 0, waiting: new Set<Waiter>() };
    parts.set(userId, part);
    return part;
  };
  const forgetIdle = (userId: string, part: Part) => {
    if (part.taken === 0 && part.waiting.size === 0) parts.delete(userId);
  };
  const hasShare = (part: Part): boolean => part.taken >= (share ?? shareOf(max()));
  const shortageOf = (part: Part): Shortage => (hasShare(part) ? 'share' : 'budget');
  const occupy = (userId: string, part: Part) => {
    taken += 1;
    part.taken += 1;
    parts.delete(userId);
    parts.set(userId, part);
  };

  const wait = (userId: string, part: Part, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', leave);
        if (part.waiting.delete(waiter)) waiting -= 1;
        forgetIdle(userId, part);
        act();
      };
      const waiter: Waiter = {
        admit: () => settle(resolve),
        refuse: (error) => settle(() => reject(error)),
      };
      const leave = () => waiter.refuse(abortError(signal));
      const timer = after(waitMs, () => waiter.refuse(full(shortageOf(part))));
      signal.addEventListener('abort', leave, { once: true });
      part.waiting.add(waiter);
      waiting += 1;
    });

  const next = (): [userId: string, part: Part] | undefined => {
    let found: [string, Part] | undefined;
    for (const [userId, part] of parts) {
      if (part.waiting.size === 0 || hasShare(part)) continue;
      if (!found || part.taken < found[1].taken) found = [userId, part];
    }
    return found;
  };
  /** What is free goes to those who wait, before anybody who comes now. */
  const handOn = () => {
    while (taken < max()) {
      const [userId, part] = next() ?? [];
      const [first] = part?.waiting ?? [];
      if (userId === undefined || !part || !first) return;
      occupy(userId, part);
      first.admit();
    }
  };

  return {
    isIdle: () => taken === 0 && waiting === 0,
    counts: () => ({
      taken,
      waiting,
      takenByOne: Math.max(0, ...[...parts.values()].map((part) => part.taken)),
      waitingOfOne: Math.max(0, ...[...parts.values()].map((part) => part.waiting.size)),
    }),
    async take(userId, signal) {
      if (signal.aborted) throw abortError(signal);
      const part = partOf(userId);
      if (taken < max() && !hasShare(part)) {
        occupy(userId, part);
      } else if (part.waiting.size >= shareOf(waitingMax())) {
        throw full('share');
      } else if (waiting >= waitingMax()) {
        forgetIdle(userId, part);
        throw full('budget');
      } else {
        await wait(userId, part, signal);
      }
    },
    giveBack(userId) {
      const part = partOf(userId);
      taken -= 1;
      part.taken -= 1;
      forgetIdle(userId, part);
      handOn();
    },
    refuseWaiting(error) {
      for (const { waiting: line } of [...parts.values()])
        for (const waiter of [...line]) waiter.refuse(error);
    },
  };
}
