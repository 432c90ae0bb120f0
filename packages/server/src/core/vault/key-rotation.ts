import { countRows } from '../store/count-rows.js';
import type { Queryable } from '../store/queryable.js';
import type { VaultKeyTable } from '../store/tables.js';
import { createRewrapping, type RewrappingDependencies } from './rewrapping.js';
import { KeyRefusal, type RecordIt, rotateKey } from './rotate-key.js';

// Rotation: a new key becomes active (rotate-key.ts), the data keys of all rows are wrapped under it (rewrapping.ts),
// and the former key is destroyed on request.

const lookMs = 1_000;
/** Looks between two searches for rows that a slower node has sealed under an earlier key. */
const looksToSweep = 15;

/** Longer than a node may act on an outdated view of the keys plus the longest transaction. */
const settleMs = 15_000;

/** Counts the rows whose data key is under this key. */
async function recordsUnder(db: Queryable, id: string): Promise<number> {
  const secrets = await countRows(db.selectFrom('secret').where('key_id', '=', id));
  return secrets + (await countRows(db.selectFrom('idempotent_request').where('key_id', '=', id)));
}

async function listKeys({ store, keyring }: RewrappingDependencies) {
  const rows = await keyring.refresh();
  return Promise.all(
    rows.map(async (row) => ({
      id: row.id,
      state: row.state,
      createdAt: row.created_at,
      ...(row.replaced_at === null ? {} : { replacedAt: row.replaced_at }),
      /** Rows whose data key is under this key. */
      records: await recordsUnder(store.db, row.id),
      wraps: Number(row.wraps),
    })),
  );
}

/**
 * Destroys a key that encrypts nothing any more.
 * @returns false when there is no such key
 * @throws KeyRefusal
 */
async function retireKey(
  { store, keyring }: RewrappingDependencies,
  id: string,
  recordIt: RecordIt,
): Promise<boolean> {
  const isThere = await store.transaction(async (tx) => {
    const row = await tx.selectFrom('vault_key').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) return false;
    if (row.state !== 'previous') throw new KeyRefusal('The key is in use. Rotate first.');
    const age = store.clock.now() - Date.parse(row.replaced_at ?? '');
    if (!(age > settleMs)) {
      throw new KeyRefusal(
        'The key was active a moment ago, and a running request may still encrypt under it. Try again in 15 seconds.',
      );
    }
    const records = await recordsUnder(tx, id);
    if (records > 0) {
      throw new KeyRefusal(`${records} records are still under the key. See: mooring keys list`);
    }
    await tx.deleteFrom('vault_key').where('id', '=', id).execute();
    await recordIt(tx, id);
    return true;
  });
  if (!isThere) return false;
  await store.checkpoint();
  await keyring.refresh();
  return true;
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

export type KeyRotation = ReturnType<typeof createKeyRotation>;

export function createKeyRotation(deps: RewrappingDependencies) {
  const { store, keyring, log } = deps;
  const rewrapping = createRewrapping(deps);
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  /**
   * @param recordIt writes into the transaction that makes the key active
   * @returns id of the new active key
   * @throws KeyRefusal
   */
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
    if (!rewrapping.isRunning && isTime && (await rewrapping.isWork())) rewrapping.start();
  };

  return {
    list: () => listKeys(deps),
    rotate,
    retire: (id: string, recordIt: RecordIt) => retireKey(deps, id, recordIt),
    /** Follows the rotations of other nodes and rewraps, until `close`. */
    watch(): void {
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
    async close(): Promise<void> {
      isClosed = true;
      clearTimeout(timer);
      await wrapLimit.close();
      await rewrapping.close();
    },
  };
}
