import { ConnectorError } from '@mooring/connectors/spec/errors';
import { errorCode } from '../../../core/errors/error-answer.js';
import { refuseIfGrantEnded } from './credentials-required.js';
import type { PreparedUse, UseDependencies } from './prepared-use.js';

/** What a use is called in the usage log: `cancelled`, or the code of the error. */
export function outcomeOf(error: unknown): string {
  return error instanceof ConnectorError && error.kind === 'cancelled' ? 'cancelled' : errorCode(error);
}

/** @throws AppError ACCESS-DENIED when the caller has lost the right to the use */
export function assertStillAllowed({ watch }: Pick<PreparedUse, 'watch'>): void {
  if (watch.signal.aborted) throw watch.signal.reason;
}

interface FinishedUse<Result> {
  value: Result;
  /** Outcome for the usage log. */
  outcome: string;
  given?: { rows: number; bytes: number };
}

/**
 * Runs the work of a use and logs its outcome, so that a use is finished exactly once. After a failure, a lost right
 * and an ended grant take precedence over what the source reported.
 * @throws AppError ACCESS-DENIED, CREDENTIALS-REQUIRED; else what `work` throws
 */
export async function finishing<Result>(
  deps: UseDependencies,
  use: PreparedUse,
  work: () => Promise<FinishedUse<Result>>,
): Promise<Result> {
  try {
    const { value, outcome, given } = await work();
    await use.ticket.finish(outcome, given);
    return value;
  } catch (error) {
    await use.ticket.finish(outcomeOf(error));
    assertStillAllowed(use);
    if (error instanceof ConnectorError && error.kind === 'auth_failed') await refuseIfGrantEnded(deps, use);
    throw error;
  }
}
