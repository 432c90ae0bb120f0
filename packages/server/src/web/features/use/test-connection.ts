import { timeLimit } from '@mooring/connectors/kit/deadline';
import { testConnection } from '@mooring/contract/routes/use';
import type { RefusedDestination } from '../../../core/audit/refused-destinations.js';
import { CoarseFailure, coarseSeconds } from '../../../core/errors/coarse.js';
import { coarseTestFailure, testToldCoarsely } from '../../../core/sessions/coarse-test.js';
import { type TestAnswer, testInStages } from '../../../core/sessions/staged-test.js';
import type { RequestScope } from '../../http/handler.js';
import { beginUse } from './begin-use.js';
import { assertStillAllowed, finishing } from './finish-use.js';
import type { PreparedUse, UseDependencies } from './prepared-use.js';

type Scope = Pick<RequestScope, 'caller' | 'signal' | 'traceId'>;

/** A test that the egress gate stops is answered with 200, and is a refusal in the audit log all the same. */
export async function recordRefusedTest(
  { destinationRefused }: Pick<UseDependencies, 'destinationRefused'>,
  { stages }: TestAnswer,
  refused: RefusedDestination,
): Promise<void> {
  if (stages.at(-1)?.code === 'EGRESS-REFUSED') await destinationRefused(refused);
}

async function testThrough(
  deps: UseDependencies,
  use: PreparedUse,
  { signal, traceId }: Scope,
): Promise<TestAnswer> {
  const { testSeconds } = deps.config.limits;
  const seconds = use.mayEdit ? testSeconds : coarseSeconds(testSeconds);
  const within = AbortSignal.any([signal, use.watch.signal, timeLimit(seconds * 1000)]);
  const answer = await finishing(deps, use, async () => {
    const value = await testInStages({ ...use, signal: within }, use.entry);
    return { value, outcome: value.ok ? 'ok' : (value.stages.at(-1)?.code ?? 'failed') };
  });
  assertStillAllowed(use);
  const { caller: by, connection } = use;
  const refused = { by, operation: testConnection.id, traceId, connectionId: connection.id };
  await recordRefusedTest(deps, answer, refused);
  return answer;
}

/** Tests a saved connection. Users who may not edit it get a coarse answer: see `errors/coarse`. */
export async function testSaved(deps: UseDependencies, qID: string, scope: Scope): Promise<TestAnswer> {
  const { caller, signal, traceId } = scope;
  const coarse = { since: 0, seconds: deps.config.limits.testSeconds, left: signal, isOwnLogin: false };
  let mayEdit = false;
  const request = {
    caller,
    qID,
    action: 'test' as const,
    operation: testConnection.id,
    traceId,
    signal,
  };
  const tested = beginUse(deps, request, (use) => {
    mayEdit = use.mayEdit;
    Object.assign(coarse, { since: performance.now(), isOwnLogin: use.isOwnLogin });
    return testThrough(deps, use, scope);
  });
  const answer = await tested.catch((error: unknown) => {
    if (error instanceof CoarseFailure) return coarseTestFailure();
    throw error;
  });
  return mayEdit ? answer : testToldCoarsely(answer, coarse);
}
