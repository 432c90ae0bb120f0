/** The store cannot be opened; the message says why and what to do. */
export class StoreError extends Error {
  override name = 'StoreError';
}

/** Another process uses the folder. It may be about to end. */
export class StoreHeldError extends StoreError {
  override name = 'StoreHeldError';
}

/** The store does not answer, or cannot write at the moment. Nothing was changed; retry. */
export class StoreUnavailableError extends Error {
  override name = 'StoreUnavailableError';
}

/** The connection was lost during a commit: whether it took effect is unknown. */
export class OutcomeUnknownError extends Error {
  override name = 'OutcomeUnknownError';
}

/**
 * Runs the rest of a request that has changed something, such as reading its answer. If the store becomes
 * unreachable, the error must not say that nothing was changed, or the client repeats the change.
 * @throws OutcomeUnknownError instead of StoreUnavailableError
 */
export async function afterChange<Result>(rest: () => Promise<Result>): Promise<Result> {
  try {
    return await rest();
  } catch (cause) {
    if (!(cause instanceof StoreUnavailableError)) throw cause;
    throw new OutcomeUnknownError('The store went away after a change.', { cause });
  }
}

/** A search took longer than a shared store may spend on it. */
export class ReadTooLongError extends Error {
  override name = 'ReadTooLongError';
}

/** There is no space for another write. Nothing was changed; reads continue. */
export class StoreFullError extends Error {
  override name = 'StoreFullError';
}

interface DriverError {
  code?: unknown;
  message?: unknown;
}

/** True for a violated UNIQUE or PRIMARY KEY constraint. */
export function isUniqueViolation(error: unknown): boolean {
  const code = (error as DriverError | undefined)?.code;
  return (
    code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY' || code === '23505' // unique_violation
  );
}

/** For `catch`: throws `refusal` if the name or id is taken, other errors as they are. */
export const ifTaken =
  (refusal: () => Error) =>
  (error: unknown): never => {
    throw isUniqueViolation(error) ? refusal() : error;
  };

/** True for query_canceled: a statement took longer than its limit. */
export const isStatementTimeout = (error: unknown): boolean =>
  (error as { cause?: DriverError } | undefined)?.cause?.code === '57014';

/** True for serialization_failure and deadlock_detected: the database asks to run the transaction again. */
export const isConflict = (error: unknown): boolean =>
  ['40001', '40P01'].includes(String((error as DriverError | undefined)?.code));

/**
 * Translates SQLite's disk errors; other errors pass unchanged. A failed write is rolled back, but whether the disk
 * has a write that could not be flushed is unknown. Codes: https://www.sqlite.org/rescode.html
 */
export function diskError(error: unknown): unknown {
  const code = String((error as DriverError | undefined)?.code);
  const options = { cause: error };
  if (code === 'SQLITE_FULL') return new StoreFullError('The disk of the store is full.', options);
  if (/^SQLITE_IOERR_(?:DIR_)?FSYNC$/.test(code)) {
    return new OutcomeUnknownError('The store could not be flushed to its disk.', options);
  }
  if (/^SQLITE_(?:IOERR|READONLY|CANTOPEN)/.test(code)) {
    return new StoreUnavailableError('The disk of the store cannot be read or written.', options);
  }
  return error;
}
