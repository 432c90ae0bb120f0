import type { Logger } from 'pino';
import type { Tx } from '../store/queryable.js';
import type { Store } from '../store/store.js';
import type { IdempotentRequestTable, SecretTable } from '../store/tables.js';
import { type SealContext, UnreadableError, type Vault } from './envelope.js';
import {
  contextOfSecret,
  fromSealedColumns,
  type SealedColumns,
  secretsAfter,
  toSealedColumns,
} from './sealed-fields.js';
import type { StoredKeyring } from './stored-keyring.js';

// Wraps the data keys of all rows under the active key, in small batches. Each batch commits by itself and the rows
// themselves say what is left, so a kill at any point loses nothing.

const perBatch = 50;

export interface RewrappingDependencies {
  store: Store;
  vault: Vault;
  keyring: StoredKeyring;
  log: Logger;
  /** What an answer kept for an Idempotency-Key is bound to. */
  contextOfRequest(row: IdempotentRequestTable): SealContext;
}

/** A table of sealed rows. */
interface SealedTable<Row extends SealedColumns> {
  name: 'secret' | 'idempotent_request';
  contextOf(row: Row): SealContext;
  /** The next rows under a former key, after the last one seen, so that no row is read twice. */
  due(tx: Tx, formerId: string, after: Row | undefined): Promise<Row[]>;
  /** Skips a row that was sealed again since. */
  save(tx: Tx, row: Row, wrapped: Pick<SealedColumns, 'key_id' | 'wrapped_key'>): Promise<unknown>;
}

const secrets: SealedTable<SecretTable> = {
  name: 'secret',
  contextOf: contextOfSecret,
  due: (tx, formerId, after) =>
    secretsAfter(tx, after).where('key_id', '=', formerId).limit(perBatch).execute(),
  save: (tx, row, wrapped) =>
    tx
      .updateTable('secret')
      .set(wrapped)
      .where('tenant_id', '=', row.tenant_id)
      .where('record_kind', '=', row.record_kind)
      .where('record_id', '=', row.record_id)
      .where('owner_id', '=', row.owner_id)
      .where('field', '=', row.field)
      .where('wrapped_key', '=', row.wrapped_key)
      .execute(),
};

const requests = (
  contextOf: RewrappingDependencies['contextOfRequest'],
): SealedTable<IdempotentRequestTable> => ({
  name: 'idempotent_request',
  contextOf,
  due(tx, formerId, after) {
    let due = tx.selectFrom('idempotent_request').selectAll().where('key_id', '=', formerId);
    if (after) due = due.where('claim', '>', after.claim);
    return due.orderBy('claim').limit(perBatch).execute();
  },
  save: (tx, row, wrapped) =>
    tx
      .updateTable('idempotent_request')
      .set(wrapped)
      .where('claim', '=', row.claim)
      .where('wrapped_key', '=', row.wrapped_key)
      .execute(),
});

/**
 * Rewraps one batch in a transaction.
 * @returns the last row of a full batch, after which there may be more, and how many rows do not open
 */
function rewrapBatch<Row extends SealedColumns>(
  { store, vault }: RewrappingDependencies,
  table: SealedTable<Row>,
  formerId: string,
  after: Row | undefined,
): Promise<{ last: Row | undefined; damaged: number }> {
  return store.transaction(async (tx) => {
    const rows = await table.due(tx, formerId, after);
    let damaged = 0;
    for (const row of rows) {
      try {
        const rewrapped = vault.rewrap(fromSealedColumns(row), table.contextOf(row));
        const { key_id, wrapped_key } = toSealedColumns(rewrapped);
        await table.save(tx, row, { key_id, wrapped_key });
      } catch (error) {
        if (!(error instanceof UnreadableError)) throw error;
        damaged += 1;
      }
    }
    return { last: rows.length < perBatch ? undefined : rows.at(-1), damaged };
  });
}

/**
 * Rewraps all rows of a table that are under a former key.
 * @param isOver asked before each batch
 * @returns how many rows do not open; undefined: it was over before all were done
 */
async function rewrapTable<Row extends SealedColumns>(
  deps: RewrappingDependencies,
  table: SealedTable<Row>,
  formerId: string,
  isOver: () => boolean,
): Promise<number | undefined> {
  let damaged = 0;
  let last: Row | undefined;
  do {
    if (isOver()) return undefined;
    const done = await rewrapBatch(deps, table, formerId, last);
    damaged += done.damaged;
    last = done.last;
  } while (last);
  return damaged;
}

async function isUnder(store: Store, id: string, table: SealedTable<never>['name']): Promise<boolean> {
  // A range is read from the index. For an equality that most rows match, the planner may scan the table.
  const found = await store.db
    .selectFrom(table)
    .select('key_id')
    .where('key_id', '>=', id)
    .orderBy('key_id')
    .limit(1)
    .executeTakeFirst();
  return found?.key_id === id;
}

export function createRewrapping(deps: RewrappingDependencies) {
  const { store, keyring, log } = deps;
  const kept = requests(deps.contextOfRequest);
  let isClosed = false;
  let sweeping: Promise<void> | undefined;

  /**
   * Rows under a lost key cannot be rewrapped: see `settleUnreadable`.
   * @returns false when another key became active since
   */
  const sweepTo = async (activeId: string): Promise<boolean> => {
    const isOver = () => isClosed || keyring.active().id !== activeId;
    let damaged = 0;
    for (const formerId of keyring.formerIds()) {
      const ofSecrets = await rewrapTable(deps, secrets, formerId, isOver);
      const ofRequests = await rewrapTable(deps, kept, formerId, isOver);
      if (ofSecrets === undefined || ofRequests === undefined) return false;
      damaged += ofSecrets + ofRequests;
    }
    if (damaged > 0) log.warn({ damaged }, 'unreadable records were not rewrapped');
    return true;
  };

  const sweep = async (): Promise<void> => {
    while (!isClosed && !(await sweepTo(keyring.active().id)));
    if (!isClosed) await store.checkpoint();
  };

  return {
    /** True when something is under a former key. */
    async isWork(): Promise<boolean> {
      const found = await Promise.all(
        keyring
          .formerIds()
          .flatMap((id) => [isUnder(store, id, secrets.name), isUnder(store, id, kept.name)]),
      );
      return found.includes(true);
    },
    /** Starts, unless it is running. */
    start(): void {
      sweeping ??= sweep()
        .catch((error: unknown) =>
          log.warn({ err: error }, 'rewrapping under the active key failed and will be retried'),
        )
        .finally(() => {
          sweeping = undefined;
        });
    },
    get isRunning() {
      return sweeping !== undefined;
    },
    async close(): Promise<void> {
      isClosed = true;
      await sweeping;
    },
  };
}
