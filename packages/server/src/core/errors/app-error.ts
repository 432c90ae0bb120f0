import { type ErrorCode, errorTable } from '@mooring/contract/errors';

export interface AppErrorOptions {
  /** Machine-readable facts for the answer. */
  meta?: Record<string, unknown>;
  /** Seconds for `Retry-After`. */
  retryAfterSeconds?: number;
  /** For the log only. */
  cause?: unknown;
}

/** An expected failure. `detail` goes to the caller: what happened and what to do, never a secret. */
export class AppError extends Error {
  override name = 'AppError';
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly meta: Record<string, unknown> | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, detail?: string, options: AppErrorOptions = {}) {
    super(`${code}${detail ? `: ${detail}` : ''}`, { cause: options.cause });
    this.code = code;
    this.detail = detail;
    this.meta = options.meta;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}

/** A request that names unknown, missing or invalid fields; one entry each. */
export class InvalidRequest extends AppError {
  readonly problems: readonly { field: string; message: string }[];

  constructor(problems: readonly { field: string; message: string }[]) {
    super('DCERROR-0010', problems.map((problem) => `${problem.field}: ${problem.message}`).join('; '));
    this.problems = problems;
  }
}

/** A request with one problem. @param field name, or path of names to a member */
export const invalidField = (field: string, message: string): InvalidRequest =>
  new InvalidRequest([{ field, message }]);
