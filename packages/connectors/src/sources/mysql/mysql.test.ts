import { type LabMariaDb, type MariaDbLogin, startMariaDb } from '@mooring/lab/mariadb';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRetries } from '../../kit/retries.js';
import { hideSecrets } from '../../kit/secret-fields.js';
import type { ConnectorInput, ReadRequest } from '../../spec/connector.js';
import { JsonText, jsonTextOf } from '../../spec/data-types.js';
import { allBatches, Bench, expectNoSecrets, failureOf, waitUntil } from '../../suite/bench.js';
import { describeConnector } from '../../suite/describe-connector.js';
import { connector } from './connector.js';
import { manifest } from './manifest.js';

interface Change {
  properties?: object;
  fields?: object;
  login?: MariaDbLogin;
}

const inputFor = (lab: LabMariaDb, change: Change = {}): ConnectorInput => {
  const login = change.login ?? lab.admin;
  return {
    properties: {
      host: lab.host,
      port: lab.port,
      database: lab.database,
      sslmode: 'verify-full',
      rootCertificates: [{ name: 'ca.pem', value: lab.ca }],
      ...change.properties,
    },
    login: {
      signIn: 'password',
      fields: hideSecrets(manifest, { username: login.user, password: login.password, ...change.fields }),
    },
  };
};

async function asAdmin({ host, port, admin }: LabMariaDb, ...statements: string[]): Promise<void> {
  const connection = await mysql.createConnection({ host, port, ...admin });
  for (const statement of statements) await connection.query(statement);
  await connection.end();
}

async function isRunning(lab: LabMariaDb, marker: string): Promise<boolean> {
  const { host, port, admin } = lab;
  const connection = await mysql.createConnection({ host, port, ...admin });
  try {
    const [rows] = await connection.query<mysql.RowDataPacket[]>(
      `select 1 from information_schema.processlist where id <> connection_id() and command in ('Execute', 'Query') and info like ?`,
      [`%${marker}%`],
    );
    return rows.length > 0;
  } finally {
    await connection.end();
  }
}

const slowQuery = 'select sleep(120) as slow_contract_work';

const typeColumns = Object.entries({
  id: 'integer',
  c_bool: 'integer',
  c_tiny: 'integer',
  c_utiny: 'integer',
  c_small: 'integer',
  c_medium: 'integer',
  c_int: 'integer',
  c_big: 'bigint',
  c_ubig: 'decimal',
  c_decimal: 'decimal',
  c_float: 'float',
  c_double: 'float',
  c_bit: 'bigint',
  c_char: 'string',
  c_varchar: 'string',
  c_text: 'string',
  c_binary: 'bytes',
  c_blob: 'bytes',
  c_date: 'date',
  c_time: 'time',
  c_datetime: 'datetime',
  c_timestamp: 'timestamp',
  c_year: 'integer',
  c_json: 'json',
  c_enum: 'string',
  c_set: 'string',
  c_uuid: 'string',
  c_inet6: 'string',
} as const).map(([name, type]) => ({ name, type }));

const numbers = [
  [127, 255, 32767, 8388607, 2147483647, '9223372036854775807', '18446744073709551615'],
  [-128, 0, -32768, -8388608, -2147483648, '-9223372036854775808', '0'],
] as const;

const typeRows = [
  [
    1,
    1,
    ...numbers[0],
    '1234567890123456789012345678.0123456789',
    1.5,
    Math.E,
    '170',
    'ab',
    'grinning 😀 "quoted", comma',
    'text',
    '3q2+7w==',
    'AP8Q',
    '2024-02-29',
    '23:59:59.999999',
    '2024-02-29T12:34:56.789012',
    '2024-02-29T12:34:56.789012Z',
    2024,
    { a: [1, null, 'x'] },
    'a',
    'x,y',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    '2001:db8::1',
  ],
  [
    2,
    0,
    ...numbers[1],
    '-0.0000000001',
    -1.5,
    -1e300,
    '0',
    '',
    '',
    '',
    'AAAAAA==',
    '',
    '9999-12-31',
    '-838:59:59',
    '1000-01-01T00:00:00',
    '1970-01-01T00:00:01Z',
    1901,
    new JsonText('null', true),
    'b',
    '',
    '00000000-0000-0000-0000-000000000000',
    '::',
  ],
  [3, ...Array.from({ length: 27 }, () => null)],
];

const exactTypes = typeColumns.filter(({ type }) => type !== 'float').map(({ name }) => name);

describeConnector(manifest, {
  unsupported: [],
  start: async () => {
    const lab = await startMariaDb();
    return {
      good: inputFor(lab),
      wrongPassword: inputFor(lab, { fields: { password: 'a-wrong-password-canary' } }),
      unreachable: inputFor(lab, { properties: { port: 1 } }),
      readablePath: ['sales', 'all_orders'],
      readableRows: 8,
      query: 'select 1 as one, null as nothing',
      slow: { read: { query: slowQuery }, isRunning: () => isRunning(lab, 'slow_contract_work') },
      types: [
        {
          title: 'all types, which travel in binary for the floats among them',
          read: { query: 'select * from sales.all_types order by id' },
          columns: typeColumns,
          rows: typeRows,
        },
        {
          title: 'all types but floats, which travel as text',
          read: { query: `select ${exactTypes.join(', ')} from sales.all_types order by id` },
          columns: typeColumns.filter(({ name }) => exactTypes.includes(name)),
          rows: typeRows.map((row) =>
            row.filter((_, index) => exactTypes.includes(typeColumns[index]?.name ?? '')),
          ),
        },
      ],
      close: lab.close,
    };
  },
});

describe('mysql, against a real server', () => {
  let lab: LabMariaDb;
  let bench: Bench;
  beforeAll(async () => {
    lab = await startMariaDb();
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
  const failsWith = (query: string) =>
    bench.within((session) =>
      failureOf(session.read({ query, batchRows: 10 }).then((stream) => allBatches(stream))),
    );
  const openFails = (change: Change) => failureOf(bench.open(inputFor(lab, change)));

  it('lets two people see their own rows on one connection', async () => {
    const path = ['sales', 'orders'];
    expect(await rowsOf({ path }, inputFor(lab, { login: lab.roles.alice }))).toHaveLength(5);
    expect(await rowsOf({ path }, inputFor(lab, { login: lab.roles.bob }))).toHaveLength(3);
  });

  it('streams a million rows in order, in batches of at most the asked size', async () => {
    await bench.within(async (session) => {
      const stream = await session.read({
        query: 'select seq from sales.seq_1_to_1000000',
        batchRows: 5_000,
      });
      let before = 0;
      for await (const batch of stream.batches) {
        expect(batch.length).toBeLessThanOrEqual(5_000);
        for (const [value] of batch) {
          const seq = Number(value);
          if (seq !== before + 1) throw new Error(`row ${seq} came after ${before}`);
          before = seq;
        }
      }
      expect(before).toBe(1_000_000);
    });
  });

  it('holds the server back while the reader is slow', async () => {
    await bench.within(async (session) => {
      const query = `select seq, repeat('x', 10000) as held_back from sales.seq_1_to_1000000`;
      const stream = await session.read({ query, batchRows: 100 });
      const before = process.memoryUsage.rss();
      for await (const batch of stream.batches) {
        expect(batch.length).toBeLessThanOrEqual(100);
        expect(await isRunning(lab, 'held_back')).toBe(true);
        expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000);
        break;
      }
      expect(await isRunning(lab, 'held_back')).toBe(false);
      await session.ping();
    });
  });

  it('D25: a reader who leaves stops the work, and the session goes on', async () => {
    await bench.within(async (session) => {
      const query = 'select seq, if(seq > 20000, sleep(60), 0) as leaving_reader from sales.seq_1_to_100000';
      const stream = await session.read({ query, batchRows: 100 });
      for await (const _batch of stream.batches) {
        expect(await waitUntil(() => isRunning(lab, 'leaving_reader'), 30_000)).toBe(true);
        break;
      }
      expect(await isRunning(lab, 'leaving_reader')).toBe(false);
      expect(await allBatches(await session.read({ query: 'select 7 as seven', batchRows: 1 }))).toEqual([
        [[7]],
      ]);
    });
  });

  it('stops at the limit of a query without waiting for its end', async () => {
    const query = 'select seq, if(seq > 20000, sleep(60), 0) as limited from sales.seq_1_to_100000';
    expect(await rowsOf({ query, limit: 3 })).toEqual(
      [
        [1, 0],
        [2, 0],
        [3, 0],
      ].map(([seq, zero]) => [String(seq), zero]),
    );
    expect(await isRunning(lab, 'limited')).toBe(false);
  });

  it('D12: quotes every name, however odd, and takes a dot as part of it', async () => {
    expect(await rowsOf({ path: ['sales', 'Order Lines; drop'], columns: ['Unit Price'] })).toEqual([
      ['12.5000'],
      ['-0.0001'],
    ]);
    const injected = [
      'scratch`; drop table scratch; --',
      'sales.orders',
      `x' or '1'='1`,
      'x'.repeat(10_000),
      '*',
      '',
    ];
    for (const name of injected) {
      const error = await bench.within((session) =>
        failureOf(session.read({ path: ['sales', name], batchRows: 1 }).then(allBatches)),
      );
      expect(['not_found', 'invalid_query']).toContain(error.kind);
      const listed = await bench.within((session) =>
        failureOf(session.browse({ path: ['sales', name], limit: 5 })),
      );
      expect(listed.kind).toBe('not_found');
    }
    expect(await rowsOf({ path: ['sales', 'scratch'] })).toEqual([]);
  });

  it.each([
    `insert into sales.scratch values (1, 'x')`,
    `insert into sales.scratch values (1, 'x') returning id`,
    `replace into sales.scratch values (1, 'x') returning id`,
    'delete from sales.customers returning id',
    'create table sales.made (id int)',
    'create table sales.copied select * from sales.customers',
    `select 1; insert into sales.scratch values (1, 'x')`,
    `commit; insert into sales.scratch values (1, 'x')`,
    'commit',
    'set session transaction read write',
    `set session tx_read_only = off`,
    `select 'x' into outfile '/tmp/mooring-written-by-a-test'`,
    `select 1 into @kept`,
    `load data local infile '/etc/hostname' into table sales.scratch`,
    `load data infile '/etc/hostname' into table sales.scratch`,
    `do sleep(0)`,
    `prepare kept from 'select 1'`,
    `execute immediate 'insert into sales.scratch values (1, 2)'`,
    'lock tables sales.scratch write',
    'flush tables',
    '',
    '-- nothing',
    'select ?',
  ])('D05, D13: refuses %j, also to an administrator', async (query) => {
    const error = await failsWith(query);
    expect(['invalid_query', 'unsupported']).toContain(error.kind);
    expect(error.message).not.toContain('scratch');
    expect(await rowsOf({ path: ['sales', 'scratch'] })).toEqual([]);
    expect(await rowsOf({ path: ['sales', 'customers'] })).toHaveLength(3);
  });

  it('X13: nothing that a statement leaves in a session reaches the next one', async () => {
    await bench.within(async (session) => {
      const read = async (query: string) =>
        (await allBatches(await session.read({ query, batchRows: 1 }))).flat();
      await read(`select @left := 'behind', get_lock('mooring_left', 1)`);
      expect(await read(`select @left, is_free_lock('mooring_left'), @@time_zone, @@tx_read_only`)).toEqual([
        [null, 1, '+00:00', '1'],
      ]);
    });
  });

  it('keeps every character after a session was used, whatever the server prefers', async () => {
    const { host, port, admin } = lab;
    const connection = await mysql.createConnection({ host, port, ...admin });
    const prefer = async (charset: string) => {
      for (const of of ['client', 'connection', 'results']) {
        await connection.query(`set global character_set_${of} = ${charset}`);
      }
    };
    await prefer('latin1');
    await bench.within(async (session) => {
      const query = `select '大阪 😀' as name`;
      for (let round = 0; round < 2; round += 1) {
        expect(await allBatches(await session.read({ query, batchRows: 1 }))).toEqual([[['大阪 😀']]]);
      }
    });
    await prefer('utf8mb4');
    await connection.end();
  });

  it('D10: gives columns named __proto__ back literally', async () => {
    await bench.within(async (session) => {
      const stream = await session.read({
        query: 'select 1 as `__proto__`, 2 as `constructor`',
        batchRows: 1,
      });
      expect(stream.columns.map(({ name }) => name)).toEqual(['__proto__', 'constructor']);
      expect(await allBatches(stream)).toEqual([[[1, 2]]]);
    });
  });

  it('keeps every digit of floats', async () => {
    const query =
      'select cast(16777215 as float), cast(0.1 as double) + 0.2, cast(123456789012345680 as double)';
    expect(await rowsOf({ query })).toEqual([[16777215, 0.1 + 0.2, 123456789012345680]]);
  });

  it('tells single-precision numbers, geometry and bits as people wrote them', async () => {
    const query = `select cast(0.1 as float), point(1, 2.5), b'1' + 0, cast('x' as binary), timestamp'2024-01-01 00:00:00'`;
    expect(await rowsOf({ query })).toEqual([
      [0.1, 'POINT(1 2.5)', expect.anything(), 'eA==', '2024-01-01T00:00:00'],
    ]);
  });

  it('VA15: tells the kind and the SRID of a geometry, however it is nested', async () => {
    const texts = [
      'LINESTRING(1 1,2 2)',
      'MULTIPOINT(1 1,2 2)',
      'POLYGON((0 0,10 0,10 10,0 0),(1 1,2 1,2 2,1 1))',
      'MULTILINESTRING((0 0,1 1),(2 2,3 3))',
      'MULTIPOLYGON(((0 0,1 0,1 1,0 0)))',
      'GEOMETRYCOLLECTION(POINT(0.1 -1e-7),LINESTRING(1 1,2 2))',
    ];
    const list = texts.map((text) => `st_geomfromtext('${text}')`).join(', ');
    const query = `select ${list}, st_geomfromtext('point(1 2)', 4326)`;
    // MariaDB writes the points of a list without parentheses of their own, the standard and MySQL with them.
    const standard = texts.map((text) => (text === 'MULTIPOINT(1 1,2 2)' ? 'MULTIPOINT((1 1),(2 2))' : text));
    expect(await rowsOf({ query })).toEqual([[...standard, 'SRID=4326;POINT(1 2)']]);
  });

  it('VA15: gives tinyint(1) as boolean where the connection says so, and refuses another number', async () => {
    await asAdmin(
      lab,
      'create table sales.flags (id int, flag bool, tiny tinyint)',
      'insert into sales.flags values (1, true, 1), (2, null, 7), (3, 2, 3)',
    );
    const read = { path: ['sales', 'flags'], limit: 2 };
    const booleans = inputFor(lab, { properties: { treatTinyAsBoolean: true } });
    expect(await rowsOf(read)).toEqual([
      [1, 1, 1],
      [2, null, 7],
    ]);
    expect(await rowsOf(read, booleans)).toEqual([
      [1, true, 1],
      [2, null, 7],
    ]);
    const error = await bench.within(
      (session) => failureOf(session.read({ path: read.path, batchRows: 5 }).then(allBatches)),
      { input: booleans },
    );
    expect(error.message).toBe('Column "flag" of row 3 holds 2, which is neither true nor false.');
  });

  it('VA8: numbers in JSON keep their digits, and a name that stands twice is refused', async () => {
    await asAdmin(
      lab,
      'create table sales.documents (id int, j json)',
      `insert into sales.documents values (1, '{"c": 1e400, "d": [9007199254740993, 0.10]}'), (2, '{"a": 1, "a": 2}')`,
    );
    const read = { path: ['sales', 'documents'] };
    const [[, cell = null] = []] = await rowsOf({ ...read, limit: 1 });
    expect(jsonTextOf(cell)).toBe('{"c":1e400,"d":[9007199254740993,0.10]}');
    const error = await failsWith('select * from sales.documents order by id');
    expect(error.message).toBe('Column "j" of row 2 has a JSON object that repeats the name "a".');
    expect((await rowsOf({ ...read, asText: ['j'] }))[1]).toEqual([2, '{"a": 1, "a": 2}']);
  });

  it('VA14: tells precision, scale and width of a column as it is declared', async () => {
    const query =
      'select c_tiny, c_utiny, c_small, c_medium, c_int, c_big, c_ubig, c_decimal, c_float, c_double, c_bit from sales.all_types';
    await bench.within(async (session) => {
      const { columns, batches } = await session.read({ query, batchRows: 5 });
      await allBatches({ columns, batches });
      expect(columns.map(({ type, width, precision, scale }) => [type, width ?? precision, scale])).toEqual([
        ['integer', 8, undefined],
        ['integer', 16, undefined],
        ['integer', 16, undefined],
        ['integer', 32, undefined],
        ['integer', 32, undefined],
        ['bigint', 64, undefined],
        ['decimal', 20, 0],
        ['decimal', 38, 10],
        ['float', 32, undefined],
        ['float', 64, undefined],
        ['bigint', 64, undefined],
      ]);
    });
  });

  it('tells refused rights, missing databases, wrong statements and busy sessions apart', async () => {
    const denied = await bench.within(
      (session) => failureOf(session.read({ path: ['sales', 'salaries'], batchRows: 1 })),
      { input: inputFor(lab, { login: lab.roles.alice }) },
    );
    expect(denied.kind).toBe('permission_denied');
    expect((await failsWith('selec 1')).kind).toBe('invalid_query');
    expect((await failsWith('select * from sales.nowhere')).kind).toBe('not_found');
    expect((await openFails({ properties: { database: 'no?such&database' } })).kind).toBe('not_found');
    await bench.within(async (session) => {
      await session.read({ path: ['sales', 'all_orders'], batchRows: 1 });
      expect((await failureOf(session.ping())).kind).toBe('unsupported');
    });
  });

  it('D15: refuses a giant row instead of holding it', async () => {
    const before = process.memoryUsage.rss();
    const cells = Array.from({ length: 14 }, () => `repeat('x', 15000000)`).join(', ');
    expect((await failsWith(`select ${cells}`)).kind).toBe('too_large');
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000);
  });

  it('D22: trusts no server that it was not told to trust', async () => {
    expect((await openFails({ properties: { rootCertificates: undefined } })).kind).toBe('tls_failed');
    for (const sslmode of ['verify-full', 'verify-ca', 'require', 'disable']) {
      const session = await bench.open(inputFor(lab, { properties: { sslmode } }));
      await session.ping();
      await session.close();
    }
  });

  it('D22: checks the name, or the address, that was asked for and no other', async () => {
    const { network } = bench;
    // The certificate is for localhost and 127.0.0.1; the network leads every name to that server.
    const misled = { ...network, socket: () => network.socket({ host: lab.host, port: lab.port }) };
    for (const [host, isTrusted] of [
      ['localhost', true],
      ['127.0.0.1', true],
      ['db.example.com', false],
      ['192.0.2.7', false],
    ] as const) {
      const input = inputFor(lab, { properties: { host } });
      const context = {
        network: misled,
        retries: createRetries(),
        settings: {},
        signal: new AbortController().signal,
      };
      const work = connector.open(input, context);
      if (isTrusted) await work.then((session) => session.close());
      else expect((await failureOf(work)).kind).toBe('tls_failed');
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
