import type { VaultKeyTable } from '../store/tables.js';
import { listKeys, type VaultKeyState } from './key-states.js';
import { retireKey } from './retire-key.js';
import { createRewrapping, type RewrappingDependencies } from './rewrapping.js';
import { type RecordIt, rotateKey } from './rotate-key.js';

// Rotation: a new key becomes active (rotate-key.ts), the data keys of all rows are wrapped under it (rewrapping.ts),
// and the former key is destroyed on request (retire-key.ts).

const lookMs = 1_000;
/** Looks between two searches for rows that a slower node has sealed under an earlier key. */
const looksToSweep = 15;

export interface KeyRotation {
  list(): Promise<VaultKeyState[]>;
  /**
   * @param recordIt writes into the transaction that makes the key active
   * @returns id of the new active key
   * @throws KeyRefusal
   */
  rotate(recordIt: RecordIt): Promise<string>;
  /**
   * Destroys a key that encrypts nothing any more.
   * @returns false when there is no such key
   * @throws KeyRefusal
   */
  retire(id: string, recordIt: RecordIt): Promise<boolean>;
  /** Follows the rotations of other nodes and rewraps, until `close`. */
  watch(): void;
  close(): Promise<void>;
}

/** Warns, and then rotates, as the active key approaches the number of data keys that it may wrap. */
function createWrapLimit(
  { keyring, log }: RewrappingDependencies,
  rotate: (recordIt: RecordIt) => Promise<string>,
) {
  let warnedOf: string | undefined;
  let rotating: Promise<void> | undefined;
  let isClosed = false;
  return {
    check({ id, wraps }: VaultKeyTable): void {
      const { warnAt, rotateAt } = keyring.limits;
      if (Number(wraps) >= warnAt && warnedOf !== id) {
        warnedOf = id;
        log.warn({ key: id }, 'active key is at 50 % of its wrap limit; run: mooring keys rotate');
      }
      if (Number(wraps) < rotateAt || isClosed) return;
      rotating ??= rotate(async () => undefined)
        .then(
          (to) => log.warn({ from: id, to }, 'active key approached its wrap limit and was rotated'),
          (error: unknown) =>
            log.warn({ err: error }, 'active key approaches its wrap limit but was not rotated'),
        )
        .finally(() => {
          rotating = undefined;
        });
    },
    async close() {
      isClosed = true;
      await rotating;
    },
  };
}

export function createKeyRotation(deps: RewrappingDependencies): KeyRotation {
  const { store, keyring, log } = deps;
  const rewrapping = createRewrapping(deps);
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  const rotate = async (recordIt: RecordIt): Promise<string> => {
    const id = await rotateKey(store, keyring, recordIt);
    await look();
    return id;
  };
  const wrapLimit = createWrapLimit(deps, rotate);

  let looks = 0;
  let activeBefore: string | undefined;
  const look = async (): Promise<void> => {
    const rows = await keyring.refresh();
    const active = rows.find(({ state }) => state === 'active');
    const isNew = active?.id !== activeBefore;
    activeBefore = active?.id;
    if (active) wrapLimit.check(active);
    looks += 1;
    const isTime = isNew || looks % looksToSweep === 0;
    if (!rewrapping.isUnderWay && isTime && (await rewrapping.isWork())) rewrapping.start();
  };

  return {
    list: () => listKeys(store, keyring),
    rotate,
    retire: (id, recordIt) => retireKey(store, keyring, id, recordIt),
    watch() {
      const again = () => {
        if (isClosed) return;
        timer = setTimeout(() => {
          look()
            .catch((error: unknown) =>
              log.warn({ err: error }, 'vault keys could not be read from the store'),
            )
            .finally(again);
        }, lookMs).unref();
      };
      again();
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await wrapLimit.close();
      await rewrapping.close();
    },
  };
}
