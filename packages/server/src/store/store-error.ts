/** The store cannot be opened; the message says why and what to do. */
export class StoreError extends Error {
  override name = 'StoreError';
}

/** The store does not answer, or cannot write just now. Nothing was changed; asking again helps. */
export class StoreUnavailableError extends Error {
  override name = 'StoreUnavailableError';
}

/** The connection was lost while a commit was on its way: whether it took effect is not known. */
export class OutcomeUnknownError extends Error {
  override name = 'OutcomeUnknownError';
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
