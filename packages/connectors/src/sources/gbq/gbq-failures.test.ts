import { describe, expect, it } from 'vitest';
import { expectNoSecrets, failureOf } from '../../suite/bench.js';

import { open, serve } from './test-stand.js';

describe('gbq fails', () => {
  const failing = (status: number, reason: string, message = 'echo s3cret') => ({
    status,
    body: { error: { code: status, message, errors: [{ reason, message }] } },
  });

  it.each([
    [403, 'accessDenied', 'permission_denied'],
    [403, 'accessNotConfigured', 'permission_denied'],
    [403, 'rateLimitExceeded', 'rate_limited'],
    [403, 'quotaExceeded', 'quota_exceeded'],
    [400, 'bytesBilledLimitExceeded', 'quota_exceeded'],
    [404, 'notFound', 'not_found'],
    [400, 'responseTooLarge', 'too_large'],
    [503, 'backendError', 'protocol_error'],
    [418, 'unheard', 'invalid_config'],
    [401, 'constructor', 'auth_failed'],
  ])('D23: with a kind for %i %s and without the text of the source', async (status, reason, kind) => {
    const stand = await serve(() => failing(status, reason));
    const { session } = await open(stand);
    const error = await failureOf(session.ping());
    expect(error.kind).toBe(kind);
    expectNoSecrets(error, ['s3cret']);
  });

  it('with the place of a syntax error', async () => {
    const stand = await serve(() =>
      failing(400, 'invalidQuery', 'Syntax error: Unexpected "s3cret" at [2:17]'),
    );
    const { session } = await open(stand);
    const error = await failureOf(session.read({ query: 'SELEC', batchRows: 1 }));
    expect(error.kind).toBe('invalid_query');
    expect(error.message).toContain('line 2, column 17');
    expectNoSecrets(error, ['s3cret']);
  });

  it('R31: with a typed error on answers that make no sense', async () => {
    for (const body of ['[]', 'null', '"text"', '<html>', '{"datasets":7}', '{"datasets":[null]}']) {
      const stand = await serve(() => ({ body }));
      const { session } = await open(stand);
      const outcome = await session.browse({ path: [], limit: 1 }).catch((error: unknown) => error);
      expect(outcome instanceof Error ? outcome.name : outcome).toSatisfy(
        (value: unknown) => value === 'ConnectorError' || JSON.stringify(value) === '{"items":[]}',
      );
    }
  });
});
