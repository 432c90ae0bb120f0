import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { startTransactionPooler } from '@mooring/lab/postgres/pooler';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hideSecrets } from '../../kit/secret-fields.js';
import type { ConnectorInput, ReadRequest } from '../../spec/connector.js';
import { JsonText, jsonTextOf } from '../../spec/data-types.js';
import { allBatches, Bench, expectNoSecrets, failureOf, waitUntil } from '../../suite/bench.js';
import { describeConnector } from '../../suite/describe-connector.js';
import { connector } from './connector.js';
import { manifest } from './manifest.js';

const ROWS_IN_BIG = 20_000;

const caFile = (lab: LabPostgres) => [{ name: 'ca.pem', value: lab.ca }];

const inputFor = (
  lab: LabPostgres,
  change: { properties?: object; fields?: object } = {},
): ConnectorInput => ({
  properties: {
    host: lab.host,
    port: lab.port,
    db: lab.database,
    sslmode: 'verify-full',
    rootCertificates: caFile(lab),
    ...change.properties,
  },
  login: {
    signIn: 'password',
    fields: hideSecrets(manifest, {
      username: lab.roles.reader.user,
      password: lab.roles.reader.password,
      ...change.fields,
    }),
  },
});

async function withAdmin<Result>(lab: LabPostgres, work: (client: pg.Client) => Promise<Result>) {
  const { host, port, database, admin } = lab;
  const client = new pg.Client({ host, port, database, ...admin });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const isRunning = (lab: LabPostgres, marker: string) =>
  withAdmin(lab, async (client) => {
    const found = await client.query(
      `select 1 from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and query like $1`,
      [`%${marker}%`],
    );
    return found.rows.length > 0;
  });

const slowQuery = 'select pg_sleep(120) as slow_contract_work';

/** Values of `sales.all_types`, in the order of its columns; `null` rows are left to the third row. */
const typeRows = [
  [
    1,
    true,
    32767,
    2147483647,
    '9223372036854775807',
    '1234567890123456789012345678.0123456789',
    '0.1',
    1.5,
    Math.E,
    'grinning 😀 "quoted", comma',
    'varchar',
    'ab   ',
    '2024-02-29',
    '23:59:59.999999',
    '12:00:00+02',
    '2024-02-29T12:34:56.789012',
    '2024-02-29T10:34:56.789012Z',
    'P1DT2H3M4S',
    '3q2+7wD/',
    { a: [1, null, 'x'] },
    { b: { c: 1.5 } },
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    '192.0.2.1',
    [1, 2, 3],
    ['a', 'b,c', null],
  ],
  [
    2,
    false,
    -32768,
    -2147483648,
    '-9223372036854775808',
    '-0.0000000001',
    'NaN',
    '-Infinity',
    'NaN',
    '',
    '',
    '     ',
    '9999-12-31',
    '00:00:00',
    '00:00:00-12',
    '0001-01-01T00:00:00',
    '9999-12-31T23:59:59.999999Z',
    'P-1M',
    '',
    new JsonText('null', true),
    [],
    '00000000-0000-0000-0000-000000000000',
    '2001:db8::1',
    [],
    [],
  ],
  [3, ...Array.from({ length: 24 }, () => null)],
];

const typeColumns = Object.entries({
  id: 'integer',
  c_bool: 'boolean',
  c_int2: 'integer',
  c_int4: 'integer',
  c_int8: 'bigint',
  c_numeric: 'decimal',
  c_numeric_free: 'decimal',
  c_float4: 'float',
  c_float8: 'float',
  c_text: 'string',
  c_varchar: 'string',
  c_char: 'string',
  c_date: 'date',
  c_time: 'time',
  c_timetz: 'string',
  c_timestamp: 'datetime',
  c_timestamptz: 'timestamp',
  c_interval: 'string',
  c_bytea: 'bytes',
  c_json: 'json',
  c_jsonb: 'json',
  c_uuid: 'string',
  c_inet: 'string',
  c_int_array: 'json',
  c_text_array: 'json',
} as const).map(([name, type]) => ({ name, type }));

describeConnector(manifest, {
  unsupported: [],
  start: async () => {
    const lab = await startPostgres({ rowsInBig: ROWS_IN_BIG });
    return {
      good: inputFor(lab),
      wrongPassword: inputFor(lab, { fields: { password: 'a-wrong-password-canary' } }),
      unreachable: inputFor(lab, { properties: { port: 1 } }),
      readablePath: ['sales', 'orders'],
      readableRows: 88,
      query: 'select 1 as one, null::text as nothing',
      slow: { read: { query: slowQuery }, isRunning: () => isRunning(lab, 'slow_contract_work') },
      types: [
        {
          title: 'all types',
          read: { query: 'select * from sales.all_types order by id' },
          columns: typeColumns,
          rows: typeRows,
        },
      ],
      close: lab.close,
    };
  },
});

describe('postgres, against a real server', () => {
  let lab: LabPostgres;
  let bench: Bench;
  beforeAll(async () => {
    lab = await startPostgres({ rowsInBig: ROWS_IN_BIG });
    bench = new Bench(connector, { good: inputFor(lab) });
  });
  afterAll(async () => {
    bench.network.close();
    await lab.close();
  });

  const rowsOf = (read: Omit<ReadRequest, 'batchRows'>, input = inputFor(lab)) =>
    bench.within(
      async (session) => (await allBatches(await session.read({ ...read, batchRows: 1_000 }))).flat(),
      { input },
    );
  const failsWith = async (query: string, input = inputFor(lab)) =>
    await bench.within(
      (session) => failureOf(session.read({ query, batchRows: 10 }).then((stream) => allBatches(stream))),
      { input },
    );
  const openFails = (change: Parameters<typeof inputFor>[1]) => failureOf(bench.open(inputFor(lab, change)));

  it('lets two people see their own rows on one connection', async () => {
    const loginOf = ({ user, password }: { user: string; password: string }) =>
      inputFor(lab, { fields: { username: user, password } });
    const path = ['sales', 'orders'];
    expect(await rowsOf({ path }, loginOf(lab.roles.alice))).toHaveLength(5);
    expect(await rowsOf({ path }, loginOf(lab.roles.bob))).toHaveLength(3);
  });

  it('streams many batches and stops at the server when the reader leaves', async () => {
    await bench.within(async (session) => {
      const stream = await session.read({
        query: 'select generate_series(1, 100000000) as endless',
        batchRows: 500,
      });
      let rows = 0;
      for await (const batch of stream.batches) {
        rows += batch.length;
        if (rows > 5_000) break;
      }
      expect(await isRunning(lab, 'as endless')).toBe(false);
      const after = await session.read({ query: 'select 7 as seven', batchRows: 1 });
      expect(await allBatches(after)).toEqual([[[7]]]);
    });
  });

  it('D25: a reader who leaves while the server computes stops it, and the session goes on', async () => {
    await bench.within(async (session) => {
      const query = `select g, case when g > 16 then pg_sleep(60)::text end as leaving_reader from generate_series(1, 100) g`;
      const stream = await session.read({ query, batchRows: 16 });
      for await (const batch of stream.batches) {
        expect(batch).toHaveLength(16);
        expect(await waitUntil(() => isRunning(lab, 'leaving_reader'), 30_000)).toBe(true);
        break;
      }
      expect(await isRunning(lab, 'leaving_reader')).toBe(false);
      await session.ping();
    });
  });

  it('D12: quotes every name, however odd', async () => {
    expect(
      await rowsOf({ path: ['sales', 'Order Lines'], columns: ['say "hi"', 'Order Id'], limit: 1 }),
    ).toEqual([['plain', 1]]);
    expect(await rowsOf({ path: ['Odd Schema', '100% of it; drop table'] })).toEqual([[42]]);
    const injected = [
      'orders"; drop table sales.scratch; --',
      `orders' or '1'='1`,
      'x'.repeat(10_000),
      '*',
      '',
    ];
    for (const name of injected) {
      const error = await bench.within((session) =>
        failureOf(session.read({ path: ['sales', name], batchRows: 1 }).then(allBatches)),
      );
      expect(['not_found', 'invalid_query']).toContain(error.kind);
    }
    expect(await rowsOf({ path: ['sales', 'scratch'] })).toEqual([]);
  });

  it.each([
    `insert into sales.scratch values (1, 'x')`,
    `insert into sales.scratch values (1, 'x') returning id`,
    `with w as (insert into sales.scratch values (1, 'x') returning id) select * from w`,
    `select * into sales.copied from sales.orders`,
    'create table sales.made (id int)',
    `select 1; insert into sales.scratch values (1, 'x')`,
    `commit; insert into sales.scratch values (1, 'x')`,
    'set transaction read write',
    'set session characteristics as transaction read write',
    'commit',
    `select set_config('transaction_read_only', 'off', false)`,
    `copy (select 1) to program 'true'`,
    `copy sales.orders to stdout`,
    `do $$ begin insert into sales.scratch values (1, 'x'); end $$`,
    'listen somebody',
    'prepare kept as select 1',
    '',
    '-- nothing',
    'select $1::int',
  ])('D13: refuses %j, also to an administrator', async (query) => {
    const admin = inputFor(lab, { fields: { username: lab.admin.user, password: lab.admin.password } });
    const error = await failsWith(query, admin);
    expect(['invalid_query', 'unsupported']).toContain(error.kind);
    expect(error.message).not.toContain('scratch');
    expect(await rowsOf({ path: ['sales', 'scratch'] })).toEqual([]);
  });

  it('X13: nothing that a statement leaves in a session reaches the next one', async () => {
    await bench.within(async (session) => {
      const read = async (query: string) =>
        (await allBatches(await session.read({ query, batchRows: 1 }))).flat();
      await read(
        `select set_config('mooring.left', 'behind', false), set_config('timezone', 'Asia/Tokyo', false)`,
      );
      await read('select pg_advisory_lock(4711)');
      expect(await read(`select current_setting('mooring.left', true) as left_behind`)).not.toEqual([
        ['behind'],
      ]);
      expect(await read('select count(*)::int from pg_locks where locktype = $$advisory$$')).toEqual([[0]]);
      expect(await read(`select current_setting('timezone')`)).toEqual([['UTC']]);
    });
  });

  it('tells an instant in UTC even where a statement changed its zone', async () => {
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
    await withAdmin(lab, async (admin) => {
      await admin.query(`alter database ${lab.database} set bytea_output = 'escape'`);
      await admin.query(`alter database ${lab.database} set extra_float_digits = 0`);
      await admin.query(`alter database ${lab.database} set datestyle = 'German'`);
      await admin.query(`alter database ${lab.database} set timezone = 'Asia/Kolkata'`);
    });
    const pooler = await startTransactionPooler(lab);
    try {
      const behind = inputFor(lab, { properties: { port: pooler.port, sslmode: 'disable' } });
      const query = `select '\\x00ff41'::bytea, 0.1::float8 + 0.2::float8, interval '1 day 2 hours', date '2024-02-29',
        timestamptz '2024-02-29 12:34:56.5+00'`;
      await bench.within(
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
      await withAdmin(lab, (admin) => admin.query(`alter database ${lab.database} reset all`));
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

  it('VA15, SU4: gives arrays as lists, of enumerations and domains too, and refuses their bounds by name', async () => {
    await withAdmin(lab, async (admin) => {
      await admin.query(`create type sales.mood as enum ('sad', 'so, so', 'NULL')`);
      await admin.query('create domain sales.cents as numeric(8, 2)');
    });
    const query = `select array['sad', 'so, so', 'NULL', null]::sales.mood[] as moods, array[1, 2.5]::sales.cents[] as cents,
      array[[1, 2], [3, 4]] as square, array[box '((1,2),(3,4))', box '((0,0),(1,1))'] as boxes,
      array['{"a": 1}'::json] as docs, array['a"b\\c', '', ' ', '{x}'] as texts, '{}'::int8[] as none`;
    await bench.within(async (session) => {
      const { columns, batches } = await session.read({ query, batchRows: 5 });
      expect((await allBatches({ columns, batches })).flat()).toEqual([
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

  it('US2: names a column that is asked for and is not there, and says what reads rows', async () => {
    await bench.within(async (session) => {
      for (const more of [{ columns: ['b'] }, { asText: ['b'] }]) {
        const error = await failureOf(session.read({ query: 'select 1 as a', ...more, batchRows: 1 }));
        expect([error.message, error.remedy]).toEqual([
          'There is no column "b".',
          'Call actions/preview without "columns" to see the columns. Names are case-sensitive.',
        ]);
      }
    });
    expect((await failsWith('set local work_mem = 64')).remedy).toContain('SELECT');
  });

  it('VA8: numbers in JSON keep their digits at every depth, and a name that stands twice is refused', async () => {
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

  it('VA14: tells precision, scale and width of a column as it is declared', async () => {
    const query = `select 1::int2 as a, 1::int4 as b, 1::int8 as c, 1.5::numeric(10, 2) as d, 1.5::numeric as e,
      1.5::float4 as f, 0.001::numeric(2, 4) as g, array[1.5]::numeric(6, 3)[] as h`;
    await bench.within(async (session) => {
      const { columns, batches } = await session.read({ query, batchRows: 5 });
      await allBatches({ columns, batches });
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

  it('D10: gives columns named __proto__ back literally', async () => {
    await bench.within(async (session) => {
      const query = `select 1 as "__proto__", '{"__proto__": {"polluted": true}}'::json as "constructor"`;
      const stream = await session.read({ query, batchRows: 1 });
      expect(stream.columns.map(({ name }) => name)).toEqual(['__proto__', 'constructor']);
      const [row] = (await allBatches(stream)).flat();
      expect(JSON.stringify(row)).toBe('[1,{"__proto__":{"polluted":true}}]');
    });
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
  });

  it('D15: refuses a giant value instead of holding it', async () => {
    const before = process.memoryUsage.rss();
    expect((await failsWith(`select repeat('x', 500000000)`)).kind).toBe('too_large');
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000);
  });

  it('tells refused rights, missing databases and busy sessions apart', async () => {
    expect((await failsWith('select * from sales.salaries')).kind).toBe('permission_denied');
    expect((await failsWith('select 1 / 0')).kind).toBe('invalid_query');
    expect((await failsWith('selec 1')).server).toEqual({
      ...{ message: 'syntax error at or near "selec"', code: '42601', position: 1 },
    });
    expect((await openFails({ properties: { db: 'no such?host=127.0.0.2&port=9999' } })).kind).toBe(
      'not_found',
    );
    await bench.within(async (session) => {
      await session.read({ path: ['sales', 'orders'], batchRows: 1 });
      expect((await failureOf(session.ping())).kind).toBe('unsupported');
    });
  });

  it('D22: trusts no server that it was not told to trust', async () => {
    const strict = { rootCertificates: undefined };
    expect((await openFails({ properties: strict })).kind).toBe('tls_failed');
    const elsewhere = { host: lab.hostOutsideCertificate };
    expect((await openFails({ properties: elsewhere })).kind).toBe('tls_failed');
    for (const sslmode of ['verify-ca', 'require', 'disable']) {
      const session = await bench.open(inputFor(lab, { properties: { ...elsewhere, sslmode } }));
      await session.ping();
      await session.close();
    }
  });

  it('SU9: takes the passwords that SASLprep refuses, as libpq does, and refuses a wrong one of that kind', async () => {
    // Prohibited (a private one, a mark of annotation), unknown to Unicode 3.2, and right to left beside left to right.
    const typed = ['\u00ad\ue000 x', '\ufb01\ufff9', '👨\u200d👩', '\u2460\u05d0a', 'Ⅸ\u00a0plain'];
    for (const [index, password] of typed.entries()) {
      const user = `odd${index}`;
      await withAdmin(lab, (admin) =>
        admin.query(`create role ${user} login password ${pg.escapeLiteral(password)}`),
      );
      const fields = { username: user, password };
      await bench.within((session) => session.ping(), { input: inputFor(lab, { fields }) });
      const wrong = await openFails({ fields: { username: user, password: `${password}\u00ad!` } });
      expect(wrong.kind).toBe('auth_failed');
    }
  });

  it('a wrong password is named as such over every TLS mode, and stands in no error', async () => {
    for (const sslmode of ['verify-full', 'disable']) {
      const password = 'canary-5b1f9a-ünïcode';
      const error = await openFails({ properties: { sslmode }, fields: { password } });
      expect(error.kind).toBe('auth_failed');
      expectNoSecrets(error, [password]);
    }
  });
});
