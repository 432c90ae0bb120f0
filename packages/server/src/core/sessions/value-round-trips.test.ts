// Edge values of every type, through HTTP in each format, compared with what the server itself returns: PostgreSQL's
// text and its own count of microseconds, and the output of MariaDB's client.
import { execFileSync } from 'node:child_process';
import { type LabMariaDb, startMariaDb } from '@mooring/lab/mariadb';
import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { type Data, DataType, tableFromIPC } from 'apache-arrow';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, apiClient } from '../../testing/api-client.js';
import { startServer, type TestServer } from '../../testing/start-server.js';
import {
  mariaDbFloats,
  mariaDbValues,
  postgresLists,
  postgresScalars,
} from './__fixtures__/round-trip-values.js';

let server: TestServer;
let api: ApiClient;

beforeAll(async () => {
  server = await startServer();
  api = apiClient(server.url, server.adminKey);
});
afterAll(() => server.close());

async function connect(source: string, connectionProperties: object): Promise<string> {
  const made = await api.post('/api/v1/data-connections', {
    ...{ datasourceID: source, qName: source, connectionProperties },
  });
  expect(made.status, made.text).toBe(201);
  return `/api/v1/data-connections/${made.body.qID}/actions/read`;
}

const formats = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
  arrow: 'application/vnd.apache.arrow.stream',
};

/** @returns the body, or the text of the refusal */
async function bodyOf(door: string, query: string, format: keyof typeof formats): Promise<Buffer | string> {
  const response = await fetch(new URL(door, server.url), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${server.adminKey}`,
      'content-type': 'application/json',
      accept: formats[format],
    },
    body: JSON.stringify({ query }),
  });
  const body = Buffer.from(await response.arrayBuffer());
  return response.status === 200 ? body : String(JSON.parse(body.toString()).errors[0].detail);
}

/** The text of the only value, of JSON as it stands; null for null. */
function ndjsonText(body: string, type: string): string | null {
  const raw = /^\{"v":(.*),"one":1\}\n$/s.exec(body)?.[1] ?? 'no value';
  if (raw === 'null') return null;
  return raw.startsWith('"') && type !== 'json' ? String(JSON.parse(raw)) : raw;
}

function csvText(body: string): string | null {
  const cell = /^v,one\r\n(.*),1\r\n$/s.exec(body)?.[1] ?? 'no value';
  if (!cell.startsWith('"')) return cell === '' ? null : cell;
  return cell.slice(1, -1).replaceAll('""', '"');
}

function decimalText(words: Uint32Array, scale: number): string {
  let value = 0n;
  for (const word of [...words].reverse()) value = (value << 32n) | BigInt(word);
  value = BigInt.asIntN(words.length * 32, value);
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  const point = scale === 0 ? '' : `.${digits.slice(-scale)}`;
  return `${value < 0n ? '-' : ''}${digits.slice(0, digits.length - scale)}${point}`;
}

/** What the first value of Arrow's buffers says: counts of times, base64 of bytes, JSON of lists. */
function arrowText(data: Data): string | null {
  const { type, values } = data;
  if (!data.getValid(0)) return null;
  if (DataType.isBool(type)) return String(((values[data.offset >> 3] >> (data.offset & 7)) & 1) === 1);
  if (DataType.isUtf8(type) || DataType.isBinary(type)) {
    const bytes = Buffer.from(values.subarray(data.valueOffsets[0], data.valueOffsets[1]));
    return bytes.toString(DataType.isUtf8(type) ? 'utf8' : 'base64');
  }
  if (DataType.isDecimal(type)) return decimalText(values.subarray(0, type.bitWidth / 32), type.scale);
  if (DataType.isList(type)) {
    const [item] = data.children;
    if (!item) return 'no items';
    const [from = 0, to = 0] = data.valueOffsets;
    const items = Array.from({ length: to - from }, (_, at) => arrowText(item.slice(from + at, 1)));
    return JSON.stringify(items);
  }
  return Object.is(values[0], -0) ? '-0' : String(values[0]);
}

/** JSON without white space between its tokens, and its texts spelt as JavaScript spells them. */
const compact = (text: string) =>
  text.replaceAll(/("(?:\\.|[^"\\])*")|\s+/g, (_, token = '') => token && JSON.stringify(JSON.parse(token)));

interface Told {
  /** The server's text of the value. */
  text: string | null;
  /** Days or microseconds since 1970, or of the day, as the server counts them. */
  count: string | null;
}

interface Read {
  column: { type: string };
  ndjson: string | null;
  csv: string | null;
  /** Undefined: refused. */
  arrow: string | null | undefined;
}

async function readAll(door: string, query: string): Promise<Read> {
  const preview = await api.post(door.replace('read', 'preview'), { query });
  expect(preview.status, `${query}: ${preview.text}`).toBe(200);
  const [ndjson, csv] = [await bodyOf(door, query, 'ndjson'), await bodyOf(door, query, 'csv')];
  const arrow = await bodyOf(door, query, 'arrow');
  if (typeof arrow === 'string') expect(arrow, query).toMatch(/^Column "v" of row 1 .+"asText": \["v"\]/);
  return {
    column: preview.body.columns[0],
    ndjson: ndjsonText(String(ndjson), preview.body.columns[0].type),
    csv: csvText(String(csv)),
    arrow:
      typeof arrow === 'string' ? undefined : arrowText(tableFromIPC(arrow).getChild('v')?.data[0] as Data),
  };
}

const counted = ['date', 'time', 'datetime', 'timestamp'];
const isNumber = (type: string) => ['integer', 'bigint', 'float'].includes(type);

/** @param form how the server's text of a value is written here */
function expectExact({ column, ndjson, csv, arrow }: Read, told: Told, form: (text: string) => string): void {
  if (told.text === null) {
    expect([ndjson, csv, arrow]).toEqual([null, null, null]);
    return;
  }
  const right = form(told.text);
  const same = (text: string | null) => {
    if (text === right) return true;
    if (!isNumber(column.type) || text === null) return false;
    // Of a single-precision number there are several decimals.
    const isAlike = Number(text) === Number(right) || Math.fround(Number(text)) === Number(right);
    return isAlike && text.startsWith('-') === right.startsWith('-');
  };
  const isJsonNull = column.type === 'json' && right === 'null';
  expect(same(ndjson) || isJsonNull, `NDJSON ${ndjson}, right ${right}`).toBe(true);
  expect(same(csv), `CSV ${csv}, right ${right}`).toBe(true);
  if (arrow === undefined) return;
  if (counted.includes(column.type)) expect(arrow, `Arrow of ${right}`).toBe(told.count);
  else
    expect(
      same(arrow) || (column.type === 'float' && Math.fround(Number(right)) === Number(arrow)),
      `Arrow ${arrow}, right ${right}`,
    ).toBe(true);
}

describe('A value of PostgreSQL', () => {
  let lab: LabPostgres;
  let client: pg.Client;
  let door: string;

  beforeAll(async () => {
    lab = await startPostgres({ rowsInBig: 1 });
    const { host, port, database, admin } = lab;
    client = new pg.Client({ host, port, database, ...admin });
    await client.connect();
    await client.query(`set timezone = 'UTC'; set intervalstyle = 'iso_8601'; set bytea_output = 'hex';
      create type mood as enum ('sad', 'so, so', 'NULL'); create domain cents as numeric(8, 2); create type pair as (a int, b text)`);
    const { user: username, password } = admin;
    door = await connect('postgres', { host, port, db: database, sslmode: 'disable', username, password });
  });
  afterAll(async () => {
    await client.end();
    await lab.close();
  });

  const counts: Readonly<Record<string, string>> = {
    date: `v - date '1970-01-01'`,
    time: '(extract(epoch from v) * 1000000)::bigint',
    datetime: '(extract(epoch from v) * 1000000)::bigint',
    timestamp: '(extract(epoch from v) * 1000000)::bigint',
  };
  const forms: Readonly<Record<string, (text: string) => string>> = {
    boolean: (text) => String(text === 't'),
    bytes: (text) => Buffer.from(text.slice(2), 'hex').toString('base64'),
    datetime: (text) => (/BC|infinity/.test(text) ? text : text.replace(' ', 'T')),
    timestamp: (text) => (/BC|infinity/.test(text) ? text : text.replace(' ', 'T').replace(/\+00$/, 'Z')),
    json: compact,
  };
  const told = async (sql: string, type: string, isInArrow: boolean): Promise<Told> => {
    const count = isInArrow ? (counts[type] ?? 'null') : 'null';
    const query = `select case when v is distinct from null then format('%s', v) end as text, (${count})::text as count from (select ${sql} as v) as value`;
    const { rows } = await client.query<Told>(query);
    return rows[0] ?? { text: null, count: null };
  };

  it.each(postgresScalars)('VA8, VA14, SU4, SU7: is exact in every format: %s', async (sql) => {
    const found = await readAll(door, `select ${sql} as v, 1 as one`);
    const { type } = found.column;
    expectExact(found, await told(sql, type, found.arrow !== undefined), forms[type] ?? ((text) => text));
  });

  it.each(postgresLists)(
    'VA15, SU4: that is a list is exact in every format: %s',
    async (sql, json, arrow) => {
      const found = await readAll(door, `select ${sql} as v, 1 as one`);
      expect([found.ndjson, found.csv]).toEqual([json, json]);
      expect(found.arrow).toBe(arrow ?? json);
    },
  );
});

describe('A value of MariaDB', () => {
  let lab: LabMariaDb;
  let door: string;
  let tables = 0;

  beforeAll(async () => {
    lab = await startMariaDb();
    const { host, port, database } = lab;
    const { user: username, password } = lab.admin;
    door = await connect('mysql', { host, port, database, sslmode: 'disable', username, password });
  });
  afterAll(() => lab.close());

  const client = (sql: string) => {
    const to = ['-h', lab.host, '-P', String(lab.port), '-u', lab.admin.user, '--skip-ssl', lab.database];
    const how = ['--default-character-set=utf8mb4', '--skip-column-names', '--batch', '--raw'];
    const env = { PATH: process.env['PATH'] ?? '', MYSQL_PWD: lab.admin.password };
    return execFileSync('mariadb', [...to, ...how, '-e', sql], { env, encoding: 'utf8' }).replace(/\n$/, '');
  };
  const store = (type: string, sql: string): string => {
    tables += 1;
    client(`set sql_mode = ''; create table r${tables} (v ${type}); insert into r${tables} values (${sql})`);
    return `r${tables}`;
  };
  const counts: Readonly<Record<string, string>> = {
    date: 'to_days(v) - 719528',
    time: 'floor(time_to_sec(v)) * 1000000 + microsecond(v)',
    datetime: "timestampdiff(microsecond, '1970-01-01 00:00:00', v)",
    timestamp: "timestampdiff(microsecond, '1970-01-01 00:00:00', v)",
  };
  const shownAs = (type: string): string => {
    if (/^(geometry|linestring)/.test(type)) return "concat('SRID=', st_srid(v), ';', st_astext(v))";
    if (/binary|blob/.test(type)) return 'hex(v)';
    // The client shows six digits of a float; a bit, and a number with zeros in front, as what it is.
    if (type.startsWith('float')) return 'cast(v as double)';
    return /^bit|zerofill/.test(type) ? 'v + 0' : 'v';
  };
  const trimmed = (text: string) => text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
  const forms: Readonly<Record<string, (text: string) => string>> = {
    bytes: (text) => Buffer.from(text, 'hex').toString('base64'),
    time: trimmed,
    datetime: (text) => trimmed(text).replace(' ', 'T'),
    timestamp: (text) => `${trimmed(text).replace(' ', 'T')}Z`,
    json: compact,
  };

  async function expectStored(type: string, sql: string, one: string): Promise<void> {
    const table = store(type, sql);
    const found = await readAll(door, `select v, ${one} as one from ${table}`);
    const count = found.arrow === undefined ? 'null' : (counts[found.column.type] ?? 'null');
    const told = {
      text: client(`select ${shownAs(type)} from ${table}`),
      count: client(`select ${count} from ${table}`),
    };
    expectExact(found, told, forms[found.column.type] ?? ((text) => text));
  }

  it.each(mariaDbValues)(
    'VA8, VA14, VA15: is exact in every format, sent as text and in binary: %s %s',
    async (type, sql) => {
      await expectStored(type, sql, '1');
      // A float beside it makes the rows come in binary.
      await expectStored(type, sql, '1e0');
    },
  );

  it.each(mariaDbFloats)('VA8: that is a float keeps every digit: %s %s', (type, sql) =>
    expectStored(type, sql, '1'),
  );
});
