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

export const keyOf = ({ tenantId, tier, userId }: Omit<WindowOwner, 'tier'> & { tier: number }) =>
  `${tier} ${tenantId} ${userId}`;

function sumOf(counts: readonly ReadonlyMap<number, number>[]): Map<number, number> {
  const sums = new Map<number, number>();
  for (const count of counts) {
    for (const [slice, requests] of count) sums.set(slice, (sums.get(slice) ?? 0) + requests);
  }
  return sums;
}

export type Window = ReturnType<typeof createWindow>;

export function createWindow(owner: WindowOwner) {
  let stored: ReadonlyMap<number, number> = new Map();
  let sent = new Map<number, number>();
  let unsent = new Map<number, number>();
  let learntAt = Number.NEGATIVE_INFINITY;
  let holders = 0;
  let known: { slice: number; requests: number } | undefined;

  const bySlice = (at: number): [slice: number, requests: number][] => {
    const oldest = sliceOf(at) - slicesPerWindow;
    return [...sumOf([stored, sent, unsent])]
      .filter(([slice]) => slice > oldest)
      .toSorted(([a], [b]) => a - b);
  };
  const total = (at: number): number => {
    const slice = sliceOf(at);
    if (known?.slice !== slice)
      known = { slice, requests: bySlice(at).reduce((sum, [, requests]) => sum + requests, 0) };
    return known.requests;
  };

  return {
    ...owner,
    /** When the store was last read; milliseconds since the epoch. */
    get learntAt() {
      return learntAt;
    },
    /** Counts on their way to the store. */
    get sent(): ReadonlyMap<number, number> {
      return sent;
    },
    total,
    add(at: number) {
      const slice = sliceOf(at);
      unsent.set(slice, (unsent.get(slice) ?? 0) + 1);
      known = known?.slice === slice ? { slice, requests: known.requests + 1 } : undefined;
    },
    /** Time until fewer than `max` requests are in the window. */
    waitMs(max: number, at: number) {
      let left = total(at);
      for (const [slice, requests] of bySlice(at)) {
        left -= requests;
        if (left < max) return (slice + slicesPerWindow) * sliceMs - at;
      }
      return sliceMs;
    },
    /** Marks the counts of this process as on their way; false when there are none. */
    send() {
      if (unsent.size === 0) return false;
      sent = unsent;
      unsent = new Map();
      return true;
    },
    /** The counts are in the store. */
    arrived() {
      stored = sumOf([stored, sent]);
      sent = new Map();
    },
    /** The counts did not arrive. */
    unsend() {
      unsent = sumOf([sent, unsent]);
      sent = new Map();
    },
    /** Takes over the store's counts. */
    learn(counts: ReadonlyMap<number, number>, at: number) {
      stored = counts;
      known = undefined;
      learntAt = at;
    },
    /** Keeps it while a request is about to count in it. */
    hold() {
      holders += 1;
    },
    release() {
      holders -= 1;
    },
    /** It is empty, and not held. */
    isUnused: (at: number) => holders === 0 && unsent.size === 0 && sent.size === 0 && total(at) === 0,
  };
}
