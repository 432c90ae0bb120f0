import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { allBatches, failureOf, waitUntil } from '../../suite/bench.js';
import { answerQuery, inputOf, open, serve } from './test-stand.js';

describe('gbq runs', () => {
  it.each(['INSERT', 'CREATE_TABLE_AS_SELECT', 'SCRIPT', 'EXPORT_DATA', undefined])(
    'D13: nothing that BigQuery calls %s',
    async (statementType) => {
      const stand = await serve(() => ({ body: { statistics: { query: { statementType } } } }));
      const { session } = await open(stand);
      const error = await failureOf(session.read({ query: 'x', batchRows: 1 }));
      expect(error.kind).toBe('invalid_query');
      expect(stand.calls()).toEqual(['POST /token', 'POST /jobs']);
    },
  );

  it('the very statement that the dry run has seen, within the bytes that may be billed', async () => {
    const stand = await serve(answerQuery([]));
    const { session } = await open(stand, inputOf({ maximumBytesBilled: '1000', Location: 'EU' }));
    const { batches } = await session.read({ query: 'SELECT "x"', batchRows: 10 });
    for await (const _batch of batches) throw new Error('there is no row');
    const [dry, run] = stand.seen.filter(({ path }) => path === '/jobs').map(({ body }) => JSON.parse(body));
    expect(dry.configuration).toEqual({ ...run.configuration, dryRun: true });
    expect(run.configuration.query).toEqual({
      query: 'SELECT "x"',
      useLegacySql: false,
      maximumBytesBilled: '1000',
    });
    expect(run.jobReference).toMatchObject({ projectId: 'my-project', location: 'EU' });
    expect(run.jobReference.jobId).toMatch(/^mooring_[0-9a-f-]{36}$/);
  });

  it('R23: page after page as the reader asks, and stops with it', async () => {
    const numbers = Array.from({ length: 10 }, (_, index) => String(index));
    const stand = await serve(answerQuery(numbers, 3));
    const { session } = await open(stand);
    const pages = () => stand.calls().filter((call) => call.includes('/queries/')).length;
    const all = await session.read({ query: 'SELECT', batchRows: 3 });
    expect(pages()).toBe(1);
    expect((await allBatches(all)).flat()).toEqual(numbers.map((n) => [n]));
    expect(pages()).toBe(4);
    const limited = await session.read({ query: 'SELECT', batchRows: 3, limit: 4 });
    expect((await allBatches(limited)).map((batch) => batch.length)).toEqual([3, 1]);
    expect(pages()).toBe(6);
    for await (const _batch of (await session.read({ query: 'SELECT', batchRows: 3 })).batches) break;
    expect(pages()).toBe(7);
    expect(stand.calls().some((call) => call.includes('cancel'))).toBe(false);
  });

  it('D25: no longer than its caller stays', async () => {
    const stand = await serve((request) =>
      request.path.startsWith('/queries/') ? 'silence' : answerQuery([])(request),
    );
    const { session, abort } = await open(stand);
    const failure = failureOf(session.read({ query: 'SELECT', batchRows: 1 }));
    const isWaiting = async () => {
      await nextTurn();
      return stand.calls().some((call) => call.includes('/queries/'));
    };
    expect(await waitUntil(isWaiting, 30_000)).toBe(true);
    abort.abort();
    expect((await failure).kind).toBe('cancelled');
    await session.close();
    const cancel = stand.seen.at(-1);
    const run = stand.seen.find(({ path, body }) => path === '/jobs' && !body.includes('dryRun'));
    const { jobId } = JSON.parse(run?.body ?? '{}').jobReference;
    expect(cancel?.path).toBe(`/jobs/${jobId}/cancel`);
    expect(cancel?.query.get('location')).toBe('EU');
  });
});

describe('gbq browses', () => {
  it('datasets, tables and columns, page by page', async () => {
    const fields = [
      { name: 'a', type: 'INT64', mode: 'REQUIRED' },
      { name: 'b', type: 'STRING' },
    ];
    const replies: Record<string, unknown> = {
      '/datasets': { datasets: [{ datasetReference: { datasetId: 'ds' } }], nextPageToken: 'p2' },
      '/datasets/ds/tables': {
        tables: [
          { tableReference: { tableId: 't' }, type: 'TABLE' },
          { tableReference: { tableId: 'v' }, type: 'VIEW' },
        ],
      },
      '/datasets/ds/tables/t': { type: 'TABLE', schema: { fields } },
    };
    const stand = await serve(({ path }) => (path in replies ? { body: replies[path] } : undefined));
    const { session } = await open(stand);
    const root = await session.browse({ path: [], limit: 1, page: 'p1' });
    expect(root).toMatchObject({ items: [{ name: 'ds', kind: 'dataset', path: ['ds'] }], next: 'p2' });
    expect(Object.fromEntries(stand.seen.at(-1)?.query ?? [])).toEqual({
      maxResults: '1',
      pageToken: 'p1',
      prettyPrint: 'false',
    });
    const tables = await session.browse({ path: ['ds'], limit: 10 });
    expect(tables.items.map(({ name, kind, readable }) => [name, kind, readable])).toEqual([
      ['t', 'table', true],
      ['v', 'view', true],
    ]);
    const columns = await session.browse({ path: ['ds', 't'], limit: 1 });
    expect(columns).toMatchObject({ items: [{ name: 'a', type: 'bigint', nullable: false }], next: '1' });
    const more = await session.browse({ path: ['ds', 't'], limit: 1, page: '1' });
    expect(more).toMatchObject({ items: [{ name: 'b', type: 'string', nullable: true }] });
    expect(more.next).toBeUndefined();
  });
});
