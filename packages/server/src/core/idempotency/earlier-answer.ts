import { sleep } from '@mooring/connectors/kit/deadline';
import { AppError } from '../errors/app-error.js';
import type { Clock } from '../store/clock.js';
import { type Kept, type RequestId, unknownOutcome, type WrittenAnswer } from './kept-answer.js';
import type { RequestRows } from './request-rows.js';

/** How long keys and answers are kept. */
export const keptMs = 86_400_000;
const pollMs = 100;
/** How long a repeated request waits for the first one. */
const waitMaxMs = 30_000;
/** After this the first request can no longer be running. */
const workMaxMs = 120_000;

export interface Repeated {
  id: RequestId;
  fingerprint: string;
  /** Of an answer that shows a secret once: whether that secret still works. */
  isStillThere?: ((answered: WrittenAnswer) => Promise<boolean>) | undefined;
}

export interface EarlierAnswerDependencies {
  rows: RequestRows;
  clock: Clock;
  /** The first request, where this process runs it. */
  running(): Promise<unknown> | undefined;
}

/**
 * @returns undefined while the first request has not finished
 * @throws AppError when its answer may not be given again
 */
async function answerOf(kept: Kept, { fingerprint, isStillThere }: Repeated) {
  if (kept.fingerprint !== undefined && kept.fingerprint !== fingerprint)
    throw new AppError(
      'IDEMPOTENCY-KEY-REUSED',
      'Idempotency-Key: this key was used for a different request, or its answer shows a secret and was requested with another API key or token. Use a new one.',
    );
  if (kept.answer) {
    if (isStillThere && !(await isStillThere(kept.answer)))
      throw new AppError(
        'IDEMPOTENCY-KEY-REUSED',
        'Idempotency-Key: what the first request with this key created no longer exists. Use a new one.',
      );
    return kept.answer;
  }
  if (kept.isOutcomeUnknown) throw unknownOutcome();
  return undefined;
}

/**
 * Waits for the answer of the first request with a key.
 * @returns undefined when the key is free again
 * @throws AppError when that answer may not be given again, is not known, or takes too long
 */
export async function earlierAnswer(
  { rows, clock, running }: EarlierAnswerDependencies,
  repeated: Repeated,
): Promise<WrittenAnswer | undefined> {
  const waitUntil = performance.now() + waitMaxMs;
  for (;;) {
    const found = await rows.find(repeated.id);
    if (!found) return undefined;
    const age = clock.now() - Date.parse(found.created_at);
    if (age > keptMs) {
      await rows.release(found.claim);
      return undefined;
    }
    const answer = await answerOf(rows.open(found), repeated);
    if (answer) return answer;
    const here = running();
    if (!here && age > workMaxMs) throw unknownOutcome();
    if (performance.now() > waitUntil) {
      throw new AppError('IDEMPOTENCY-IN-PROGRESS', 'The first request with this key is still running.', {
        retryAfterSeconds: 5,
      });
    }
    await (here ?? sleep(pollMs));
  }
}
