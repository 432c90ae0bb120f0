import { timeLimit } from '@mooring/connectors/kit/deadline';
import { lackingOf } from '@mooring/connectors/kit/login-parts';
import { destinationOf } from '@mooring/connectors/kit/properties';
import type { ConnectionProperties } from '@mooring/connectors/qlik/separated';
import { testConnection, testUnsaved } from '@mooring/contract/routes/use';
import type { RefusedDestination } from '../../../core/audit/refused-destinations.js';
import { splitProperties } from '../../../core/catalogue/catalogue.js';
import { InvalidRequest, invalidField } from '../../../core/errors/app-error.js';
import { CoarseFailure, coarseSeconds } from '../../../core/errors/coarse.js';
import { coarseTest, coarseTestFailure } from '../../../core/sessions/coarse-test.js';
import { type TestAnswer, testInStages } from '../../../core/sessions/staged-test.js';
import { bind } from '../../http/handler.js';
import type { PreparedUse, UseDependencies } from './prepared-use.js';
import { assertStillAllowed, runUse, type UseScope } from './run-use.js';

/** A test that the egress gate stops is answered with 200, and is a refusal in the audit log all the same. */
async function recordRefusedTest(
  { destinationRefused }: Pick<UseDependencies, 'destinationRefused'>,
  { stages }: TestAnswer,
  refused: RefusedDestination,
): Promise<void> {
  if (stages.at(-1)?.code === 'EGRESS-REFUSED') await destinationRefused(refused);
}

async function testThrough(deps: UseDependencies, use: PreparedUse, { signal, traceId }: UseScope) {
  const { testSeconds } = deps.config.limits;
  const seconds = use.mayEdit ? testSeconds : coarseSeconds(testSeconds);
  const within = AbortSignal.any([signal, use.watch.signal, timeLimit(seconds * 1000)]);
  const value = await testInStages({ ...use, signal: within }, use.entry);
  assertStillAllowed(use);
  const { caller: by, connection } = use;
  const refused = { by, operation: testConnection.id, traceId, connectionId: connection.id };
  await recordRefusedTest(deps, value, refused);
  return { value, outcome: value.ok ? 'ok' : (value.stages.at(-1)?.code ?? 'failed') };
}

/** Tests a saved connection. Users who may not edit it get a coarse answer: see `errors/coarse`. */
export const testSaved = (deps: UseDependencies) =>
  bind(testConnection, async ({ params: { qID } }, scope) => {
    const { caller, signal, traceId } = scope;
    const coarse = { since: 0, seconds: deps.config.limits.testSeconds, left: signal, isOwnLogin: false };
    let mayEdit = false;
    const request = { caller, signal, traceId, qID, action: 'test' as const, operation: testConnection.id };
    const tested = runUse(deps, request, (use) => {
      mayEdit = use.mayEdit;
      Object.assign(coarse, { since: performance.now(), isOwnLogin: use.isOwnLogin });
      return testThrough(deps, use, scope);
    });
    const answer = await tested.catch((error: unknown) => {
      if (error instanceof CoarseFailure) return coarseTestFailure();
      throw error;
    });
    return { status: 200, body: mayEdit ? answer : await coarseTest(answer, coarse) };
  });

/** @throws InvalidRequest unless the request itself holds the whole login */
function assertTestable({ choice, signIn, definition, credential }: ConnectionProperties): void {
  if (choice.selectedCredentials !== undefined) {
    throw invalidField(
      'connectionProperties.selectedCredentials',
      'cannot be used here: a stored secret is used only through a saved connection',
    );
  }
  if (signIn.oauth) {
    throw invalidField(
      'connectionProperties',
      `save the connection first: ${signIn.label} can be tested only through a saved connection`,
    );
  }
  const lacking = lackingOf(signIn, definition, credential);
  if (lacking.length > 0) {
    throw new InvalidRequest(
      lacking.map(({ property, message }) => ({ field: `connectionProperties.${property}`, message })),
    );
  }
}

/** Tests properties that are not saved, with the login of the request. */
export const testProperties = (deps: UseDependencies) =>
  bind(testUnsaved, async ({ body: { datasourceID, connectionProperties } }, scope) => {
    const { caller, signal, traceId } = scope;
    const manifest = await deps.catalogue.enabled(caller.tenantId, datasourceID);
    const split = splitProperties(manifest, connectionProperties);
    assertTestable(split);
    const visit = {
      tenantId: caller.tenantId,
      destination: destinationOf(manifest, split.definition),
      userId: caller.userId,
      spaceId: null,
      isTest: true,
    };
    const login = { method: split.signIn.id, fields: split.credential };
    const answer = await deps.sessions.enter(visit, signal, (entry) => {
      const within = AbortSignal.any([signal, timeLimit(deps.config.limits.testSeconds * 1000)]);
      return testInStages({ manifest, properties: split.definition, login, signal: within }, entry);
    });
    await recordRefusedTest(deps, answer, { by: caller, operation: testUnsaved.id, traceId });
    if (answer.stages.at(-1)?.code === 'SOURCE-SIGN-IN-FAILED') {
      await deps.signInRefused({ caller, action: 'test-unsaved' });
    }
    return { status: 200, body: answer };
  });
