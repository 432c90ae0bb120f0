import { type CoarseUse, coarseFailure, refusedSignIn, untilInstant } from '../errors/coarse.js';
import type { Stage, TestAnswer } from './staged-test.js';

const works: Stage = { name: 'connection', ok: true };
const fails: Stage = { name: 'connection', ok: false, ...coarseFailure };
const refuses: Stage = { name: 'signIn', ok: false, ...refusedSignIn };

/** The answer of a test that failed with a `CoarseFailure`. */
export const coarseTestFailure = (): TestAnswer => ({ ok: false, stages: [fails] });

export const isRefusedSignIn = ({ stages }: TestAnswer): boolean =>
  stages.at(-1)?.code === refusedSignIn.code;

/** The answer of a test to users who may not edit the connection. Success is reported at once. */
export async function coarseTest(
  answer: TestAnswer,
  use: Pick<CoarseUse, 'since' | 'seconds' | 'left' | 'isOwnLogin'>,
): Promise<TestAnswer> {
  if (answer.ok) return { ok: true, stages: [works] };
  if (use.isOwnLogin && isRefusedSignIn(answer)) return { ok: false, stages: [refuses] };
  await untilInstant(use);
  return coarseTestFailure();
}
