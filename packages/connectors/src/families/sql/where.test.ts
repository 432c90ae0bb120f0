import { describe, expect, it } from 'vitest';
import type { Row } from '../../interface/data-types.js';
import type { Filter } from '../../interface/filter.js';
import { compileFilter } from '../../kit/filter.js';
import { realServer as mysqlServer } from '../../sources/mysql/__fixtures__/real-server.js';
import { withAdmin } from '../../sources/postgres/__fixtures__/administration.js';
import { realServer as postgresServer } from '../../sources/postgres/__fixtures__/real-server.js';
import { failureOf } from '../../suite/bench.js';
import { asAdmin } from '../mysql/__fixtures__/administration.js';

const postgres = postgresServer();
const mysql = mysqlServer();

const filters: readonly Filter[] = [
  { column: 'id', op: 'eq', value: 2 },
  { column: 'id', op: 'in', value: [1, 3, null] },
  { not: { column: 'id', op: 'ge', value: 3 } },
  { or: [{ column: 'id', op: 'lt', value: 2 }, { not: { column: 'id', op: 'null' } }] },
];

describe.each([
  ['postgres', 'pg_sleep', () => postgres],
  ['mysql', 'sleep', () => mysql],
])('where and orderBy of %s', (_id, sleep, server) => {
  it('gives the rows that the condition is true of, with or without the server', async () => {
    const path = ['sales', 'orders'];
    await server().bench.within(async (session) => {
      const read = async (more: object): Promise<{ columns: readonly { name: string }[]; rows: Row[] }> => {
        const { columns, batches } = await session.read({ path, batchRows: 100, ...more });
        const rows: Row[] = [];
        for await (const batch of batches) rows.push(...batch);
        return { columns, rows };
      };
      const whole = await session.read({ path, batchRows: 100 });
      const all: Row[] = [];
      for await (const batch of whole.batches) all.push(...batch);
      for (const where of filters) {
        const keeps = compileFilter(where, whole.columns);
        const { rows } = await read({ where, orderBy: [{ column: 'id', direction: 'desc', nulls: 'last' }] });
        const expected = all.filter(keeps).toSorted((one, other) => Number(other[0]) - Number(one[0]));
        expect(rows, JSON.stringify(where)).toEqual(expected);
        expect((await read({ where, columns: ['customer'], limit: 1 })).rows.length).toBe(
          Math.min(1, expected.length),
        );
      }
    });
  });

  it('describes a table and a query without running it', async () => {
    await server().bench.within(async (session) => {
      const { columns, kind } = await session.describe({ path: ['sales', 'orders'] });
      expect(kind).toBe('table');
      expect(columns[0]).toMatchObject({
        name: 'id',
        type: 'integer',
        native: expect.stringMatching(/int|long/),
      });
      const query = await session.describe({ query: `select ${sleep}(60) as never` });
      expect(query.columns.map(({ name }) => name)).toEqual(['never']);
    });
  });
});

/** A filter that the server does as the kit does it, and one of which the kit must check the rest. */
const whole: Filter = { column: 'id', op: 'gt', value: 1 };
const partial: Filter = { and: [whole, { column: 'customer', op: 'ne', value: 'x' }] };
const last = { orderBy: [{ column: 'id', direction: 'desc' }], limit: 2 } as const;

it.each([
  ['whole', whole, / order by "id" desc limit 2$/],
  ['partial', partial, / order by "id" desc$/],
])('limits at PostgreSQL what is filtered and sorted there: a %s filter', async (_what, where, statement) => {
  await postgres.bench.within(async (session) => {
    const { batches } = await session.read({ path: ['sales', 'orders'], where, ...last, batchRows: 1 });
    const ids: unknown[] = [];
    for await (const [[id] = []] of batches) {
      ids.push(id);
      const running = await withAdmin(postgres.lab, (admin) =>
        admin.query(
          `select query from pg_stat_activity where query like '%order by "id" desc%' and pid <> pg_backend_pid()`,
        ),
      );
      expect(running.rows.map(({ query }) => query)).toEqual([expect.stringMatching(statement)]);
    }
    expect(ids).toEqual([...ids].toSorted((one, other) => Number(other) - Number(one)));
    expect(ids).toHaveLength(2);
  });
});

it('limits at MySQL what is filtered and sorted there: it sends no other row', async () => {
  const sent = async (): Promise<number> => {
    const status = `select variable_value from information_schema.global_status where variable_name = 'ROWS_SENT'`;
    return Number((await asAdmin(mysql.lab, status))[0]?.[0]);
  };
  const read = async (where: Filter) => {
    const before = await sent();
    const rows = await mysql.rowsOf({ path: ['sales', 'big'], columns: ['id'], where, ...last });
    return { ids: rows.map(([id]) => Number(id)), sent: (await sent()) - before };
  };
  const { ids, sent: top } = await read(whole);
  expect(ids).toEqual([1_000_000, 999_999]);
  expect(top).toBeLessThan(20);
  const some = await read({ and: [whole, { column: 'name', op: 'ne', value: 'x' }] });
  expect(some.ids).toEqual(ids);
  expect(some.sent).toBeGreaterThan(top);
});

it('takes the values of placeholders apart from the statement, and says when they do not match', async () => {
  const evil = `x' or '1'='1`;
  const rows = await postgres.rowsOf({
    query: 'select $1::text as a, $2::int + 1 as b',
    parameters: [evil, 41],
  });
  expect(rows).toEqual([[evil, 42]]);
  const mine = await mysql.rowsOf({ query: 'select ? as a, ? + 1 as b', parameters: [evil, 41] });
  expect(mine[0]?.[0]).toBe(evil);
  for (const [server, query] of [
    [postgres, 'select $1::int'],
    [mysql, 'select ?'],
  ] as const) {
    for (const parameters of [[], [1, 2]])
      expect((await failureOf(server.rowsOf({ query, parameters }))).kind).toBe('invalid_query');
    const typed = [{ type: 'date', value: '2024-02-29' }] as const;
    expect((await failureOf(server.rowsOf({ query, parameters: typed }))).kind).toBe('unsupported');
  }
});

it('compares every type as the kit does: the server may only leave out rows that do not match', async () => {
  await withAdmin(postgres.lab, async (admin) => {
    await admin.query(`create collation sales.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      create table sales.compared (id int, t text collate sales.loose, v varchar(9), c char(5), n numeric, f float8, g float4,
        d date, ts timestamp, tz timestamptz, u uuid, b boolean, o oid);
      insert into sales.compared values
        (1, 'a', 'x', 'ab', 'NaN', 'NaN', 0.1, 'infinity', '2024-01-01 00:00:00', '2024-01-01 00:00:00+02', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', true, 1),
        (2, 'A', 'X ', 'AB', 1.50, 0.1, 1e10, '2024-02-29', '2024-02-29 12:34:56.789012', '2024-02-29 12:34:56.789012Z', null, false, 4000000000),
        (3, null, null, null, null, null, null, null, null, null, '00000000-0000-0000-0000-000000000000', null, null);
      grant select on sales.compared to public`);
  });
  const values: Readonly<Record<string, readonly (string | number | boolean)[]>> = {
    t: ['a', 'A'],
    v: ['x', 'X '],
    c: ['ab   ', 'ab', 'AB   '],
    n: ['1.5', 1.5, 'NaN', '1.4999999999999999999999'],
    f: [0.1, 'NaN', '0.1000000000000000055511151231257827'],
    g: [0.1, 10000000000],
    d: ['2024-02-29', '2024-01-01'],
    ts: ['2024-02-29T12:34:56.789012', '2024-01-01T00:00:00'],
    tz: ['2024-02-29T12:34:56.789012Z', '2023-12-31T22:00:00Z'],
    u: ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'],
    b: [true, false],
    o: [4000000000, 1],
  };
  await postgres.bench.within(async (session) => {
    const path = ['sales', 'compared'];
    const all: Row[] = [];
    const whole = await session.read({ path, batchRows: 9 });
    for await (const batch of whole.batches) all.push(...batch);
    for (const [column, tried] of Object.entries(values)) {
      for (const value of tried) {
        for (const op of ['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const) {
          for (const where of [{ column, op, value }, { not: { column, op, value } }]) {
            let keeps: ((row: Row) => boolean) | undefined;
            try {
              keeps = compileFilter(where, whole.columns);
            } catch {}
            const reading = session
              .read({ path, batchRows: 9, where, columns: ['id'] })
              .then(async ({ batches }) => {
                const rows: Row[] = [];
                for await (const batch of batches) rows.push(...batch);
                return rows.map(([id]) => id).toSorted();
              });
            if (!keeps) await failureOf(reading);
            else
              expect(await reading, JSON.stringify(where)).toEqual(
                all
                  .filter(keeps)
                  .map(([id]) => id)
                  .toSorted(),
              );
          }
        }
      }
    }
  });
});
