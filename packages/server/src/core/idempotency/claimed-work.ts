import { sleep } from '@mooring/connectors/kit/deadline';
import type { Logger } from 'pino';
import { OutcomeUnknownError, StoreFullError, StoreUnavailableError } from '../store/store-error.js';
import type { RequestId, WrittenAnswer } from './kept-answer.js';
import type { RequestRows } from './request-rows.js';

/** A request that holds the claim on its key. */
export interface Claimed {
  id: RequestId;
  claim: string;
  fingerprint: string;
}

export interface ClaimDependencies {
  rows: RequestRows;
  log: Logger;
}

/** Retries of the outcome after the store was lost. */
const retries = { attempts: 60, everyMs: 1_000 };

/** Retries until the store is back. The client does not wait for it. */
async function whenStoreIsBack({ log }: ClaimDependencies, work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (attempt === retries.attempts)
        return log.warn({ err: error }, 'outcome of an idempotent request was not stored');
      await sleep(retries.everyMs, { unref: true });
    }
  }
}

/** After a refusal. The refusal is the answer, whatever becomes of the claim. */
const letGo = (deps: ClaimDependencies, claim: string): Promise<unknown> =>
  deps.rows.release(claim).catch(() => void whenStoreIsBack(deps, () => deps.rows.release(claim)));

/** @returns false when another request holds the claim */
export async function claimKey(
  deps: ClaimDependencies,
  { id, claim, fingerprint }: Claimed,
): Promise<boolean> {
  try {
    return await deps.rows.claim(id, claim, { fingerprint });
  } catch (cause) {
    if (!(cause instanceof OutcomeUnknownError)) throw cause;
    // Perhaps claimed, but nothing has been done under the claim.
    void whenStoreIsBack(deps, () => deps.rows.release(claim));
    throw new StoreUnavailableError('The store does not answer.', { cause });
  }
}

/** A failed request may be repeated, unless it may have taken effect. */
async function settleFailure(
  deps: ClaimDependencies,
  { id, claim, fingerprint }: Claimed,
  error: unknown,
): Promise<void> {
  const { rows } = deps;
  if (error instanceof OutcomeUnknownError) {
    void whenStoreIsBack(deps, () => rows.keep(id, claim, { fingerprint, isOutcomeUnknown: true }));
  } else if (error instanceof StoreUnavailableError || error instanceof StoreFullError) {
    void whenStoreIsBack(deps, () => rows.release(claim));
  } else {
    await letGo(deps, claim);
  }
}

/** Works under the claim. Only what took effect is kept: a refused request may be corrected and sent again. */
export async function performClaimed(
  deps: ClaimDependencies,
  claimed: Claimed,
  work: () => Promise<WrittenAnswer>,
): Promise<WrittenAnswer> {
  const { id, claim, fingerprint } = claimed;
  let answer: WrittenAnswer;
  try {
    answer = await work();
  } catch (error) {
    await settleFailure(deps, claimed, error);
    throw error;
  }
  if (answer.status >= 300) {
    await letGo(deps, claim);
    return answer;
  }
  // It took effect, so it is answered. A repetition before the answer is kept gets `IDEMPOTENCY-OUTCOME-UNKNOWN`.
  await deps.rows.keep(id, claim, { fingerprint, answer }).catch(() => {
    void whenStoreIsBack(deps, () => deps.rows.keep(id, claim, { fingerprint, answer }));
  });
  return answer;
}
