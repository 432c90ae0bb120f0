// Sliding window: requests of the last five minutes, in slices of time.

export const windowMs = 300_000;
const sliceMs = 15_000;
export const slicesPerWindow = windowMs / sliceMs;

/** Number of the slice of time since the epoch. */
export const sliceOf = (at: number): number => Math.floor(at / sliceMs);

/** Whose requests a window counts; the empty `userId` stands for the whole tenant. */
export interface WindowOwner {
  tenantId: string;
  tier: 1 | 2;
  userId: string;
}

export const keyOf = ({ tenantId, tier, userId }: { tenantId: string; tier: number; userId: string }) =>
  `${tier} ${tenantId} ${userId}`;

export interface Window extends WindowOwner {
  /** When the store was last read; milliseconds since the epoch. */
  readonly learntAt: number;
  add(at: number): void;
  total(at: number): number;
  /** Time until fewer than `max` requests are in the window. */
  waitMs(max: number, at: number): number;
  /** Counts on their way to the store. */
  readonly sent: ReadonlyMap<number, number>;
  /** Marks the counts of this process as on their way; false when there are none. */
  send(): boolean;
  /** The counts are in the store. */
  arrived(): void;
  /** The counts did not arrive. */
  unsend(): void;
  /** Takes over the store's counts. */
  learn(counts: ReadonlyMap<number, number>, at: number): void;
  /** Keeps it while a request is about to count in it. */
  hold(): void;
  release(): void;
  /** It is empty, and not held. */
  isUnused(at: number): boolean;
}

function sumOf(counts: readonly ReadonlyMap<number, number>[]): Map<number, number> {
  const sums = new Map<number, number>();
  for (const count of counts) {
    for (const [slice, requests] of count) sums.set(slice, (sums.get(slice) ?? 0) + requests);
  }
  return sums;
}

export function createWindow(owner: WindowOwner): Window {
  let stored: ReadonlyMap<number, number> = new Map();
  let sent = new Map<number, number>();
  let unsent = new Map<number, number>();
  let learntAt = Number.NEGATIVE_INFINITY;
  let holders = 0;

  const bySlice = (at: number): [slice: number, requests: number][] => {
    const oldest = sliceOf(at) - slicesPerWindow;
    return [...sumOf([stored, sent, unsent])]
      .filter(([slice]) => slice > oldest)
      .toSorted(([a], [b]) => a - b);
  };
  const total = (at: number) => bySlice(at).reduce((sum, [, requests]) => sum + requests, 0);

  return {
    ...owner,
    get learntAt() {
      return learntAt;
    },
    get sent() {
      return sent;
    },
    total,
    add(at) {
      const slice = sliceOf(at);
      unsent.set(slice, (unsent.get(slice) ?? 0) + 1);
    },
    waitMs(max, at) {
      let left = total(at);
      for (const [slice, requests] of bySlice(at)) {
        left -= requests;
        if (left < max) return (slice + slicesPerWindow) * sliceMs - at;
      }
      return sliceMs;
    },
    send() {
      if (unsent.size === 0) return false;
      sent = unsent;
      unsent = new Map();
      return true;
    },
    arrived() {
      stored = sumOf([stored, sent]);
      sent = new Map();
    },
    unsend() {
      unsent = sumOf([sent, unsent]);
      sent = new Map();
    },
    learn(counts, at) {
      stored = counts;
      learntAt = at;
    },
    hold() {
      holders += 1;
    },
    release() {
      holders -= 1;
    },
    isUnused: (at) => holders === 0 && unsent.size === 0 && sent.size === 0 && total(at) === 0,
  };
}
