/** The store cannot be opened; the message says why and what to do. */
export class StoreError extends Error {
  override name = 'StoreError';
}

/** Another process is at work on the folder. It may be about to end. */
export class StoreHeldError extends StoreError {
  override name = 'StoreHeldError';
}

/** The store does not answer, or cannot write just now. Nothing was changed; asking again helps. */
export class StoreUnavailableError extends Error {
  override name = 'StoreUnavailableError';
}

/** The connection was lost while a commit was on its way: whether it took effect is not known. */
export class OutcomeUnknownError extends Error {
  override name = 'OutcomeUnknownError';
}

/**
 * The rest of a request that has changed something, such as reading what its answer shows. A store that goes away
 * meanwhile must not be told of as one in which nothing was changed, or the change is made again.
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

/** There is no room for another write. Nothing was changed; reads go on. */
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

/** True for serialization_failure and deadlock_detected: the database asks to run the transaction again. */
export const isConflict = (error: unknown): boolean =>
  ['40001', '40P01'].includes(String((error as DriverError | undefined)?.code));

/**
 * What SQLite says about the disk below it, in our terms; anything else as it is. A write that failed is rolled
 * back, but of one that could not be flushed nobody knows whether the disk has it.
 * Codes: https://www.sqlite.org/rescode.html
 */
export function diskError(error: unknown): unknown {
  const code = String((error as DriverError | undefined)?.code);
  const options = { cause: error };
  if (code === 'SQLITE_FULL') return new StoreFullError('The disk of the store is full.', options);
  if (/^SQLITE_IOERR_(?:DIR_)?FSYNC$/.test(code)) {
    return new OutcomeUnknownError('The store could not be flushed to its disk.', options);
  }
  if (/^SQLITE_(?:IOERR|READONLY|CANTOPEN)/.test(code)) {
    return new StoreUnavailableError('The disk of the store refuses to be written or read.', options);
  }
  return error;
}
