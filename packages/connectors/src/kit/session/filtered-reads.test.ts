import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Filter } from '../../interface/filter.js';
import type { AnySource } from '../../interface/source.js';
import { startToyServer, type ToyServer, toyPeople } from '../../suite/toy-server.js';
import { toySource } from '../../suite/toy-source.js';
import { compileFilter } from '../filter.js';
import type { OpenUse } from './open-use.js';
import { call, columns, done, failing, numbered, openOn, pathOf, reading, rowsOf } from './test-stand.js';

// What the source leaves of a filter, the kit does. The toy compares integers for equality, and nothing else.

let server: ToyServer;
let use: OpenUse;
beforeAll(async () => {
  server = await startToyServer({ items: toyPeople(50) });
  ({ use } = await openOn(toySource as unknown as AnySource, server));
});
afterAll(async () => {
  await use.close();
  await server.close();
});

const target = pathOf('items');
const items = () => server.tables['items'] as ToyServer['tables'][string];

describe('a filter', () => {
  const filters: Filter[] = [
    { column: 'id', op: 'eq', value: 7 },
    { column: 'score', op: 'gt', value: 10 },
    {
      and: [
        { column: 'id', op: 'eq', value: 8 },
        { column: 'active', op: 'eq', value: true },
      ],
    },
    {
      and: [
        { column: 'id', op: 'eq', value: 8 },
        { column: 'active', op: 'eq', value: false },
      ],
    },
    {
      or: [
        { column: 'id', op: 'eq', value: 3 },
        { column: 'name', op: 'null' },
      ],
    },
    { not: { column: 'name', op: 'in', value: ['item 1', 'item 2'] } },
    { column: 'seen', op: 'lt', value: '2010-01-01T00:00:00Z' },
  ];

  it.each(filters.map((where) => [JSON.stringify(where), where] as const))(
    'gives the rows for which it is true: %s',
    async (_, where) => {
      const expected = items().rows.filter(compileFilter(where, items().columns));
      const stream = await use.read({ target, where, batchRows: 5 }, call());
      expect(await rowsOf(stream)).toEqual(expected);
      expect(expected.length).toBeLessThan(50);
    },
  );

  it('reaches the source where the source can apply it', async () => {
    const before = server.rowsSent();
    const where: Filter = { column: 'id', op: 'eq', value: 7 };
    expect(await rowsOf(await use.read({ target, where, batchRows: 50 }, call()))).toHaveLength(1);
    expect(server.rowsSent() - before).toBe(1);
  });

  it('may be about columns that were not asked for', async () => {
    const where: Filter = { column: 'score', op: 'ge', value: 11 };
    const stream = await use.read({ target, where, columns: ['id'], batchRows: 50 }, call());
    expect(stream.columns.map(({ name }) => name)).toEqual(['id']);
    expect(await rowsOf(stream)).toEqual([[44], [45], [46], [47], [48]]);
  });

  it('is applied before the limit, and to batches that it empties', async () => {
    const where: Filter = { column: 'n', op: 'in', value: [3, 5, 7] };
    const batches = [{ rows: numbered(3) }, { rows: numbered(9) }];
    const { found, ended } = await reading(batches, { where, limit: 2 }, done({ limit: true }));
    expect(found).toEqual([{ rows: [numbered(9)[3], numbered(9)[5]] }]);
    expect(ended).toEqual(['over', 'close']);
    expect(
      (await reading(batches, { where, batchRows: 2 })).found.map(
        (each) => 'rows' in each && each.rows.length,
      ),
    ).toEqual([2, 1]);
  });

  it('of which the source did all is not checked again', async () => {
    const where: Filter = { column: 'n', op: 'eq', value: 1 };
    const { found } = await reading([{ rows: numbered(3) }], { where }, done({ filter: 'all' }));
    expect(found).toEqual([{ rows: numbered(3) }]);
    const rest = await reading(
      [{ rows: numbered(3) }],
      { where },
      done({ filter: { column: 't', op: 'eq', value: 't2' } }),
    );
    expect(rest.found).toEqual([{ rows: [numbered(3)[2]] }]);
  });

  it('compares values, not their text, beside asText', async () => {
    const where: Filter = { column: 'n', op: 'ge', value: 2 };
    const { found } = await reading(
      [{ rows: numbered(12) }],
      { where, asText: ['n'], columns: ['n'] },
      done({}),
    );
    expect(found).toEqual([
      {
        rows: numbered(12)
          .slice(2)
          .map(([n]) => [String(n)]),
      },
    ]);
    const texts = columns.map((column) => ({ ...column, type: 'string' as const }));
    const atSource = reading(
      [],
      { where: { column: 'n', op: 'eq', value: '2' }, asText: ['n'] },
      { columns: texts, ...done({ asText: true }) },
    );
    expect((await failing(atSource)).message).toContain('cannot be compared by "where" while "asText"');
  });

  it('that nobody can compare is refused, and the plan is closed', async () => {
    const wrong = async (where: Filter) => failing(use.read({ target, where, batchRows: 5 }, call()));
    expect((await wrong({ column: 'x', op: 'null' })).kind).toBe('invalid_query');
    expect((await wrong({ column: 'name', op: 'lt', value: 'p' })).kind).toBe('unsupported');
    expect((await wrong({ column: 'id', op: 'eq', value: 'seven' })).kind).toBe('invalid_query');
    await use.ping(call());
  });
});
