// Responses made to harm their reader. Their cost is measured: processor time and memory.
import { type Fuzzing, fuzz, jsonTokens, readCorpus } from '@mooring/lab/fuzz';
import { full } from '@mooring/lab/test-tier';
import { describe, expect, it } from 'vitest';
import { ConnectorError } from '../../interface/errors.js';
import { allBatches, failureOf } from '../../suite/bench.js';
import { inputOf, open, serve } from './test-stand.js';

const refusals = new Set(['protocol_error', 'too_large', 'unsupported', 'invalid_config']);

/** Within the time and the memory of the harness, which these answers broke by far. */
async function cheaply(read: () => Promise<unknown>, limits: Partial<Fuzzing> = {}): Promise<void> {
  await fuzz({
    ...{ name: 'hostile', corpus: [Buffer.alloc(0)], runs: 0, isRefusal: () => false, read },
    ...{ millisecondsMax: 2_000, mebibytesMax: 200, ...limits },
  });
}

const answering = async (document: string | Buffer, more: Record<string, unknown> = {}) => {
  const body = typeof document === 'string' ? Buffer.from(document) : document;
  const stand = await serve((_request, response) => response.end(body));
  return (await open(inputOf({ url: stand.url, ...more }))).session;
};

const names = Array.from({ length: 10_000 }, (_, index) => `c${index}`);
const wideRow = JSON.stringify(Object.fromEntries(names.map((name) => [name, 1])));
const wide = `[${wideRow},${'{},'.repeat(20_000)}{}]`;
const manyObjects = Buffer.alloc(63 * 1024 * 1024, '{},');
manyObjects.write('[  ');
manyObjects.write('{}]', manyObjects.length - 3);

describe('a hostile answer of a REST source', () => {
  it('TR1: of 63 MB of empty objects is refused by test, preview, browse and read, with an error', async () => {
    const session = await answering(manyObjects);
    const uses = [
      () => session.ping(),
      () => session.browse({ path: ['127.0.0.1'], limit: 10 }),
      () => session.read({ path: [], batchRows: 1, limit: 1, isPreview: true }),
      () => session.read({ path: [], batchRows: 100 }),
    ];
    for (const use of uses) {
      await cheaply(
        async () => {
          const error = await failureOf(use());
          expect(error.kind).toBe('too_large');
          expect(error.remedy).toContain('smaller pages');
        },
        { millisecondsMax: 5_000 },
      );
    }
  });

  it('TR1: of one wide row and many empty ones makes one row for a limit of one, else batches of few cells', async () => {
    const session = await answering(wide);
    await cheaply(async () => {
      const one = await session.read({ path: [], batchRows: 1_000, limit: 1, isPreview: true });
      expect((await allBatches(one)).map((batch) => batch.length)).toEqual([1]);
    });
    await cheaply(async () => {
      const { batches, columns } = await session.read({ path: [], batchRows: 1_000 });
      let rows = 0;
      for await (const batch of batches) {
        expect(batch.length * columns.length).toBeLessThanOrEqual(70_000);
        rows += batch.length;
        if (rows > 100) break;
      }
    });
  });

  it('TR1: of many large rows comes in batches of few bytes', async () => {
    const row = JSON.stringify({ a: 'x'.repeat(300_000) });
    const session = await answering(`[${Array.from({ length: 20 }, () => row).join()}]`);
    const { batches } = await session.read({ path: [], batchRows: 1_000 });
    const sizes = (await allBatches({ batches })).map((batch) => batch.length);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(20);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4);
  });

  it.each([
    ['nesting', `[{"a":${'['.repeat(4_000_000)}`],
    ['names in a row', `[{"a":{${Array.from({ length: 200_000 }, (_, at) => `"k${at}":1`).join()}}}]`],
    ['a long number', `[{"a":${'1'.repeat(1_000_000)}}]`],
    [
      'members around its list',
      `{${Array.from({ length: 20_000 }, (_, at) => `"k${at}":{}`).join()},"rows":[{}]}`,
    ],
  ])('TR20: of too much %s is refused', async (_title, document) => {
    const session = await answering(document);
    await cheaply(async () => {
      const error = await failureOf(session.read({ path: [], batchRows: 100 }));
      expect([error.kind, error.message.length < 100]).toEqual(['too_large', true]);
    });
  });

  it('finds its list and its next page without making the values around them', async () => {
    const junk = JSON.stringify({ junk: { deep: [[1, '],}'], { 'a"b': null }] }, text: 'x\\"]' });
    const document = `{"before": ${junk}, "data": {"r~/s": [{"a": 1}, null, {"a": 2}], "next": null}, "total": 2}`;
    const session = await answering(document, {
      PaginationType: 'NextToken',
      NextTokenFieldPath: 'data.next',
    });
    const found = await session.read({ path: [], batchRows: 100 });
    expect(await allBatches(found)).toEqual([
      [
        [1, null],
        [null, null],
        [2, null],
      ],
    ]);
    const pointed = await answering(document, { dataPath: '/data/r~0~1s/2' });
    expect(await allBatches(await pointed.read({ path: [], batchRows: 9 }))).toEqual([[[2]]]);
  });

  it.each([
    '[{"a":1},{"a":2}',
    '[{"a":1}{"a":2}]',
    '{"rows":[{"a":1}],}',
    '[{"a":1}] x',
    '{"a" 1}',
    '[1 2]',
    '[tru]',
    '[,]',
  ])('is refused when it is not JSON, also outside the rows: %s', async (document) => {
    const session = await answering(document);
    expect((await failureOf(session.read({ path: [], batchRows: 1 }))).kind).toBe('protocol_error');
  });

  it('TR1 TR20: fuzzed, ends with rows or with an error', async () => {
    let body: Buffer = Buffer.alloc(0);
    const stand = await serve((_request, response) => response.end(body));
    const paging = { PaginationType: 'NextUrl', NextUrlFieldPath: '/data/next' };
    const { session } = await open(inputOf({ url: stand.url, ...paging }));
    const { accepted, refused } = await fuzz({
      name: 'REST pages',
      corpus: readCorpus(new URL('../../families/files/corpus/json/', import.meta.url)),
      tokens: [...jsonTokens, '{"data":', '{"items":[', '"next":', '1e9', '{},'],
      runs: full(5_000, 100),
      read: async (input) => {
        body = input;
        const { batches } = await session.read({ path: [], batchRows: 100 });
        let rows = 0;
        for await (const batch of batches) {
          rows += batch.length;
          if (rows > 5_000) break;
        }
      },
      isRefusal: (error) => error instanceof ConnectorError && refusals.has(error.kind),
    });
    expect(Math.min(accepted, refused)).toBeGreaterThan(0);
  });
});
