import type { Store } from '../store/store.js';

/** Most wraps reserved at once. A crash counts unused ones, never too few. */
const reservedMost = 65_536;
/** Shares of the limit at which the log warns, and at which a node rotates by itself. */
const shares = { warn: 0.5, rotate: 0.75 };

/** How many data keys one key may wrap, and what happens on the way there. */
export type WrapLimits = ReturnType<typeof wrapLimits>;

/** @param max NIST SP 800-38D section 8.3: at most 2^32 seals with random IVs under one key. */
export function wrapLimits(max: number) {
  /** Reserved at once. */
  const block = Math.max(1, Math.min(reservedMost, Math.floor(max / 16)));
  return { max, warnAt: max * shares.warn, rotateAt: max * shares.rotate, block };
}

/** Wraps that the store has counted and this process has not used yet, by key. */
export function createWrapCount(store: Store, { block, max }: WrapLimits) {
  const reserved = new Map<string, number>();
  const left = (id: string) => reserved.get(id) ?? 0;
  return {
    /** Counts a block ahead, in one statement with the limit, so that nodes that count together do not exceed it together. */
    async reserve(id: string): Promise<void> {
      if (left(id) > block / 2) return;
      const { numUpdatedRows } = await store.db
        .updateTable('vault_key')
        .set((eb) => ({ wraps: eb('wraps', '+', block) }))
        .where('id', '=', id)
        .where('wraps', '<=', max - block)
        .executeTakeFirst();
      if (numUpdatedRows === 1n) reserved.set(id, left(id) + block);
    },
    left,
    /** @returns false when none is left */
    take(id: string): boolean {
      const rest = left(id);
      if (rest <= 0) return false;
      reserved.set(id, rest - 1);
      return true;
    },
  };
}
