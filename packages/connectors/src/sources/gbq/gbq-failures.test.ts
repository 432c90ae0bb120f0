import { describe, expect, it } from 'vitest';
import type { ConnectorError } from '../../interface/errors.js';
import { Secret } from '../../interface/secret.js';
import { failureForAuthor } from '../../kit/server-words.js';
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
    // The server's words are for the author of a query; a ping has none.
    expectNoSecrets(failureForAuthor(error, undefined, {}) as ConnectorError, ['s3cret']);
  });

  it('with the place of a syntax error', async () => {
    const stand = await serve(() =>
      failing(400, 'invalidQuery', 'Syntax error: Unexpected "s3cret" at [2:17]'),
    );
    const { session } = await open(stand);
    const error = await failureOf(session.read({ query: 'SELEC', batchRows: 1 }));
    expect(error.kind).toBe('invalid_query');
    expect(error.message).toContain('line 2, column 17');
    const shown = failureForAuthor(error, 'SELEC', { key: new Secret('S3CRET') });
    expectNoSecrets(shown as ConnectorError, ['s3cret']);
    expect(failureForAuthor(error, 'SELEC', { key: new Secret('another') })).toMatchObject({
      server: { code: 'invalidQuery', message: expect.stringContaining('Syntax error') },
    });
  });

  it('R31: with a typed error on malformed responses', async () => {
    for (const body of ['[]', 'null', '"text"', '<html>', '{"datasets":7}', '{"datasets":[null]}']) {
      const stand = await serve(() => ({ body }));
      const { session } = await open(stand);
      const outcome = await session.browse({ path: [], limit: 1 }).catch((error: unknown) => error);
      expect(outcome instanceof Error ? outcome.name : outcome).toSatisfy(
        (value: unknown) => value === 'ConnectorError' || JSON.stringify(value) === '{"items":[]}',
      );
    }
  });

  const tableOf = (schema: unknown, page: (token: string | null) => unknown) =>
    serve(({ path, query }) =>
      path.endsWith('/data') ? { body: page(query.get('pageToken')) } : { body: { type: 'TABLE', schema } },
    );
  const readTable = async (schema: unknown, page: (token: string | null) => unknown) => {
    const { session } = await open(await tableOf(schema, page));
    const { batches } = await session.read({ path: ['d', 't'], batchRows: 1000 });
    const sizes: number[] = [];
    for await (const batch of batches) sizes.push(batch.length);
    return sizes;
  };
  const kindOf = async (schema: unknown, page: (token: string | null) => unknown) =>
    (await failureOf(readTable(schema, page))).kind;
  const field = (name: unknown, more: object = {}) => ({ name, type: 'STRING', ...more });
  const fields = (count: number) => Array.from({ length: count }, (_, index) => field(`c${index}`));

  it('TR17: on schemas without end, by columns or by depth', async () => {
    expect(await kindOf({ fields: fields(10_001) }, () => ({}))).toBe('too_large');
    const deep = Array.from({ length: 100 }).reduce<object>(
      (inner) => ({ ...field('r'), type: 'RECORD', fields: [inner] }),
      field('x'),
    );
    expect(await kindOf({ fields: [deep] }, () => ({}))).toBe('too_large');
    const nested = `${'['.repeat(1000)}${']'.repeat(1000)}`;
    const json = { fields: [{ name: 'j', type: 'JSON' }] };
    expect(await kindOf(json, () => ({ rows: [{ f: [{ v: nested }] }] }))).toBe('too_large');
  });

  it('TR1: on a JSON value of a million objects, before they are made', async () => {
    const many = `[${'{},'.repeat(1_000_000)}{}]`;
    const json = { fields: [{ name: 'j', type: 'JSON' }] };
    expect(await kindOf(json, () => ({ rows: [{ f: [{ v: many }] }] }))).toBe('too_large');
  });

  it('TR25: on malformed columns', async () => {
    for (const name of [7, null, {}, ''])
      expect(await kindOf({ fields: [field(name)] }, () => ({}))).toBe('protocol_error');
    const { session } = await open(await tableOf({ fields: [field(7)] }, () => ({})));
    expect((await failureOf(session.browse({ path: ['d', 't'], limit: 10 }))).kind).toBe('protocol_error');
  });

  it('TR17: on pages without rows that do not end, and on lists longer than was asked for', async () => {
    const endless = (token: string | null) => ({ pageToken: String(Number(token) + 1) });
    expect(await kindOf({ fields: fields(1) }, endless)).toBe('protocol_error');
    const datasets = Array.from({ length: 11 }, () => ({ datasetReference: { datasetId: 'd' } }));
    const { session } = await open(await serve(() => ({ body: { datasets } })));
    expect((await failureOf(session.browse({ path: [], limit: 10 }))).kind).toBe('protocol_error');
  });

  it('TR17: not on wide tables, whose rows come in batches of few values', async () => {
    const row = { f: Array.from({ length: 5000 }, () => ({ v: 'x' })) };
    const sizes = await readTable({ fields: fields(5000) }, () => ({ rows: Array<unknown>(20).fill(row) }));
    expect(Math.max(...sizes) * 5000).toBeLessThanOrEqual(65_536);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(20);
  });
});
