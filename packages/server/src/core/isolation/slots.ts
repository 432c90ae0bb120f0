import { abortError, after } from '@mooring/connectors/kit/deadline';

/** Which limit refused: the whole limit, or the user's share of it. */
export type Shortage = 'budget' | 'share';

export interface SlotsOptions {
  /** Most slots taken at the same time. Asked each time. */
  max: () => number;
  /** Most waiters. Asked each time. */
  waitingMax: () => number;
  /** Longest wait, in milliseconds. */
  waitMs: number;
  /** Most slots of one user; absent: half. */
  share?: number;
  /** The error of a refusal, at once or after `waitMs`. */
  full: (shortage: Shortage) => Error;
}

interface Waiter {
  admit(): void;
  refuse(error: Error): void;
}

/** One user's slots and waiters. */
interface Part {
  userId: string;
  taken: number;
  /** In order of arrival. */
  waiting: Set<Waiter>;
}

interface Wait {
  waitMs: number;
  signal: AbortSignal;
  /** The error after `waitMs`. */
  late(): Error;
  /** Called once, when the waiter has left the queue. */
  left(): void;
}

/**
 * Waits in the queue until admitted. @throws the error of `late` or `refuse`, or a ConnectorError when the signal
 * aborts
 */
function waitInLine(line: Set<Waiter>, { waitMs, signal, late, left }: Wait): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
      if (line.delete(waiter)) left();
      act();
    };
    const waiter: Waiter = {
      admit: () => settle(resolve),
      refuse: (error) => settle(() => reject(error)),
    };
    const leave = () => waiter.refuse(abortError(signal));
    const timer = after(waitMs, () => waiter.refuse(late()));
    signal.addEventListener('abort', leave, { once: true });
    line.add(waiter);
  });
}

/** At most half, but at least one. */
const shareOf = (max: number): number => Math.max(1, Math.floor(max / 2));

export type Slots = ReturnType<typeof createSlots>;

/**
 * A concurrency limit with a short queue. One user gets at most half of the slots and of the queue, and the user with
 * the fewest slots is next, so that a user who floods it does not affect the others.
 */
export function createSlots({ max, waitingMax, waitMs, full, share }: SlotsOptions) {
  let taken = 0;
  let waiting = 0;
  // The users who have slots or wait for one. The user who was admitted last stands last, which decides between users
  // with equally many slots.
  const parts = new Map<string, Part>();

  const partOf = (userId: string): Part => {
    const part = parts.get(userId) ?? { userId, taken: 0, waiting: new Set() };
    parts.set(userId, part);
    return part;
  };
  const forgetIdle = (part: Part) => {
    if (part.taken === 0 && part.waiting.size === 0) parts.delete(part.userId);
  };
  const hasShare = (part: Part): boolean => part.taken >= (share ?? shareOf(max()));
  const shortageOf = (part: Part): Shortage => (hasShare(part) ? 'share' : 'budget');
  const occupy = (part: Part) => {
    taken += 1;
    part.taken += 1;
    parts.delete(part.userId);
    parts.set(part.userId, part);
  };

  const wait = (part: Part, signal: AbortSignal): Promise<void> => {
    waiting += 1;
    return waitInLine(part.waiting, {
      ...{ waitMs, signal },
      late: () => full(shortageOf(part)),
      left() {
        waiting -= 1;
        forgetIdle(part);
      },
    });
  };
  /** Free slots go to waiters before new arrivals. */
  const handOn = () => {
    while (taken < max()) {
      const waitingParts = [...parts.values()].filter((part) => part.waiting.size > 0 && !hasShare(part));
      const [part] = waitingParts.toSorted((one, other) => one.taken - other.taken);
      const [first] = part?.waiting ?? [];
      if (!part || !first) return;
      occupy(part);
      first.admit();
    }
  };

  return {
    /** True without slots taken and without waiters. */
    isIdle: () => taken === 0 && waiting === 0,
    counts: () => ({
      taken,
      waiting,
      takenByOne: Math.max(0, ...[...parts.values()].map((part) => part.taken)),
      waitingOfOne: Math.max(0, ...[...parts.values()].map((part) => part.waiting.size)),
    }),
    /** Takes a slot, which must be given back. @throws `full`, or a ConnectorError when the signal aborts */
    async take(userId: string, signal: AbortSignal): Promise<void> {
      if (signal.aborted) throw abortError(signal);
      const part = partOf(userId);
      if (taken < max() && !hasShare(part)) return occupy(part);
      if (part.waiting.size >= shareOf(waitingMax())) throw full('share');
      if (waiting < waitingMax()) return wait(part, signal);
      forgetIdle(part);
      throw full('budget');
    },
    giveBack(userId: string): void {
      const part = partOf(userId);
      taken -= 1;
      part.taken -= 1;
      forgetIdle(part);
      handOn();
    },
    /** Refuses all waiters. */
    refuseWaiting(error: Error): void {
      for (const part of parts.values()) for (const waiter of [...part.waiting]) waiter.refuse(error);
    },
  };
}

/** Takes a slot of each, in this order. @returns gives all of them back */
export async function takeAll(
  all: readonly Slots[],
  userId: string,
  signal: AbortSignal,
): Promise<() => void> {
  const taken: Slots[] = [];
  const giveBack = () => {
    for (const slots of taken) slots.giveBack(userId);
  };
  try {
    for (const slots of all) {
      await slots.take(userId, signal);
      taken.push(slots);
    }
    return giveBack;
  } catch (error) {
    giveBack();
    throw error;
  }
}
