import { type SqlBool, sql } from 'kysely';
import type { Logger } from 'pino';
import type { Store } from '../store/store.js';
import type { IdempotentRequestTable, SecretTable } from '../store/tables.js';
import { type SealContext, UnreadableError, type Vault } from './envelope.js';
import { contextOfSecret } from './sealed-fields.js';
import type { StoredKeyring } from './stored-keyring.js';

// The data keys of all rows are wrapped anew under the active key, in small batches. Each commits by itself, and where
// it stands is what the rows say, so that a kill at any point costs nothing.

const perBatch = 50;

export interface Rewrapping {
  /** True when something is under a former key. */
  isWork(): Promise<boolean>;
  /** Begins, unless it is under way. */
  start(): void;
  readonly isUnderWay: boolean;
  close(): Promise<void>;
}

export interface RewrappingDependencies {
  store: Store;
  vault: Vault;
  keyring: StoredKeyring;
  log: Logger;
  /** What an answer kept for an Idempotency-Key is bound to. */
  contextOfRequest(row: IdempotentRequestTable): SealContext;
}

interface Rewrapped<Row> {
  last: Row | undefined;
  damaged: number;
}

export function createRewrapping(deps: RewrappingDependencies): Rewrapping {
  const { store, vault, keyring, log, contextOfRequest } = deps;
  let isClosed = false;
  let sweeping: Promise<void> | undefined;

  /**
   * Wraps the data keys of these rows anew.
   * @param save leaves a row alone that was sealed anew meanwhile
   * @returns the last row of a full batch, after which there may be more, and how many rows do not open
   */
  const rewrapAll = async <Row extends SecretTable | IdempotentRequestTable>(
    rows: readonly Row[],
    contextOf: (row: Row) => SealContext,
    save: (row: Row, wrapped: Pick<SecretTable, 'key_id' | 'wrapped_key'>) => Promise<unknown>,
  ): Promise<Rewrapped<Row>> => {
    let damaged = 0;
    for (const row of rows) {
      try {
        const sealed = { keyId: row.key_id, wrappedKey: row.wrapped_key, ciphertext: row.ciphertext };
        const { keyId, wrappedKey } = vault.rewrap(sealed, contextOf(row));
        await save(row, { key_id: keyId, wrapped_key: wrappedKey });
      } catch (error) {
        if (!(error instanceof UnreadableError)) throw error;
        damaged += 1;
      }
    }
    return { last: rows.length < perBatch ? undefined : rows.at(-1), damaged };
  };

  /** The next rows under a former key, beyond the last one that was looked at: nothing is read twice. */
  const secretsBatch = (formerId: string, after: SecretTable | undefined) =>
    store.transaction(async (tx) => {
      let due = tx.selectFrom('secret').selectAll().where('key_id', '=', formerId);
      if (after) {
        const { record_kind, record_id, tenant_id, field } = after;
        due = due.where(
          sql<SqlBool>`(record_kind, record_id, tenant_id, field) > (${record_kind}, ${record_id}, ${tenant_id}, ${field})`,
        );
      }
      const rows = await due
        .orderBy('record_kind')
        .orderBy('record_id')
        .orderBy('tenant_id')
        .orderBy('field')
        .limit(perBatch)
        .execute();
      return rewrapAll(rows, contextOfSecret, (row, wrapped) =>
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
      );
    });

  const requestsBatch = (formerId: string, after: IdempotentRequestTable | undefined) =>
    store.transaction(async (tx) => {
      let due = tx.selectFrom('idempotent_request').selectAll().where('key_id', '=', formerId);
      if (after) due = due.where('claim', '>', after.claim);
      const rows = await due.orderBy('claim').limit(perBatch).execute();
      return rewrapAll(rows, contextOfRequest, (row, wrapped) =>
        tx
          .updateTable('idempotent_request')
          .set(wrapped)
          .where('claim', '=', row.claim)
          .where('wrapped_key', '=', row.wrapped_key)
          .execute(),
      );
    });

  /** Walks the rows under a former key. @returns how many do not open; undefined: another key is active */
  const walk = async <Row>(
    batch: (formerId: string, after: Row | undefined) => Promise<Rewrapped<Row>>,
    formerId: string,
    activeId: string,
  ): Promise<number | undefined> => {
    let damaged = 0;
    let last: Row | undefined;
    do {
      if (isClosed || keyring.active().id !== activeId) return undefined;
      const done = await batch(formerId, last);
      damaged += done.damaged;
      last = done.last;
    } while (last);
    return damaged;
  };

  /**
   * What is under a key that is gone cannot follow: `settleUnreadable`.
   * @returns false when another key became active meanwhile
   */
  const sweepTo = async (activeId: string): Promise<boolean> => {
    let damaged = 0;
    for (const formerId of keyring.formerIds()) {
      const secrets = await walk(secretsBatch, formerId, activeId);
      const requests = await walk(requestsBatch, formerId, activeId);
      if (secrets === undefined || requests === undefined) return false;
      damaged += secrets + requests;
    }
    if (damaged > 0) log.warn({ damaged }, 'records that do not open stay under their key');
    return true;
  };

  const sweep = async (): Promise<void> => {
    while (!isClosed && !(await sweepTo(keyring.active().id)));
    if (!isClosed) await store.checkpoint();
  };

  const start = (): void => {
    sweeping ??= sweep()
      .catch((error: unknown) => log.warn({ err: error }, 'wrapping under the active key goes on later'))
      .finally(() => {
        sweeping = undefined;
      });
  };

  const isUnder = async (id: string, table: 'secret' | 'idempotent_request'): Promise<boolean> => {
    // Asked as a range, which the index answers at once; an equality that most rows fit may be read from the table.
    const found = await store.db
      .selectFrom(table)
      .select('key_id')
      .where('key_id', '>=', id)
      .orderBy('key_id')
      .limit(1)
      .executeTakeFirst();
    return found?.key_id === id;
  };

  const isWork = async (): Promise<boolean> => {
    const found = await Promise.all(
      keyring.formerIds().flatMap((id) => [isUnder(id, 'secret'), isUnder(id, 'idempotent_request')]),
    );
    return found.includes(true);
  };

  return {
    isWork,
    start,
    get isUnderWay() {
      return sweeping !== undefined;
    },
    async close() {
      isClosed = true;
      await sweeping;
    },
  };
}
