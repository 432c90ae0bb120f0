import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Column, JsonText } from '../../interface/data-types.js';
import type { AnySource } from '../../interface/source.js';
import { startToyServer, type ToyServer, toyPeople } from '../../suite/toy-server.js';
import { toySource } from '../../suite/toy-source.js';
import type { ApiRead, OpenUse } from './open-use.js';
import { call, done, failing, numbered, openOn, pathOf, reading, rowsOf } from './test-stand.js';

const toy = toySource as unknown as AnySource;
let server: ToyServer;
let use: OpenUse;
beforeAll(async () => {
  server = await startToyServer({ items: toyPeople(50), empty: { ...toyPeople(0) } });
  ({ use } = await openOn(toy, server));
});
afterAll(async () => {
  await use.close();
  await server.close();
});

const target = pathOf('items');
const everyRow = () => server.tables['items']?.rows ?? [];

describe('columns', () => {
  it('are those asked for, in their order, whether the source or the kit picks them', async () => {
    const expected = everyRow().map((row) => [row[5], row[0]]);
    const stream = await use.read({ target, columns: ['score', 'id'], batchRows: 9 }, call());
    expect(stream.columns.map(({ name }) => name)).toEqual(['score', 'id']);
    expect(await rowsOf(stream)).toEqual(expected);
    const picked = await reading([{ rows: numbered(2) }], { columns: ['t', 'n'] }, done({}));
    expect(picked.found).toEqual([
      {
        rows: [
          ['t0', 0],
          ['t1', 1],
        ],
      },
    ]);
    expect(picked.stream.columns.map(({ name }) => name)).toEqual(['t', 'n']);
  });

  it('that do not exist, or are asked for twice, are refused, and the plan is closed', async () => {
    const unknown = { kind: 'invalid_query', message: 'There is no column "x".' };
    expect(await failing(use.read({ target, columns: ['x'], batchRows: 1 }, call()))).toMatchObject(unknown);
    expect(await failing(reading([], { columns: ['x'] }, done({})))).toMatchObject(unknown);
    expect((await failing(reading([], { columns: ['n', 'n', 't'] }, done({})))).message).toMatch(/twice/);
    await use.ping(call());
  });

  it('of more than ten thousand are too many', async () => {
    const many = Array.from(
      { length: 10_002 },
      (_, at): Column => ({ name: `c${at}`, type: 'string', nullable: true }),
    );
    expect((await failing(reading([], {}, { columns: many }))).kind).toBe('too_large');
  });

  it('asked for as text become text of the cells, and only they', async () => {
    const { found, stream } = await reading(
      [{ rows: [...numbered(1), [1, null, new JsonText('1.0', true)]] }],
      {
        asText: ['n', 'j', 't'],
      },
    );
    expect(found).toEqual([
      {
        rows: [
          ['0', 't0', '{"n":0}'],
          ['1', null, '1.0'],
        ],
      },
    ]);
    expect(stream.columns).toEqual([
      { name: 'n', type: 'string', nullable: false },
      { name: 't', type: 'string', nullable: true },
      { name: 'j', type: 'string', nullable: true },
    ]);
    expect(await failing(reading([], { asText: ['x'] }))).toEqual({
      kind: 'invalid_query',
      message: 'asText: "x" is not a column.',
    });
  });
});

describe('the limit', () => {
  it('cuts, also within a batch, and stops the source', async () => {
    const { found, ended, pulls } = await reading(
      [{ rows: numbered(3) }, { rows: numbered(3) }, { rows: numbered(3) }],
      {
        limit: 4,
      },
    );
    expect(found.map((batch) => ('rows' in batch ? batch.rows.length : 0))).toEqual([3, 1]);
    expect(pulls()).toBe(2);
    expect(ended).toEqual(['over', 'close']);
  });

  it('lets a source end that keeps to it itself, and ends one that only says so', async () => {
    const kept = await reading([{ rows: numbered(4) }], { limit: 4 }, done({ limit: true }));
    expect(kept.ended).toEqual(['end', 'over', 'close']);
    const broken = await reading(
      [{ rows: numbered(4) }, { rows: numbered(4) }],
      { limit: 4 },
      done({ limit: true }),
    );
    expect(broken.found).toEqual([{ rows: numbered(4) }]);
    expect(broken.ended).toEqual(['over', 'close']);
  });

  it('of none reads none, and the plan is closed', async () => {
    const { found, ended, asked } = await reading([{ rows: numbered(4) }], { limit: 0 });
    expect([found, ended]).toEqual([[], ['close']]);
    expect(asked).toMatchObject({ limit: 0 });
  });

  it('is not given to a source whose filter may let more rows through', async () => {
    const where = { column: 'n', op: 'eq', value: 1 } as const;
    const { asked } = await reading([], { limit: 1, where, columns: ['t'] }, done({ filter: 'all' }));
    expect(asked).not.toHaveProperty('limit');
    expect(asked?.columns).toEqual(['t', 'n']);
  });
});

describe('splits', () => {
  it('make up the whole: here one after the other, and each in a session of its own', async () => {
    const stream = await use.read({ target, parts: 4, batchRows: 100 }, call());
    expect(stream.splits).toHaveLength(4);
    expect(await rowsOf(stream)).toEqual(everyRow());
    const parts = await Promise.all(
      stream.splits.map(async (split) => {
        const other = await openOn(toy, server);
        const rows = await rowsOf(await other.use.read({ target, split, batchRows: 5 }, call()));
        await other.use.close();
        return rows;
      }),
    );
    expect(parts.flat()).toEqual(everyRow());
  });

  it('of none, or of more than 4 KB, are refused', async () => {
    for (const splits of [[], ['x'.repeat(4_095)]])
      expect((await failing(reading([], {}, { splits }))).kind).toBe('protocol_error');
    await reading([], {}, { splits: ['x'.repeat(4_094)] });
  });
});

describe('a later read', () => {
  it('continues where one has ended, which only a complete read tells', async () => {
    const first = await use.read({ target, batchRows: 10 }, call());
    expect(first.cursor()).toBeUndefined();
    await rowsOf(first);
    const since = first.cursor();
    const added = toyPeople(52).rows.slice(50);
    server.tables['items']?.rows.push(...added);
    expect(await rowsOf(await use.read({ target, since: since ?? null, batchRows: 10 }, call()))).toEqual(
      added,
    );
    const cut = await use.read(
      { target, where: { column: 'id', op: 'eq', value: 1 }, limit: 1, batchRows: 10 },
      call(),
    );
    await rowsOf(cut);
    expect(cut.cursor()).toBeUndefined();
  });
});

describe('what a source cannot do', () => {
  const without = async (abilities: Partial<AnySource['abilities']>, request: Partial<ApiRead>) => {
    const heard = server.heard.length;
    const opened = await openOn(
      { ...toy, abilities: { ...toy.abilities, ...abilities } } as AnySource,
      server,
    );
    const failure = await failing(opened.use.read({ target, batchRows: 1, ...request }, call()));
    await opened.use.close();
    return { ...failure, sent: server.heard.slice(heard) };
  };
  const query = { target: { query: 'rows 1' } };
  const orderBy = [{ column: 'id', direction: 'desc' }] as const;
  const { query: language, incremental: _, ...rest } = toySource.abilities;

  it.each<[string, Partial<AnySource['abilities']>, Partial<ApiRead>]>([
    ['no query language', { query: undefined as never }, query],
    [
      'no query parameters',
      { query: { language: 'sql', parameters: 'none' } },
      { target: { query: 'x', parameters: { a: 1 } } },
    ],
    ['orderBy is not supported', { pushdown: { ...rest.pushdown, order: false } }, { orderBy }],
    ['cannot continue', { incremental: undefined as never }, { since: 1 }],
    ['in parts', { splits: false }, { split: 1 }],
    ['cannot be filtered or sorted from outside', { query: language as never }, { ...query, orderBy }],
  ])('is refused before anything is sent: %s', async (text, abilities, request) => {
    const { kind, message, sent } = await without(abilities, request);
    expect(kind).toBe('unsupported');
    expect(message).toContain(text);
    expect(sent).toEqual(['signIn', 'goodbye']);
  });

  it('is refused when only its plan tells', async () => {
    expect((await failing(reading([], { orderBy, parts: 1 }, done({ order: false })))).message).toContain(
      'orderBy',
    );
    expect(
      (await failing(reading([], { consistency: 'snapshot' }, { consistency: 'none' }))).message,
    ).toContain('one state');
  });
});

it('sorts at the source, and takes parameters', async () => {
  const orderBy = [{ column: 'id', direction: 'desc' }] as const;
  const sorted = await use.read({ target, orderBy, columns: ['id'], limit: 2, batchRows: 10 }, call());
  expect(await rowsOf(sorted)).toEqual([[51], [50]]);
  const query = { query: 'table items {id}', parameters: { id: 3 } };
  expect(await rowsOf(await use.read({ target: query, columns: ['id'], batchRows: 10 }, call()))).toEqual([
    [3],
  ]);
});
