/** Size of a user's kept answers: read from the store now and then, and counted here in between. */
export interface KeptBytes {
  /** True when the user may keep no more. */
  isFull(user: string): Promise<boolean>;
  add(user: string, bytes: number): void;
}

const freshMs = 10_000;
const usersMax = 10_000;

/** @param max bytes; 0: no limit */
export function createKeptBytes(max: number, ask: (user: string) => Promise<number>): KeptBytes {
  const known = new Map<string, { bytes: number; at: number }>();
  return {
    async isFull(user) {
      if (max === 0) return false;
      let entry = known.get(user);
      if (!entry || performance.now() - entry.at > freshMs) {
        entry = { bytes: await ask(user), at: performance.now() };
        if (known.size >= usersMax) known.clear();
        known.set(user, entry);
      }
      return entry.bytes >= max;
    },
    add(user, bytes) {
      const entry = known.get(user);
      if (entry) entry.bytes += bytes;
    },
  };
}
