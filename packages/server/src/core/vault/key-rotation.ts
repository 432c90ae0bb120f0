import type { Queryable, Tx } from '../store/queryable.js';
import type { VaultKeyTable } from '../store/tables.js';
import { createRewrapping, type RewrappingDependencies } from './rewrapping.js';

// Rotation: a new key becomes active, and the data keys of all rows are wrapped anew: rewrapping.ts.

const lookMs = 1_000;
/** Looks between two searches for rows that a slower node has sealed under an earlier key. */
const looksToSweep = 15;
/** Longer than any node goes by an old view and any transaction under way lasts. */
const settleMs = 15_000;
/** Until every node has learned a coming key. */
const comingMs = 2_500;

/** A key cannot be rotated or retired now; the message says why. */
export class KeyRefusal extends Error {
  override name = 'KeyRefusal';
}

export interface VaultKeyState {
  id: string;
  state: 'coming' | 'active' | 'previous';
  createdAt: string;
  replacedAt?: string;
  /** Rows whose data key is under this key. */
  records: number;
  wraps: number;
}

type RecordIt = (tx: Tx, keyId: string) => Promise<void>;

export interface KeyRotation {
  list(): Promise<VaultKeyState[]>;
  /**
   * @param recordIt writes into the transaction that makes the key active
   * @returns id of the new active key
   * @throws KeyRefusal
   */
  rotate(recordIt: RecordIt): Promise<string>;
  /**
   * Destroys a key that nothing is under.
   * @returns false when there is no such key
   * @throws KeyRefusal
   */
  retire(id: string, recordIt: RecordIt): Promise<boolean>;
  /** Learns of other nodes' rotations and does its share, until `close`. */
  watch(): void;
  close(): Promise<void>;
}

const recordsUnder = async (db: Queryable, id: string): Promise<number> => {
  const counts = await Promise.all(
    (['secret', 'idempotent_request'] as const).map((table) =>
      db
        .selectFrom(table)
        .select((eb) => eb.fn.countAll().as('count'))
        .where('key_id', '=', id)
        .executeTakeFirstOrThrow(),
    ),
  );
  return counts.reduce((sum, { count }) => sum + Number(count), 0);
};

export function createKeyRotation(deps: RewrappingDependencies): KeyRotation {
  const { store, keyring, log } = deps;
  const rewrapping = createRewrapping(deps);
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  /** The coming key of a rotation that was cut short, or a new one. */
  const comingKey = async (): Promise<string> => {
    const rows = await keyring.refresh();
    if (rows.some(({ master_id }) => master_id !== keyring.masterId)) {
      throw new KeyRefusal('The master key is being changed. Restart this node with the new one first.');
    }
    const coming = rows.find(({ state }) => state === 'coming');
    if (coming) return coming.id;
    const made = keyring.make();
    const { numInsertedOrUpdatedRows } = await store.db
      .insertInto('vault_key')
      .values(made)
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    // Of requests that come together one makes it.
    return numInsertedOrUpdatedRows === 1n ? made.id : comingKey();
  };

  const rotate = async (recordIt: RecordIt): Promise<string> => {
    const id = await comingKey();
    if (store.kind === 'postgresql') await new Promise((resolve) => setTimeout(resolve, comingMs));
    await store.transaction(async (tx) => {
      const row = await tx.selectFrom('vault_key').select('state').where('id', '=', id).executeTakeFirst();
      // Another request took the same coming key, and it may have been replaced since: never back to it.
      if (row?.state !== 'coming') return;
      await tx
        .updateTable('vault_key')
        .set({ state: 'previous', replaced_at: store.clock.iso() })
        .where('state', '=', 'active')
        .execute();
      await tx.updateTable('vault_key').set({ state: 'active' }).where('id', '=', id).execute();
      await recordIt(tx, id);
    });
    await look();
    return id;
  };

  let warnedOf: string | undefined;
  let rotating: Promise<void> | undefined;
  const heedLimit = ({ id, wraps }: VaultKeyTable): void => {
    const { warnAt, rotateAt } = keyring.limits;
    if (Number(wraps) >= warnAt && warnedOf !== id) {
      warnedOf = id;
      log.warn({ key: id }, 'the active key has wrapped half of what it may; run: mooring keys rotate');
    }
    if (Number(wraps) < rotateAt || isClosed) return;
    rotating ??= rotate(async () => undefined)
      .then(
        (to) => log.warn({ from: id, to }, 'the active key came near what it may wrap and was rotated'),
        (error: unknown) => log.warn({ err: error }, 'the active key is near its limit and was not rotated'),
      )
      .finally(() => {
        rotating = undefined;
      });
  };

  let looks = 0;
  let activeBefore: string | undefined;
  const look = async (): Promise<void> => {
    const rows = await keyring.refresh();
    const active = rows.find(({ state }) => state === 'active');
    const isNew = active?.id !== activeBefore;
    activeBefore = active?.id;
    if (active) heedLimit(active);
    looks += 1;
    const isTime = isNew || looks % looksToSweep === 0;
    if (!rewrapping.isUnderWay && isTime && (await rewrapping.isWork())) rewrapping.start();
  };

  return {
    async list() {
      const rows = await keyring.refresh();
      return Promise.all(
        rows.map(async (row) => ({
          id: row.id,
          state: row.state,
          createdAt: row.created_at,
          ...(row.replaced_at === null ? {} : { replacedAt: row.replaced_at }),
          records: await recordsUnder(store.db, row.id),
          wraps: Number(row.wraps),
        })),
      );
    },
    rotate,
    async retire(id, recordIt) {
      const isThere = await store.transaction(async (tx) => {
        const row = await tx.selectFrom('vault_key').selectAll().where('id', '=', id).executeTakeFirst();
        if (!row) return false;
        if (row.state !== 'previous') throw new KeyRefusal('The key is in use. Rotate first.');
        const age = store.clock.now() - Date.parse(row.replaced_at ?? '');
        if (!(age > settleMs)) {
          throw new KeyRefusal(
            'The key was active until a moment ago; a request may still write under it. Try again in 15 seconds.',
          );
        }
        const records = await recordsUnder(tx, id);
        if (records > 0) {
          throw new KeyRefusal(`${records} records are still under the key. Look at: mooring keys list`);
        }
        await tx.deleteFrom('vault_key').where('id', '=', id).execute();
        await recordIt(tx, id);
        return true;
      });
      if (!isThere) return false;
      await store.checkpoint();
      await keyring.refresh();
      return true;
    },
    watch() {
      const again = () => {
        if (isClosed) return;
        timer = setTimeout(() => {
          look()
            .catch((error: unknown) =>
              log.warn({ err: error }, 'the keys of the store could not be looked at'),
            )
            .finally(again);
        }, lookMs).unref();
      };
      again();
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await rotating;
      await rewrapping.close();
    },
  };
}
