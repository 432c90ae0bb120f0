import { startBigQuery } from '@mooring/lab/bigquery';
import { describe, expect, it, onTestFinished } from 'vitest';
import { allBatches, failureOf } from '../../suite/bench.js';
import { inputOf, open } from './test-stand.js';

async function opened() {
  const lab = await startBigQuery({ verifyAccessToken: async () => ({ active: false }), rowsInBig: 3 });
  onTestFinished(() => lab.close());
  const KeyFilePath = [{ name: 'key.json', value: JSON.stringify(lab.serviceAccountKey) }];
  const settings = { apiEndpoint: lab.url, tokenEndpoint: `${lab.url}/token` };
  return { lab, ...(await open({ settings }, inputOf({ KeyFilePath }))) };
}

describe('gbq takes parameters', () => {
  it('by name and by position, each with the type that was given or that its JSON has', async () => {
    const { session } = await opened();
    const named = await session.read({
      query: 'SELECT @n AS n, @big AS big, @at AS at, @who AS who, @none AS none, @ok AS ok',
      parameters: {
        n: 7,
        big: { type: 'decimal', value: '12345678901234567890.5' },
        at: { type: 'timestamp', value: '2024-02-29T12:34:56.789012Z' },
        who: "O'Neill; DROP",
        none: null,
        ok: true,
      },
      batchRows: 10,
    });
    expect(named.columns.map(({ type }) => type)).toEqual([
      ...['bigint', 'decimal', 'timestamp', 'string', 'string', 'boolean'],
    ]);
    expect((await allBatches(named)).flat()).toEqual([
      ['7', '12345678901234567890.5', '2024-02-29T12:34:56.789012Z', "O'Neill; DROP", null, true],
    ]);
    const placed = {
      query: 'SELECT ? AS a, ? AS b',
      parameters: [0.5, { type: 'date', value: '2024-02-29' }],
    };
    const stream = await session.read({ ...placed, batchRows: 10 } as never);
    expect((await allBatches(stream)).flat()).toEqual([[0.5, '2024-02-29']]);
  });

  it('and says what is wrong with them', async () => {
    const { session, lab } = await opened();
    const fails = (parameters: never) =>
      failureOf(session.read({ query: 'SELECT @a AS a', parameters, batchRows: 1 }));
    expect(await fails({ b: 1 } as never)).toMatchObject({
      kind: 'invalid_query',
      nativeCode: 'invalidQuery',
    });
    expect((await fails({ a: { type: 'date', value: 'soon' } } as never)).kind).toBe('invalid_query');
    expect(lab.jobs()).toEqual([]);
  });
});

describe('gbq describes', () => {
  it('a table by its metadata and a query by a dry run, and runs neither', async () => {
    const { session, lab } = await opened();
    const table = await session.describe({ path: ['sales', 'all_types'] });
    expect(table).toMatchObject({ kind: 'table', rows: 3 });
    expect(table.columns.slice(12, 14)).toEqual([
      { name: 'c_json', type: 'json', nullable: true, native: 'JSON' },
      {
        ...{ name: 'c_array', type: 'json', nullable: false, native: 'ARRAY<INTEGER>' },
        element: { type: 'bigint', width: 64 },
      },
    ]);
    const query = `SELECT amount, id FROM \`${lab.projectId}\`.\`sales\`.\`big\``;
    expect(await session.describe({ query })).toMatchObject({
      kind: 'query',
      bytes: 0,
      columns: [
        { name: 'amount', type: 'decimal', native: 'NUMERIC' },
        { name: 'id', native: 'INTEGER' },
      ],
    });
    expect(lab.jobs()).toEqual([]);
    expect(lab.requests().some(({ path }) => path.endsWith('/data'))).toBe(false);
  });

  it('nothing that writes, and does not run it', async () => {
    const { session, lab } = await opened();
    const query = `INSERT INTO \`${lab.projectId}.sales.orders\` VALUES (1)`;
    const refused = { kind: 'invalid_query', nativeCode: 'INSERT' };
    expect(await failureOf(session.describe({ query }))).toMatchObject(refused);
    expect(await failureOf(session.read({ query, batchRows: 1 }))).toMatchObject(refused);
    expect(lab.jobs()).toEqual([]);
  });
});

it('filters the rows of a table, of which the columns of the filter need not be asked for', async () => {
  const { session } = await opened();
  const stream = await session.read({
    path: ['sales', 'big'],
    columns: ['name'],
    where: { column: 'id', op: 'ge', value: 2 },
    limit: 1,
    batchRows: 10,
  });
  expect((await allBatches(stream)).flat()).toEqual([['name 2']]);
});
