import { contextOfIdempotentRequest } from '../idempotency/kept-answer.js';
import type { Db } from '../store/queryable.js';
import type { IdempotentRequestTable, SecretTable } from '../store/tables.js';
import { createVault, type SealContext, UnreadableError, type Vault } from '../vault/envelope.js';
import { type Master, readKeys } from '../vault/keyring-rows.js';
import {
  contextOfSecret,
  fromSealedColumns,
  type SealedColumns,
  secretsAfter,
} from '../vault/sealed-fields.js';

export interface OpenedRecords {
  opened: number;
  /** Modified, or under keys that are gone. */
  unreadable: number;
}

const rowsAtOnce = 500;

function opens(vault: Vault, row: SealedColumns, context: SealContext): boolean {
  try {
    vault.open(fromSealedColumns(row), context);
    return true;
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    return false;
  }
}

/** Opens every sealed record of a store with the keys of that store. @throws KeyError */
export async function openEveryRecord(db: Db, master: Master): Promise<OpenedRecords> {
  const vault = createVault(await readKeys(db, master));
  const counts: OpenedRecords = { opened: 0, unreadable: 0 };
  const count = (isOpen: boolean) => {
    counts[isOpen ? 'opened' : 'unreadable'] += 1;
  };
  for (let last: SecretTable | undefined; ; ) {
    const rows: SecretTable[] = await secretsAfter(db, last).limit(rowsAtOnce).execute();
    for (const row of rows) count(opens(vault, row, contextOfSecret(row)));
    last = rows.at(-1);
    if (!last) break;
  }
  for (let last: IdempotentRequestTable | undefined; ; ) {
    const rows: IdempotentRequestTable[] = await db
      .selectFrom('idempotent_request')
      .selectAll()
      .where('claim', '>', last?.claim ?? '')
      .orderBy('claim')
      .limit(rowsAtOnce)
      .execute();
    for (const row of rows) count(opens(vault, row, contextOfIdempotentRequest(row)));
    last = rows.at(-1);
    if (!last) return counts;
  }
}
