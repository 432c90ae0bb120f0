import { timeLimit } from '@mooring/connectors/kit/deadline';
import { lackingOf } from '@mooring/connectors/kit/login-parts';
import { destinationOf, type SplitProperties } from '@mooring/connectors/kit/properties';
import { testUnsaved } from '@mooring/contract/routes/use';
import type { z } from 'zod';
import { splitProperties } from '../../../core/catalogue/catalogue.js';
import { InvalidRequest } from '../../../core/errors/app-error.js';
import { type TestAnswer, testInStages } from '../../../core/sessions/staged-test.js';
import type { RequestScope } from '../../http/handler.js';
import type { UseDependencies } from './prepared-use.js';
import { recordRefusedTest } from './test-connection.js';

/** @throws InvalidRequest unless the request itself holds the whole login */
function assertTestable({ choice, signIn, definition, credential }: SplitProperties): void {
  if (choice.selectedCredentials !== undefined) {
    throw new InvalidRequest([
      {
        field: 'connectionProperties.selectedCredentials',
        message: 'cannot be used here: a stored secret is used only through a saved connection',
      },
    ]);
  }
  if (signIn.oauth) {
    throw new InvalidRequest([
      {
        field: 'connectionProperties',
        message: `save the connection first: ${signIn.label} can be tested only through a saved connection`,
      },
    ]);
  }
  const lacking = lackingOf(signIn, definition, credential);
  if (lacking.length > 0) {
    throw new InvalidRequest(
      lacking.map(({ property, message }) => ({ field: `connectionProperties.${property}`, message })),
    );
  }
}

/** Tests properties that are not saved, with the login of the request. */
export async function testProperties(
  deps: UseDependencies,
  body: z.output<typeof testUnsaved.body>,
  { caller, signal, traceId }: Pick<RequestScope, 'caller' | 'signal' | 'traceId'>,
): Promise<TestAnswer> {
  const manifest = await deps.catalogue.enabled(caller.tenantId, body.datasourceID);
  const split = splitProperties(manifest, body.connectionProperties);
  assertTestable(split);
  const visit = {
    tenantId: caller.tenantId,
    destination: destinationOf(manifest, split.definition),
    userId: caller.userId,
    spaceId: null,
    isTest: true,
  };
  const login = { signIn: split.signIn.id, fields: split.credential };
  const answer = await deps.sessions.enter(visit, signal, (entry) => {
    const within = AbortSignal.any([signal, timeLimit(deps.config.limits.testSeconds * 1000)]);
    return testInStages({ manifest, properties: split.definition, login, signal: within }, entry);
  });
  await recordRefusedTest(deps, answer, { by: caller, operation: testUnsaved.id, traceId });
  if (answer.stages.at(-1)?.code === 'SOURCE-SIGN-IN-FAILED') {
    await deps.signInRefused({ caller, action: 'test-unsaved' });
  }
  return answer;
}
