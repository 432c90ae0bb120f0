import { type SqlBool, sql } from 'kysely';
import type { Logger } from 'pino';
import type { Store } from '../store/store.js';
import type { IdempotentRequestTable, SecretTable } from '../store/tables.js';
import { type SealContext, UnreadableError, type Vault } from './envelope.js';
import type { StoredKeyring } from './stored-keyring.js';

// The data keys of all rows are wrapped anew under the active key, in small batches. Each commits by itself, and where
// it stands is what the rows say, so that a kill at any point costs nothing.

const perBatch = 50;

export interface Rewrapping {
  /** True when something is under another key than the active one. */
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

const contextOfSecret = (row: SecretTable): SealContext => ({
  tenantId: row.tenant_id,
  recordKind: row.record_kind,
  recordId: row.record_id,
  ownerId: row.owner_id,
  version: Number(row.version),
  field: row.field,
});

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

  /**
   * The next rows that are not under the active key, beyond the last one that was looked at. The keys on either side
   * of the active one are walked apart, so that what is done is never read again.
   */
  const secretsBatch = (side: '<' | '>', activeId: string, after: SecretTable | undefined) =>
    store.transaction(async (tx) => {
      let due = tx.selectFrom('secret').selectAll().where('key_id', side, activeId);
      if (after) {
        const { key_id, record_kind, record_id, field } = after;
        due = due.where(
          sql<SqlBool>`(key_id, record_kind, record_id, field) > (${key_id}, ${record_kind}, ${record_id}, ${field})`,
        );
      }
      const rows = await due
        .orderBy('key_id')
        .orderBy('record_kind')
        .orderBy('record_id')
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
          .where('field', '=', row.field)
          .where('wrapped_key', '=', row.wrapped_key)
          .execute(),
      );
    });

  const requestsBatch = (side: '<' | '>', activeId: string, after: IdempotentRequestTable | undefined) =>
    store.transaction(async (tx) => {
      let due = tx.selectFrom('idempotent_request').selectAll().where('key_id', side, activeId);
      if (after) due = due.where(sql<SqlBool>`(key_id, claim) > (${after.key_id}, ${after.claim})`);
      const rows = await due.orderBy('key_id').orderBy('claim').limit(perBatch).execute();
      return rewrapAll(rows, contextOfRequest, (row, wrapped) =>
        tx
          .updateTable('idempotent_request')
          .set(wrapped)
          .where('claim', '=', row.claim)
          .where('wrapped_key', '=', row.wrapped_key)
          .execute(),
      );
    });

  /** Walks the rows on one side of the active key. @returns how many do not open; undefined: another key is active */
  const walk = async <Row>(
    batch: (side: '<' | '>', activeId: string, after: Row | undefined) => Promise<Rewrapped<Row>>,
    side: '<' | '>',
    activeId: string,
  ): Promise<number | undefined> => {
    let damaged = 0;
    let last: Row | undefined;
    do {
      if (isClosed || keyring.active().id !== activeId) return undefined;
      const done = await batch(side, activeId, last);
      damaged += done.damaged;
      last = done.last;
    } while (last);
    return damaged;
  };

  /** @returns false when another key became active meanwhile */
  const sweepTo = async (activeId: string): Promise<boolean> => {
    let damaged = 0;
    for (const side of ['<', '>'] as const) {
      const secrets = await walk(secretsBatch, side, activeId);
      const requests = await walk(requestsBatch, side, activeId);
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

  const isWork = async (): Promise<boolean> => {
    const { id } = keyring.active();
    const rows = await Promise.all(
      (['secret', 'idempotent_request'] as const).flatMap((table) =>
        // Asked as two ranges, which an index answers at once; as `<>` it would be a walk through all that is done.
        (['<', '>'] as const).map((side) =>
          store.db
            .selectFrom(table)
            .select('key_id')
            .where('key_id', side, id)
            .orderBy('key_id')
            .limit(1)
            .executeTakeFirst(),
        ),
      ),
    );
    return rows.some(Boolean);
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
