import { fileURLToPath } from 'node:url';
import { type LabClickHouse, startClickHouse } from '@mooring/lab/clickhouse';
import { startChdb } from '@mooring/lab/clickhouse/chdb';
import type { Recorded } from '@mooring/lab/clickhouse/engine';
import { recorded } from '@mooring/lab/clickhouse/recorded';
import { recording } from '@mooring/lab/clickhouse/recorded-engine';
import { full } from '@mooring/lab/test-tier';
import { RecordBatch } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allBatches, Bench, failureOf, type TestRead } from '../../suite/bench.js';
import { inputOf } from '../../suite/connection-input.js';
import { describeSource } from '../../suite/describe-source.js';
import type { StartedSource } from '../../suite/harness.js';
import { harness } from './harness.js';
import { source } from './source.js';

const isRecorded = process.env['RECORD_CLICKHOUSE'] !== undefined;
/** The stand-in answers as the engine did; in the long tier the engine answers itself. */
const isReal = full(1, 0) === 1 || isRecorded;
const cache = fileURLToPath(new URL('../../../../../.cache', import.meta.url));
const heard = new Map<string, Recorded>();

let lab: LabClickHouse;
let started: StartedSource;
let bench: Bench;
beforeAll(async () => {
  const engine = isReal ? recording(await startChdb(cache), heard) : undefined;
  lab = await startClickHouse(engine ? { engine } : {});
  started = await harness.on(lab);
  bench = new Bench(source, { good: inputOf(source, started.good[0]) });
});
afterAll(async () => {
  bench.network.close();
  await started.close();
  await lab.close();
  if (isRecorded) {
    const { writeFile } = await import('node:fs/promises');
    const file = fileURLToPath(new URL('../../../../lab/src/clickhouse/recorded.ts', import.meta.url));
    const lines = [...heard]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},`);
    const head =
      "import type { Recorded } from './engine.js';\n\n/** By the key of the statement. */\nexport const recorded: Readonly<Record<string, Recorded>> = {\n";
    await writeFile(file, `${head}${lines.join('\n')}\n};\n`);
  }
});

const rowsOf = (request: Omit<TestRead, 'batchRows'>) =>
  bench.within(async (session) =>
    (await allBatches(await session.read({ ...request, batchRows: 1_000 }))).flat(),
  );
const failsWith = (query: string) => failureOf(rowsOf({ query }));

describeSource(source, { start: async () => ({ ...started, close: async () => {} }) });

describe('ClickHouse', () => {
  it('passes record batches without a row being made, in the types that were planned', async () => {
    await bench.within(async ({ use }) => {
      const { signal } = new AbortController();
      const request = { target: { path: ['sales', 'all_types'] }, batchRows: 1_000 };
      const stream = await use.read({ ...request, lanes: ['arrow', 'rows'] }, { signal });
      let rows = 0;
      for await (const batch of stream.batches) {
        expect('arrow' in batch && batch.arrow).toBeInstanceOf(RecordBatch);
        rows += 'arrow' in batch ? batch.arrow.numRows : 0;
      }
      expect(rows).toBe(2);
    });
  });

  it('takes parameters by name, as they are', async () => {
    const [{ query = '', parameters, rows } = {}] = started.parameterised ?? [];
    expect(await rowsOf({ query, ...(parameters ? { parameters } : {}) })).toEqual(rows);
    const text = "a\t'b\\n\\N\n";
    expect(await rowsOf({ query: 'select {text:String}', parameters: { text } })).toEqual([[text]]);
    expect(await rowsOf({ query: 'select {n:Nullable(String)}', parameters: { n: null } })).toEqual([[null]]);
    const error = await failsWith('select {missing:UInt8}');
    expect([error.kind, error.nativeCode]).toEqual(['invalid_query', '456']);
    const list = await failureOf(rowsOf({ query: 'select 1', parameters: [1] }));
    expect(list.message).toBe('ClickHouse has named parameters.');
  });

  it.each([
    ['id gt', { column: 'id', op: 'gt', value: 6 }, [7, 8]],
    ['id below its type', { column: 'id', op: 'gt', value: -1 }, [1, 2, 3, 4, 5, 6, 7, 8]],
    ['a decimal', { column: 'price', op: 'le', value: '2.250' }, [1, 2]],
    ['a text', { column: 'owner', op: 'eq', value: 'bob' }, [3, 5, 7]],
    ['one of texts', { column: 'product', op: 'in', value: ['Buoy', "o'clock"] }, [2, 6]],
    ['an instant', { column: 'ordered_at', op: 'ge', value: '2024-03-07T11:00:00+01:00' }, [7, 8]],
    [
      'an instant that the type does not hold',
      { column: 'ordered_at', op: 'lt', value: '0900-01-01T00:00:00Z' },
      [],
    ],
  ] as const)('leaves a filter to the server, so that batches pass: %s', async (_, where, ids) => {
    await bench.within(async ({ use }) => {
      const { signal } = new AbortController();
      const request = { target: { path: ['sales', 'all_orders'] }, columns: ['id'], where, batchRows: 1_000 };
      const stream = await use.read({ ...request, lanes: ['arrow', 'rows'] }, { signal });
      const found: number[] = [];
      for await (const batch of stream.batches) {
        if (!('arrow' in batch)) throw new Error('the kit has filtered rows');
        for (const id of batch.arrow.getChildAt(0) ?? []) found.push(Number(id));
      }
      expect(found).toEqual(ids);
    });
  });

  it('sorts, and limits what is sorted', async () => {
    const orderBy = [{ column: 'price', direction: 'desc' }] as const;
    const rows = await rowsOf({ path: ['sales', 'all_orders'], columns: ['id'], orderBy, limit: 2 });
    expect(rows).toEqual([[8], [7]]);
  });

  it('VA14: describes a query without running it', async () => {
    await bench.within(async (session) => {
      const { columns } = await session.describe({
        query: 'select toUInt64(1) as n, now64(9) as t from numbers(1)',
      });
      expect(columns.map(({ name, native, type, precision }) => [name, native, type, precision])).toEqual([
        ['n', 'UInt64', 'decimal', 20],
        ['t', 'DateTime64(9)', 'timestamp', undefined],
      ]);
    });
    expect(lab.statements.at(-1)?.sql.startsWith('DESCRIBE')).toBe(true);
  });

  it('D10: keeps names as they are, and two columns of one name apart', async () => {
    await bench.within(async (session) => {
      const query = 'select 1 as `__proto__`, 2 as `a.b`, 3 as "q\'`x"';
      const stream = await session.read({ query, batchRows: 1 });
      expect(stream.columns.map(({ name }) => name)).toEqual(['__proto__', 'a.b', "q'`x"]);
      expect(await allBatches(stream)).toEqual([[[1, 2, 3]]]);
    });
    expect(await rowsOf({ query: 'select a, b, a from (select 1 as a, 2 as b)' })).toEqual([[1, 2, 1]]);
  });

  it('reads as text what its type cannot hold, and names column and row otherwise', async () => {
    const query =
      "select arrayJoin([toDateTime64(0, 9, 'UTC'), toDateTime64('2024-01-01 00:00:00.000000001', 9, 'UTC')]) as t";
    const error = await failsWith(query);
    expect(error.message).toBe(
      'Column "t" of row 2 holds nanoseconds, where six fractional digits are kept.',
    );
    expect((await rowsOf({ query, asText: ['t'] }))[1]).toEqual(['2024-01-01 00:00:00.000000001']);
    const bytes = await failsWith("select arrayJoin(['a', unhex('ff')]) as s");
    expect(bytes.message).toBe('Column "s" of row 2 holds bytes that are not UTF-8 text.');
    const state = await failsWith('select sumState(1) as s');
    expect(state.message).toBe(
      'Column "s" has the type "AggregateFunction(sum, UInt8)", which cannot be read.',
    );
  });

  it('reads variants, dynamic values and JSON as json, their nulls as null', async () => {
    const query = `select CAST(1 AS Variant(UInt8, String)) as v, CAST('1' AS Dynamic) as d, CAST(NULL AS Dynamic) as n,
      CAST('{"a": {"b": [1, "x"]}}' AS JSON) as j, toIntervalDay(3) as i, toBFloat16(1.5) as f`;
    expect(await rowsOf({ query })).toEqual([[1, '1', null, { a: { b: [1, 'x'] } }, '3 day', 1.5]]);
  });

  it.each([
    ['not_found', '60', 'select * from sales.nothing'],
    ['not_found', '81', 'select * from nothing.nothing'],
    ['invalid_query', '47', 'select nothing from sales.all_orders'],
    ['invalid_query', '62', "insert into sales.empty values (1, 'x')"],
    ['invalid_query', '62', 'select 1; select 2'],
    ['invalid_query', '153', 'select intDiv(1, number) from numbers(3)'],
  ])('translates failures: %s for %s', async (kind, code, query) => {
    const error = await failsWith(query);
    expect([error.kind, error.nativeCode]).toEqual([kind, code]);
    if (kind === 'invalid_query') expect(error.server?.message).toBeDefined();
  });

  it('every statement is read-only at the server, whatever the user may do', async () => {
    await rowsOf({ query: 'select 1 as one, null as nothing' });
    const last = lab.statements.at(-1);
    expect(last?.settings).toMatchObject({
      readonly: '1',
      cancel_http_readonly_queries_on_client_close: '1',
    });
    const as = ({ user, password }: { user: string; password: string }) =>
      inputOf(source, {
        ...started.good[0],
        properties: { ...started.good[0].properties, username: user, password },
      });
    const { locked, analyst } = lab.roles;
    await bench.within((session) => session.ping(), { input: as(analyst) });
    expect(lab.statements.at(-1)?.settings['readonly']).toBeUndefined();
    const error = await failureOf(bench.within((session) => session.ping(), { input: as(locked) }));
    expect([error.kind, error.remedy]).toEqual([
      'unsupported',
      'Set readonly = 2 in the profile of the user: it still refuses every write.',
    ]);
  });

  it('answers what the service asks for in a test, and what an application asks for without a limit', async () => {
    const path = ['sales', 'all_orders'];
    await bench.within(async (session) => {
      for (const limit of [5, 200]) {
        const { items } = await session.browse({ path: [], limit });
        expect(items.map(({ name }) => name)).toContain('sales');
        for (const { path: database } of items) await session.browse({ path: database, limit });
        expect((await session.browse({ path, limit })).items[0]?.name).toBe('id');
      }
    });
    // A test reads a row, a preview one more than it shows.
    for (const limit of [1, 6, 101])
      expect(await rowsOf({ path, limit, isPreview: true })).toHaveLength(Math.min(limit, 8));
    const types = await rowsOf({ path: ['sales', 'all_types'], limit: 1 });
    expect(types).toHaveLength(1);
    const error = await failureOf(rowsOf({ path, columns: ['no such column'] }));
    expect(error.kind).toBe('invalid_query');
  });

  it('reads a table without rows', async () => {
    expect(await rowsOf({ path: ['sales', 'empty'] })).toEqual([]);
  });

  it.runIf(isReal)('the recorded answers of the stand-in are those of the engine', () => {
    const others = [...heard].filter(
      ([key, answer]) => JSON.stringify(recorded[key]) !== JSON.stringify(answer),
    );
    if (!isRecorded) expect(others.map(([key]) => key)).toEqual([]);
  });
});
