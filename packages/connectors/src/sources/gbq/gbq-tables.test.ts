import { describe, expect, it } from 'vitest';
import { timestampOf } from '../../families/bigquery/data-types.js';
import { jsonTextOf } from '../../interface/data-types.js';
import { allBatches, failureOf } from '../../suite/bench.js';
import { answerQuery, open, type Reply, type Seen, serve } from './test-stand.js';

describe('gbq reads', () => {
  const fields = [
    { name: 'i', type: 'INTEGER', mode: 'REQUIRED' },
    { name: 'f', type: 'FLOAT' },
    { name: 'n', type: 'NUMERIC' },
    { name: 'b', type: 'BOOLEAN' },
    { name: 's', type: 'STRING' },
    { name: 'y', type: 'BYTES' },
    { name: 'd', type: 'DATE' },
    { name: 't', type: 'TIME' },
    { name: 'dt', type: 'DATETIME' },
    { name: 'ts', type: 'TIMESTAMP' },
    { name: 'j', type: 'JSON' },
    { name: 'g', type: 'GEOGRAPHY' },
    {
      name: 'r',
      type: 'RECORD',
      fields: [
        { name: '__proto__', type: 'INT64' },
        { name: 'x', type: 'BOOL' },
      ],
    },
    { name: 'a', type: 'TIMESTAMP', mode: 'REPEATED' },
  ];
  const values = [
    '9223372036854775807',
    'NaN',
    '-99999999999999999999999999999.999999999',
    'true',
    'Älta 🚢',
    'AAH/',
    '0001-01-01',
    '23:59:59.999999',
    '2026-01-02T03:04:05',
    '-1',
    '{"a":[1,null]}',
    'POINT(1 2)',
    { f: [{ v: '-9223372036854775808' }, { v: 'false' }] },
    [{ v: '1700000000123456' }],
  ];
  const expected = [
    ...['9223372036854775807', 'NaN', '-99999999999999999999999999999.999999999', true, 'Älta 🚢', 'AAH/'],
    ...['0001-01-01', '23:59:59.999999', '2026-01-02T03:04:05', '1969-12-31T23:59:59.999999Z'],
  ];

  const table =
    (type: string) =>
    (request: Seen): Reply | undefined => {
      if (request.path === '/datasets/ds/tables/a%20b') return { body: { type, schema: { fields } } };
      if (request.path !== '/datasets/ds/tables/a%20b/data') return undefined;
      const names = request.query.get('selectedFields')?.split(',');
      const chosen = fields.flatMap((field, index) => ((names?.includes(field.name) ?? true) ? [index] : []));
      const nulls = fields.map(({ mode }) => (mode === 'REPEATED' ? [] : mode === 'REQUIRED' ? '0' : null));
      const row = (cells: readonly unknown[]) => ({ f: chosen.map((index) => ({ v: cells[index] })) });
      return { body: { totalRows: '2', rows: [row(values), row(nulls)] } };
    };

  it('every type without losing a digit', async () => {
    const stand = await serve(table('TABLE'));
    const { session } = await open(stand);
    const { columns, batches } = await session.read({ path: ['ds', 'a b'], batchRows: 10 });
    expect(columns.map(({ name, type }) => `${name}:${type}`).join(' ')).toBe(
      'i:bigint f:float n:decimal b:boolean s:string y:bytes d:date t:time dt:datetime ts:timestamp ' +
        'j:json g:string r:json a:json',
    );
    expect(columns[0]?.nullable).toBe(false);
    const rows = (await allBatches({ batches })).flat();
    expect(rows[0]?.slice(0, 10)).toEqual(expected);
    expect(JSON.stringify(rows[0]?.slice(10))).toBe(
      '[{"a":[1,null]},"POINT(1 2)",{"__proto__":"-9223372036854775808","x":false},["2023-11-14T22:13:20.123456Z"]]',
    );
    expect(rows[1]?.slice(1)).toEqual([...Array.from({ length: 12 }, () => null), []]);
    expect(stand.seen.at(-1)?.query.get('formatOptions.useInt64Timestamp')).toBe('true');
  });

  it('VA8, VA14: numbers in JSON with every digit, decimals as they are declared, and a doubled name by its place', async () => {
    const schema = [
      { name: 'n', type: 'NUMERIC' },
      { name: 'p', type: 'BIGNUMERIC', precision: '50', scale: '10' },
      { name: 'a', type: 'NUMERIC', precision: '10', mode: 'REPEATED' },
      { name: 'r', type: 'RECORD', fields: [{ name: 'j', type: 'JSON' }] },
    ];
    const row = (json: string) => ({
      f: [{ v: '1' }, { v: '2' }, { v: [{ v: '3' }] }, { v: { f: [{ v: json }] } }],
    });
    const rows = [row('{"a":[1e400, 9007199254740993]}'), row('{"a":1,"a":2}')];
    const stand = await serve((request) =>
      request.path === '/datasets/ds/tables/t'
        ? { body: { type: 'TABLE', schema: { fields: schema } } }
        : request.path === '/datasets/ds/tables/t/data'
          ? { body: { rows } }
          : undefined,
    );
    const { session } = await open(stand);
    const exact = await session.read({ path: ['ds', 't'], limit: 1, batchRows: 1 });
    expect(exact.columns.map(({ name: _name, nullable: _nullable, ...shape }) => shape)).toEqual([
      { type: 'decimal', precision: 38, scale: 9 },
      { type: 'decimal', precision: 50, scale: 10 },
      { type: 'json', element: { type: 'decimal', precision: 10, scale: 0 } },
      { type: 'json' },
    ]);
    const [[cells = []] = []] = await allBatches(exact);
    expect(jsonTextOf(cells[3] ?? null)).toBe('{"j":{"a":[1e400,9007199254740993]}}');
    const doubled = session.read({ path: ['ds', 't'], batchRows: 2 }).then(allBatches);
    expect((await failureOf(doubled)).message).toBe(
      'Column "r" of row 2 has a JSON object that repeats the name "a".',
    );
  });

  const exact = (fields: readonly object[], ...rows: readonly unknown[][]) =>
    serve((request) =>
      request.path === '/datasets/ds/tables/t'
        ? { body: { type: 'TABLE', schema: { fields } } }
        : request.path === '/datasets/ds/tables/t/data'
          ? { body: { rows: rows.map((cells) => ({ f: cells.map((v) => ({ v })) })) } }
          : undefined,
    );

  it('SU4, SU8: ranges of instants, minus zero within records and lists, the null of JSON', async () => {
    const range = (type: string) => ({ type: 'RANGE', rangeElementType: { type } });
    const stand = await exact(
      [
        { name: 'at', ...range('TIMESTAMP') },
        { name: 'on', ...range('DATE') },
        { name: 'many', mode: 'REPEATED', ...range('TIMESTAMP') },
        { name: 'f', type: 'FLOAT64', mode: 'REPEATED' },
        { name: 'r', type: 'STRUCT', fields: [{ name: 'f', type: 'FLOAT64' }] },
        { name: 'j', type: 'JSON' },
        { name: 'ts', type: 'TIMESTAMP' },
      ],
      [
        '[-1, 253402300799999999)',
        '[2024-02-29, UNBOUNDED)',
        [{ v: '[UNBOUNDED, 0)' }],
        [{ v: '-0.0' }, { v: '1.0E10' }],
        { f: [{ v: '-0' }] },
        'null',
        '0',
      ],
    );
    const { session } = await open(stand);
    const read = async (asText: string[] = []) => {
      const stream = await session.read({ path: ['ds', 't'], asText, batchRows: 1 });
      return (await allBatches(stream)).flat()[0] ?? [];
    };
    const row = await read();
    expect(row.map(jsonTextOf)).toEqual([
      '"[1969-12-31T23:59:59.999999Z, 9999-12-31T23:59:59.999999Z)"',
      '"[2024-02-29, UNBOUNDED)"',
      '["[UNBOUNDED, 1970-01-01T00:00:00Z)"]',
      '[-0,10000000000]',
      '{"f":-0}',
      'null',
      '"1970-01-01T00:00:00Z"',
    ]);
    expect(row[5]).not.toBeNull();
    const texts = await read(['at', 'f', 'j', 'ts']);
    expect([texts[0], texts[3], texts[5], texts[6]]).toEqual([
      '[1969-12-31T23:59:59.999999Z, 9999-12-31T23:59:59.999999Z)',
      '[-0,10000000000]',
      'null',
      '1970-01-01T00:00:00Z',
    ]);
  });

  it('VA14, SU4: the longest decimals, intervals, empty bytes and records within records as they are', async () => {
    const longest = '578960446186580977117854925043439539266.34992332820282019728792003956564819967';
    const inner = {
      name: 'in',
      type: 'STRUCT',
      mode: 'REPEATED',
      fields: [{ name: 'n', type: 'BIGNUMERIC' }],
    };
    const stand = await exact(
      [
        { name: 'big', type: 'BIGNUMERIC' },
        { name: 'span', type: 'INTERVAL' },
        { name: 'bytes', type: 'BYTES' },
        { name: 'place', type: 'GEOGRAPHY' },
        { name: 'out', type: 'RECORD', fields: [inner] },
        { name: 'inf', type: 'FLOAT64', mode: 'REPEATED' },
      ],
      [
        `-${longest}`,
        '-10000-0 -3660000 -87840000:0:0',
        '',
        'GEOMETRYCOLLECTION EMPTY',
        { f: [{ v: [{ v: { f: [{ v: longest }] } }, { v: { f: [{ v: null }] } }] }] },
        [{ v: '-Infinity' }, { v: 'NaN' }, { v: '1.7976931348623157E308' }],
      ],
    );
    const { session } = await open(stand);
    const stream = await session.read({ path: ['ds', 't'], batchRows: 1 });
    expect((await allBatches(stream)).flat()).toEqual([
      [
        `-${longest}`,
        '-10000-0 -3660000 -87840000:0:0',
        '',
        'GEOMETRYCOLLECTION EMPTY',
        { in: [{ n: longest }, { n: null }] },
        ['-Infinity', 'NaN', Number.MAX_VALUE],
      ],
    ]);
  });

  it.each([
    [{ type: 'TIMESTAMP', timestampPrecision: '12' }, 'timestamps with 12 fractional digits'],
    [
      {
        type: 'RECORD',
        fields: [
          { name: 'a', type: 'INT64' },
          { name: 'a', type: 'INT64' },
        ],
      },
      'two fields named "a"',
    ],
  ])('SU4: refuses by name what would not arrive whole: %j', async (field, problem) => {
    const stand = await exact(
      [
        { name: 'x', ...field },
        { name: 'n', type: 'INT64' },
      ],
      ['0', '1'],
    );
    const { session } = await open(stand);
    const { kind, message, remedy } = await failureOf(session.read({ path: ['ds', 't'], batchRows: 1 }));
    expect([kind, message]).toEqual(['unsupported', expect.stringContaining(`Column "x"`)]);
    expect(message).toContain(problem);
    expect(remedy).toContain('columns');
    const others = await session.read({ path: ['ds', 't'], columns: ['n'], batchRows: 1 });
    expect(others.columns.map(({ name }) => name)).toEqual(['n']);
    expect((await allBatches(others)).flat()).toEqual([['0']]);
  });

  it('only the columns asked for, in the order asked for', async () => {
    const stand = await serve(table('TABLE'));
    const { session } = await open(stand);
    const stream = await session.read({ path: ['ds', 'a b'], columns: ['s', 'i'], batchRows: 10 });
    expect((await allBatches(stream)).flat()[0]).toEqual(['Älta 🚢', '9223372036854775807']);
    expect(stand.seen.at(-1)?.query.get('selectedFields')).toBe('i,s');
    const unknown = session.read({ path: ['ds', 'a b'], columns: ['nope'], batchRows: 10 });
    expect((await failureOf(unknown)).kind).toBe('invalid_query');
  });

  it('D12: a view by a SELECT whose names are quoted', async () => {
    const stand = await serve((request) => table('VIEW')(request) ?? answerQuery(['1'])(request));
    const { session } = await open(stand);
    await session.read({ path: ['ds', 'a b'], columns: ['i', 's'], limit: 5, batchRows: 10 }).catch(() => {});
    const run = stand.seen.find(({ path }) => path === '/jobs');
    expect(JSON.parse(run?.body ?? '{}').configuration.query.query).toBe(
      'SELECT `i`, `s` FROM `my-project`.`ds`.`a b` LIMIT 5',
    );
  });

  it.each([['..', 'x'], ['ds', '..'], ['ds'], ['ds', 'a', 'b'], ['ds', 'x`; DROP'], ['ds/../..', 'x'], []])(
    'S08: nothing outside the tables of the project by %j %j %j',
    async (...path) => {
      const stand = await serve(() => undefined);
      const { session } = await open(stand);
      const given = path.filter((part) => part !== undefined);
      expect((await failureOf(session.read({ path: given, batchRows: 1 }))).kind).toBe('not_found');
      for (const { path: asked } of stand.seen)
        expect(asked).toMatch(/^\/(token|datasets\/[^/]+\/tables\/[^/]+)$/);
    },
  );

  it('timestamps of all times BigQuery has', () => {
    expect(timestampOf('0')).toBe('1970-01-01T00:00:00Z');
    expect(timestampOf('-62135596800000000')).toBe('0001-01-01T00:00:00Z');
    expect(timestampOf('253402300799999999')).toBe('9999-12-31T23:59:59.999999Z');
  });
});
