import { startTransactionPooler } from '@mooring/lab/postgres/pooler';
import { describe, expect, it } from 'vitest';
import { jsonTextOf } from '../../interface/data-types.js';
import { allBatches } from '../../suite/bench.js';
import { describeSource } from '../../suite/describe-source.js';
import { withAdmin } from './__fixtures__/administration.js';
import { inputFor, realServer } from './__fixtures__/real-server.js';
import { harness } from './harness.js';
import { source } from './source.js';

const server = realServer();
const { rowsOf, failsWith } = server;

describeSource(source, { start: () => harness.on(server.lab) });

describe('values of PostgreSQL', () => {
  it('returns an instant in UTC even where a statement changed the time zone', async () => {
    const query = `select set_config('timezone', 'Asia/Kolkata', true), timestamptz '2024-02-29 12:34:56.789012+00',
      timestamptz 'infinity', timestamptz '0044-03-15 00:00:00+00 BC', timestamptz '12024-01-01 00:00:00+00'`;
    const [row] = await rowsOf({ query });
    expect(row?.slice(1, 3)).toEqual(['2024-02-29T12:34:56.789012Z', 'infinity']);
  });

  it('keeps infinite, far and ancient dates as text', async () => {
    const query = `select timestamptz '-infinity', date 'infinity', timestamp '0044-03-15 00:00:00 BC',
      timestamp '12024-01-01 00:00:00', timestamptz '12024-01-01 00:00:00+00'`;
    expect(await rowsOf({ query })).toEqual([
      ['-infinity', 'infinity', '0044-03-15 00:00:00 BC', '12024-01-01T00:00:00', '12024-01-01T00:00:00Z'],
    ]);
  });

  it('VA1: leaves nothing in the connection of a pooler, and values are exact behind one', async () => {
    await withAdmin(server.lab, async (admin) => {
      await admin.query(`alter database ${server.lab.database} set bytea_output = 'escape'`);
      await admin.query(`alter database ${server.lab.database} set extra_float_digits = 0`);
      await admin.query(`alter database ${server.lab.database} set datestyle = 'German'`);
      await admin.query(`alter database ${server.lab.database} set timezone = 'Asia/Kolkata'`);
    });
    const pooler = await startTransactionPooler(server.lab);
    try {
      const behind = inputFor(server.lab, { properties: { port: pooler.port, sslmode: 'disable' } });
      const query = `select '\\x00ff41'::bytea, 0.1::float8 + 0.2::float8, interval '1 day 2 hours', date '2024-02-29',
        timestamptz '2024-02-29 12:34:56.5+00'`;
      await server.bench.within(
        async (session) => {
          await session.ping();
          await session.browse({ path: [], limit: 5 });
          for (let round = 0; round < 2; round += 1) {
            expect((await allBatches(await session.read({ query, batchRows: 5 }))).flat()).toEqual([
              ['AP9B', 0.30000000000000004, 'P1DT2H', '2024-02-29', '2024-02-29T12:34:56.5Z'],
            ]);
          }
        },
        { input: behind },
      );
      expect(pooler.leftBehind()).toEqual([]);
    } finally {
      await pooler.close();
      await withAdmin(server.lab, (admin) => admin.query(`alter database ${server.lab.database} reset all`));
    }
  });

  it('VA1: refuses values whose form a statement changed while it ran', async () => {
    for (const [setting, value] of [
      ['bytea_output', `'\\x00ff'::bytea`],
      ['datestyle', `date '2024-02-29'`],
      ['datestyle', `timestamptz '2024-02-29 12:00:00+00'`],
    ] as const) {
      const to = setting === 'datestyle' ? 'German' : 'escape';
      const error = await failsWith(
        `select v from (select set_config('${setting}', '${to}', true), ${value} as v offset 0) as changed`,
      );
      expect(error.kind).toBe('unsupported');
      expect(error.message).toContain('Column "v" of row 1');
    }
  });

  it('VA15, SU4: returns arrays as lists, of enumerations and domains too, and refuses bounds by name', async () => {
    await withAdmin(server.lab, async (admin) => {
      await admin.query(`create type sales.mood as enum ('sad', 'so, so', 'NULL')`);
      await admin.query('create domain sales.cents as numeric(8, 2)');
    });
    const query = `select array['sad', 'so, so', 'NULL', null]::sales.mood[] as moods, array[1, 2.5]::sales.cents[] as cents,
      array[[1, 2], [3, 4]] as square, array[box '((1,2),(3,4))', box '((0,0),(1,1))'] as boxes,
      array['{"a": 1}'::json] as docs, array['a"b\\c', '', ' ', '{x}'] as texts, '{}'::int8[] as none`;
    await server.bench.within(async (session) => {
      const { columns, batches } = await session.read({ query, batchRows: 5 });
      expect((await allBatches({ batches })).flat()).toEqual([
        [
          ['sad', 'so, so', 'NULL', null],
          ['1.00', '2.50'],
          [
            [1, 2],
            [3, 4],
          ],
          ['(3,4),(1,2)', '(1,1),(0,0)'],
          [{ a: 1 }],
          ['a"b\\c', '', ' ', '{x}'],
          [],
        ],
      ]);
      expect(columns[0]).toMatchObject({ type: 'json', element: { type: 'string' } });
      expect(columns[2]?.element).toEqual({ type: 'integer', width: 32 });
    });
    const bounded = `select '[0:1]={1,2}'::int[] as bounded`;
    const error = await failsWith(bounded);
    expect(error).toMatchObject({ kind: 'unsupported' });
    expect(error.message).toBe('Column "bounded" of row 1 holds an array whose bounds do not start at 1.');
    expect(await rowsOf({ query: bounded, asText: ['bounded'] })).toEqual([['[0:1]={1,2}']]);
  });

  it('SU4: minus zero keeps its sign in an array, JSON has a null of its own, vectors of numbers are text', async () => {
    const query = `select '{-0,1.5}'::float8[] as zeros, 'null'::jsonb as none, array['null'::json, null] as nulls,
      '1 2'::int2vector as small, '3'::oidvector as ids, (select indkey from pg_index where indexrelid = 'pg_class_oid_index'::regclass) as keys, '1.0'::json as one`;
    const [row = []] = await rowsOf({ query });
    expect(row.map(jsonTextOf)).toEqual(['[-0,1.5]', 'null', '[null,null]', '"1 2"', '"3"', '"1"', '1.0']);
    // The null of a column says that there is no value; that of JSON is one.
    expect(row[1]).not.toBeNull();
  });

  it('VA8: numbers in JSON keep their digits at every depth, and a repeated name is refused', async () => {
    const query = `select '{"c": 1e400, "d": [9007199254740993, 1.0, -0]}'::json as j, '1e400'::json as top,
      '{"a": 12345678901234567890.10}'::jsonb as b, array['{"a": 1e400}'::json, '{"b": 1}'] as list,
      E'{"a":\\t"x\\\\u00e9",\\n"b" : []}'::json as spaced`;
    const [row = []] = await rowsOf({ query });
    expect(row.map((cell) => jsonTextOf(cell ?? null))).toEqual([
      '{"c":1e400,"d":[9007199254740993,1.0,-0]}',
      '1e400',
      '{"a":12345678901234567890.10}',
      '[{"a":1e400},{"b":1}]',
      '{"a":"xé","b":[]}',
    ]);
    const error = await failsWith(
      `select x::json as j from (values ('{"a": 1}'), ('{"a": {"b": 1, "b": 2}}')) as documents (x)`,
    );
    expect(error).toMatchObject({ kind: 'unsupported' });
    expect(error.message).toBe('Column "j" of row 2 has a JSON object that repeats the name "b".');
  });

  it('VA14: reports precision, scale and width of a column as declared', async () => {
    const query = `select 1::int2 as a, 1::int4 as b, 1::int8 as c, 1.5::numeric(10, 2) as d, 1.5::numeric as e,
      1.5::float4 as f, 0.001::numeric(2, 4) as g, array[1.5]::numeric(6, 3)[] as h`;
    await server.bench.within(async (session) => {
      const { columns, batches } = await session.read({ query, batchRows: 5 });
      await allBatches({ batches });
      expect(columns.map(({ name: _name, nullable: _nullable, ...shape }) => shape)).toEqual([
        { type: 'integer', width: 16 },
        { type: 'integer', width: 32 },
        { type: 'bigint', width: 64 },
        { type: 'decimal', precision: 10, scale: 2 },
        { type: 'decimal' },
        { type: 'float', width: 32 },
        { type: 'decimal', precision: 4, scale: 4 },
        { type: 'json', element: { type: 'decimal', precision: 6, scale: 3 } },
      ]);
    });
  });

  it('D10: returns columns named __proto__ literally', async () => {
    await server.bench.within(async (session) => {
      const query = `select 1 as "__proto__", '{"__proto__": {"polluted": true}}'::json as "constructor"`;
      const stream = await session.read({ query, batchRows: 1 });
      expect(stream.columns.map(({ name }) => name)).toEqual(['__proto__', 'constructor']);
      const [row] = (await allBatches(stream)).flat();
      expect(JSON.stringify(row)).toBe('[1,{"__proto__":{"polluted":true}}]');
    });
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });
});
