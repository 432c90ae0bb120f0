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

/**
 * A concurrency limit with a short queue. One user gets at most half of the slots and of the queue, and the user with
 * the fewest slots is next, so that a user who floods it does not affect the others.
 */
export interface Slots {
  /** Takes a slot, which must be given back. @throws `full`, or a ConnectorError when the signal aborts */
  take(userId: string, signal: AbortSignal): Promise<void>;
  giveBack(userId: string): void;
  /** True without slots taken and without waiters. */
  isIdle(): boolean;
  counts(): { taken: number; waiting: number; takenByOne: number; waitingOfOne: number };
  /** Refuses all waiters. */
  refuseWaiting(error: Error): void;
}

interface Waiter {
  admit(): void;
  refuse(error: Error): void;
}

/** One user's slots and waiters. */
interface Part {
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

/** The users who have slots or wait for one. */
function createParts() {
  // The user who was admitted last stands last, which decides between users with equally many slots.
  const parts = new Map<string, Part>();
  return {
    of(userId: string): Part {
      const found = parts.get(userId);
      if (found) return found;
      const part = { taken: 0, waiting: new Set<Waiter>() };
      parts.set(userId, part);
      return part;
    },
    moveToEnd(userId: string, part: Part): void {
      parts.delete(userId);
      parts.set(userId, part);
    },
    forgetIdle(userId: string, part: Part): void {
      if (part.taken === 0 && part.waiting.size === 0) parts.delete(userId);
    },
    entries: () => [...parts],
    all: () => [...parts.values()],
  };
}

export function createSlots({ max, waitingMax, waitMs, full, share }: SlotsOptions): Slots {
  let taken = 0;
  let waiting = 0;
  const parts = createParts();

  const hasShare = (part: Part): boolean => part.taken >= (share ?? shareOf(max()));
  const shortageOf = (part: Part): Shortage => (hasShare(part) ? 'share' : 'budget');
  const occupy = (userId: string, part: Part) => {
    taken += 1;
    part.taken += 1;
    parts.moveToEnd(userId, part);
  };

  const wait = (userId: string, part: Part, signal: AbortSignal): Promise<void> => {
    waiting += 1;
    return waitInLine(part.waiting, {
      ...{ waitMs, signal },
      late: () => full(shortageOf(part)),
      left() {
        waiting -= 1;
        parts.forgetIdle(userId, part);
      },
    });
  };
  const next = (): [userId: string, part: Part] | undefined =>
    parts
      .entries()
      .filter(([, part]) => part.waiting.size > 0 && !hasShare(part))
      .reduce<[string, Part] | undefined>(
        (found, one) => (!found || one[1].taken < found[1].taken ? one : found),
        undefined,
      );
  /** Free slots go to waiters before new arrivals. */
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
      takenByOne: Math.max(0, ...parts.all().map((part) => part.taken)),
      waitingOfOne: Math.max(0, ...parts.all().map((part) => part.waiting.size)),
    }),
    async take(userId, signal) {
      if (signal.aborted) throw abortError(signal);
      const part = parts.of(userId);
      if (taken < max() && !hasShare(part)) {
        occupy(userId, part);
      } else if (part.waiting.size >= shareOf(waitingMax())) {
        throw full('share');
      } else if (waiting >= waitingMax()) {
        parts.forgetIdle(userId, part);
        throw full('budget');
      } else {
        await wait(userId, part, signal);
      }
    },
    giveBack(userId) {
      const part = parts.of(userId);
      taken -= 1;
      part.taken -= 1;
      parts.forgetIdle(userId, part);
      handOn();
    },
    refuseWaiting(error) {
      for (const { waiting: line } of parts.all()) for (const waiter of [...line]) waiter.refuse(error);
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
