import type { Readable } from 'node:stream';
import { AppError } from '../errors/app-error.js';
import type { IdempotentRequestTable } from '../store/tables.js';
import { type SealContext, UnreadableError, type Vault } from '../vault/envelope.js';
import { fromSealedColumns, toSealedColumns } from '../vault/sealed-fields.js';

// What is kept of a request and its answer. An answer may show a secret once (a new API key), so it is sealed.

/** An answer as it goes out. */
export interface WrittenAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  text?: string;
  /** Instead of a text: its bytes, or where they come from. */
  bytes?: Uint8Array;
  stream?: Readable;
}

/** Identifies a request: a user, a route and the hash of their key. */
export type RequestId = Pick<IdempotentRequestTable, 'tenant_id' | 'user_id' | 'route' | 'key_hash'>;

export interface Kept {
  /** Absent where it was lost with the answer. */
  fingerprint?: string;
  answer?: WrittenAnswer;
  /** The store was lost while the work was being committed. */
  isOutcomeUnknown?: true;
}

export const unknownOutcome = () =>
  new AppError(
    'IDEMPOTENCY-OUTCOME-UNKNOWN',
    'The first request with this key was interrupted. Check whether it took effect before you repeat it with a new key.',
  );

/** What a kept answer is bound to. */
export const contextOfIdempotentRequest = (id: RequestId): SealContext => ({
  tenantId: id.tenant_id,
  recordKind: 'idempotent-request',
  recordId: id.key_hash,
  ownerId: id.user_id,
  version: 1,
  field: id.route,
});

export const sealKept = (vault: Vault, id: RequestId, kept: Kept) => {
  const sealed = vault.seal(kept, contextOfIdempotentRequest(id));
  return { ...toSealedColumns(sealed), bytes: sealed.ciphertext.length };
};

/** @throws AppError `IDEMPOTENCY-OUTCOME-UNKNOWN` when it does not open */
export function openKept(vault: Vault, row: IdempotentRequestTable): Kept {
  try {
    return vault.open(fromSealedColumns(row), contextOfIdempotentRequest(row)).reveal() as Kept;
  } catch (cause) {
    if (cause instanceof UnreadableError) throw unknownOutcome();
    throw cause;
  }
}

/** Replaces an answer that no longer opens: whether the request took effect is not known. */
export const answerOfUnknownOutcome = (vault: Vault, id: RequestId) =>
  sealKept(vault, id, { isOutcomeUnknown: true });
