import { type LabPostgres, startPostgres } from '@mooring/lab/postgres';
import { type RandomInt, seededInt } from '@mooring/lab/seeded';
import { full } from '@mooring/lab/test-tier';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Cell, Column, NeutralType, Row } from '../interface/data-types.js';
import type { Comparison, Filter, FilterOp, JsonScalar } from '../interface/filter.js';
import { compileFilter } from './filter.js';
import { jsonCell } from './json/cells.js';
import { splitFilter } from './split-filter.js';

// PostgreSQL says what each filter is of each row, true, false or unknown, and so must the kit.

interface Kind {
  type: NeutralType;
  sql: string;
  /** Texts that the column stores and filters compare with. */
  values: readonly (JsonScalar & {})[];
  cell?(text: string): Cell;
  /** A literal of the column's type. */
  literal(value: string): string;
  isOrdered?: boolean;
}

const quote = (text: string) => pg.escapeLiteral(text);
const typed = (sql: string) => (value: string) => `${quote(value)}::${sql}`;
const isOrdered = true;
const instant = (text: string) =>
  /BC|infinity/.test(text) ? text : text.replace(' ', 'T').replace(/\+00$/, 'Z');
const floatCell = (text: string) => (Number.isFinite(Number(text)) ? Number(text) : text);

const big = '123456789012345678901234567890.123456789';
const kinds: Readonly<Record<string, Kind>> = {
  b: {
    type: 'boolean',
    sql: 'boolean',
    values: [true, false],
    cell: (text) => text === 't',
    literal: typed('boolean'),
  },
  i: {
    ...{ type: 'integer', sql: 'int4', isOrdered, cell: Number, literal: typed('numeric') },
    values: [0, -1, 1, 2, 3, 2_147_483_647, -2_147_483_648],
  },
  l: {
    ...{ type: 'bigint', sql: 'int8', isOrdered, literal: typed('numeric') },
    values: ['0', '7', '9007199254740992', '9007199254740993', '9223372036854775807', '-9223372036854775808'],
  },
  d: {
    ...{ type: 'decimal', sql: 'numeric', isOrdered, literal: typed('numeric') },
    values: [
      '0',
      '0.10',
      '0.1',
      '-0.3',
      '0.30000000000000000001',
      '1e30',
      big,
      `-${big}`,
      '1e-30',
      'NaN',
      'Infinity',
      '-Infinity',
    ],
  },
  f: {
    ...{ type: 'float', sql: 'float8', isOrdered, cell: floatCell, literal: typed('float8') },
    values: ['0', '0.1', '-0', '1e308', '-2.5', '9007199254740992', '5e-324', 'NaN', 'Infinity', '-Infinity'],
  },
  s: {
    type: 'string',
    sql: 'text',
    values: ['', 'a', 'A', 'ä', 'a\u0308', 'a ', 'null', '😀', "o'c"],
    literal: quote,
  },
  dt: {
    ...{ type: 'date', sql: 'date', isOrdered, literal: typed('date') },
    values: [
      '2024-02-29',
      '0001-01-01',
      '9999-12-31',
      '10000-01-01',
      '0044-03-15 BC',
      '0043-03-15 BC',
      'infinity',
      '-infinity',
    ],
  },
  tm: {
    ...{ type: 'time', sql: 'time', isOrdered, literal: typed('time') },
    values: ['00:00:00', '09:30:00', '09:30:00.5', '09:30:00.500001', '23:59:59.999999'],
  },
  ts: {
    ...{ type: 'timestamp', sql: 'timestamptz', isOrdered, cell: instant, literal: typed('timestamptz') },
    values: [
      '2024-02-29T12:00:00Z',
      '2024-02-29T14:00:00+02:00',
      '2024-02-29T12:00:00.25Z',
      '9999-12-31T23:59:59-05:00',
      '2024-02-29T12:00:00.250001Z',
      '0044-03-15 12:00:00+00 BC',
      'infinity',
      '-infinity',
    ],
  },
  lt: {
    ...{ type: 'datetime', sql: 'timestamp', isOrdered, cell: instant, literal: typed('timestamp') },
    values: [
      '2024-02-29T12:00:00',
      '2024-02-29T12:00:00.000001',
      '0001-01-01T00:00:00',
      '2024-02-29',
      'infinity',
      '-infinity',
    ],
  },
  by: {
    ...{ type: 'bytes', sql: 'bytea', values: ['', 'AAE=', '/w=='] },
    cell: (text) => Buffer.from(text.slice(2), 'hex').toString('base64'),
    literal: (value) => `decode(${quote(value)}, 'base64')`,
  },
  j: {
    type: 'json',
    sql: 'json',
    values: ['{"a":1}', '{"a":1.0}', '[1,2]', 'null', '"a"', '5'],
    cell: jsonCell,
    literal: quote,
  },
};
const columns: readonly Column[] = Object.entries(kinds).map(([name, { type }]) => ({
  name,
  type,
  nullable: true,
}));

const symbols = { eq: '=', ne: '<>', lt: '<', le: '<=', gt: '>', ge: '>=' } as const;

/** @param isLoose as a source that finds more: text without regard to case, NaN above all numbers */
function sqlOf(filter: Filter, isLoose: boolean): string {
  const joined = (parts: readonly Filter[], word: string, none: string) =>
    parts.length === 0 ? none : `(${parts.map((part) => sqlOf(part, isLoose)).join(` ${word} `)})`;
  if ('and' in filter) return joined(filter.and, 'and', 'true');
  if ('or' in filter) return joined(filter.or, 'or', 'false');
  if ('not' in filter) return `(not ${sqlOf(filter.not, isLoose)})`;
  const kind = kinds[filter.column] as Kind;
  if (filter.op === 'null') return `(${filter.column} is null)`;
  const isFolded = isLoose && kind.type === 'string';
  const own = kind.type === 'json' ? `${filter.column}::text` : filter.column;
  const cell = isFolded ? `lower(${own})` : own;
  const literal = (value: JsonScalar) => {
    const text = value === null ? 'null' : kind.literal(String(value));
    return isFolded ? `lower(${text})` : text;
  };
  if (filter.op === 'in')
    return filter.value.length === 0 ? 'false' : `(${cell} in (${filter.value.map(literal).join()}))`;
  const compared = `${cell} ${symbols[filter.op]} ${literal(filter.value)}`;
  const isNumber = kind.type === 'float' || kind.type === 'decimal';
  if (filter.value === null) return 'null::boolean';
  if (!isNumber || isLoose || filter.op === 'eq' || filter.op === 'ne') return `(${compared})`;
  // NaN is in no range.
  return filter.value === 'NaN' ? `(${cell} <> ${cell})` : `(${compared} and ${cell} <> 'NaN')`;
}

const pick = <Item>(random: RandomInt, items: readonly Item[]): Item =>
  items[random(0, items.length)] as Item;

function randomLeaf(random: RandomInt): Comparison {
  const [column, { values, isOrdered: ranges }] = pick(random, Object.entries(kinds));
  const op = pick<FilterOp>(random, [
    'eq',
    'ne',
    'in',
    'null',
    ...(ranges ? (['lt', 'le', 'gt', 'ge'] as const) : []),
  ]);
  const value = () => (random(0, 20) === 0 ? null : pick(random, values));
  if (op === 'null') return { column, op };
  if (op === 'in') return { column, op, value: Array.from({ length: random(0, 4) }, value) };
  return { column, op, value: value() };
}

function randomFilter(random: RandomInt, depth = 4): Filter {
  const form = depth === 0 ? 0 : random(0, 6);
  if (form < 2) return randomLeaf(random);
  if (form === 2) return { not: randomFilter(random, depth - 1) };
  const parts = Array.from({ length: random(0, 4) }, () => randomFilter(random, depth - 1));
  return form % 2 === 0 ? { and: parts } : { or: parts };
}

type Tables = Parameters<typeof splitFilter>[2];

/** What a random source can do: of what PostgreSQL does exactly or more generously, a part. */
function randomTables(random: RandomInt): Tables & { isLoose: boolean } {
  const isLoose = random(0, 2) === 0;
  const some = (ops: readonly FilterOp[]) => ops.filter(() => random(0, 3) > 0);
  const equal = ['eq', 'ne', 'in', 'null'] as const;
  const ranges = ['lt', 'le', 'gt', 'ge'] as const;
  const exact: Partial<Record<NeutralType, readonly FilterOp[]>> = {};
  const pushed: Partial<Record<NeutralType, readonly FilterOp[]>> = {};
  for (const { type, isOrdered: hasRanges } of Object.values(kinds)) {
    const isNumber = type === 'float' || type === 'decimal';
    const isFolded = isLoose && type === 'string';
    exact[type] = some([...(isFolded ? [] : equal), ...(hasRanges && !isNumber ? ranges : [])]);
    pushed[type] = some(isFolded ? ['eq', 'in', 'null'] : [...equal, ...(hasRanges ? ranges : [])]);
  }
  return { exact, pushed, isLoose };
}

let lab: LabPostgres;
let client: pg.Client;
let rows: Row[];
const random = seededInt();

beforeAll(async () => {
  lab = await startPostgres({ rowsInBig: 1 });
  const { host, port, database, admin } = lab;
  client = new pg.Client({
    host,
    port,
    database,
    ...admin,
    types: { getTypeParser: () => (text: string) => text },
  });
  await client.connect();
  await client.query("set time zone 'UTC'; set datestyle to ISO");
  const definitions = Object.entries(kinds).map(
    ([name, { sql }]) => `${name} ${sql}${sql === 'text' ? ' collate "C"' : ''}`,
  );
  await client.query(`create temporary table t (id serial, ${definitions.join()})`);
  const literals = ({ values, literal, sql }: Kind) =>
    random(0, 8) === 0 ? 'null' : `${literal(String(pick(random, values)))}::${sql}`;
  const inserted = Array.from({ length: 100 }, () => `(${Object.values(kinds).map(literals).join()})`);
  await client.query(`insert into t (${Object.keys(kinds).join()}) values ${inserted.join()}`);
  const found = await client.query<Record<string, string | null>>('select * from t order by id');
  rows = found.rows.map((row) =>
    Object.entries(kinds).map(([name, { cell }]) => {
      const text = row[name] ?? null;
      return text === null || !cell ? text : cell(text);
    }),
  );
});
afterAll(async () => {
  await client?.end();
  await lab?.close();
});

/** What each of the conditions is of each row: t, f or null. */
async function judged(conditions: readonly string[]): Promise<(string | null)[][]> {
  const { rows: found } = await client.query({
    text: `select ${conditions.join()} from t order by id`,
    rowMode: 'array',
  });
  return found as (string | null)[][];
}

const batch = 50;

it('a filter is of each row what PostgreSQL says, and what is pushed to a source finds at least its rows', async () => {
  for (let done = 0; done < full(20_000, 500); done += batch) {
    const filters = Array.from({ length: batch }, () => randomFilter(random));
    const splits = filters.map((filter) => {
      const tables = randomTables(random);
      return { ...splitFilter(filter, columns, tables), isLoose: tables.isLoose };
    });
    const truths = await judged(filters.map((filter) => sqlOf(filter, false)));
    const found = await judged(splits.map(({ push, isLoose }) => (push ? sqlOf(push, isLoose) : 'true')));
    for (const [at, filter] of filters.entries()) {
      const isTrue = compileFilter(filter, columns);
      const isFalse = compileFilter({ not: filter }, columns);
      const { push, rest } = splits[at] as (typeof splits)[number];
      const remains = rest === 'all' ? () => true : compileFilter(rest, columns);
      for (const [index, row] of rows.entries()) {
        const own = isTrue(row) ? 't' : isFalse(row) ? 'f' : null;
        const isFound = found[index]?.[at] === 't';
        // The message is made only where something is wrong.
        if (own === truths[index]?.[at] && (own === 't') === (isFound && remains(row))) continue;
        expect
          .soft({ own, kept: isFound && remains(row) }, JSON.stringify({ filter, row, push, rest }))
          .toEqual({ own: truths[index]?.[at], kept: truths[index]?.[at] === 't' });
        return;
      }
    }
  }
});
