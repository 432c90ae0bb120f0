import { expect } from 'vitest';
import type { Level } from '../../interface/abilities.js';
import type { Path } from '../../interface/plan.js';
import type { BrowseRequest, Item } from '../../interface/session.js';
import { inputOf } from '../connection-input.js';
import { type AbilityCheck, type AbilityStand, call, connectorSession, given, isRefused } from './stand.js';

/** Containers opened for one connection while looking for levels. */
const containersMax = 25;
const perPage = 200;

interface Walk {
  kinds: Set<Level>;
  deepest: number;
  /** A kind was found in itself. */
  isNested: boolean;
}

/** Opens containers, those that lead to the readable item first. */
async function walked(stand: AbilityStand, walk: Walk): Promise<void> {
  const { source, started, bench } = stand;
  const { path: wanted } = started.readable;
  const isOnTheWay = (path: Path) => path.every((segment, at) => segment === wanted[at]);
  for (const connection of started.good) {
    if (source.abilities.browse.levels.every((kind) => walk.kinds.has(kind))) return;
    const next: { path: Path; kind?: Level }[] = [{ path: [] }];
    await bench.within(
      async (session) => {
        for (let opened = 0; next.length > 0 && opened < containersMax; opened += 1) {
          const { path, kind } = next.shift() ?? { path: [] };
          // Some may be closed to this login; what leads to the readable item is not.
          const page = session.browse({ path, limit: perPage });
          const { items } = await (isOnTheWay(path) ? page : page.catch(() => ({ items: [] })));
          for (const item of items) {
            walk.kinds.add(item.kind);
            walk.deepest = Math.max(walk.deepest, item.path.length);
            if (item.kind === kind) walk.isNested = true;
            const more = { path: item.path, kind: item.kind };
            if (item.container) next[isOnTheWay(item.path) ? 'unshift' : 'push'](more);
          }
        }
      },
      { input: inputOf(source, connection) },
    );
  }
}

export const levels: AbilityCheck = async (stand) => {
  const { browse } = stand.source.abilities;
  const walk: Walk = { kinds: new Set(), deepest: 0, isNested: false };
  await walked(stand, walk);
  expect([...walk.kinds].toSorted(), 'kinds of items').toEqual([...browse.levels].toSorted());
  expect(walk.deepest, 'an item is deeper than the source claims').toBeLessThanOrEqual(browse.depth);
  if (!walk.isNested) expect(walk.deepest, 'no item is as deep as the source claims').toBe(browse.depth);
};

export const search: AbilityCheck = async (stand) => {
  const { source, started, bench } = stand;
  const path = started.readable.path.slice(0, -1);
  const name = started.readable.path.at(-1) ?? '';
  const part = name.slice(1, 4);
  const nowhere = 'zq no such item';
  if (!source.abilities.browse.search) {
    await connectorSession(stand, async (session) => {
      const list = (request: Partial<BrowseRequest>) =>
        session.browse({ path, limit: 100, ...request }, call);
      const all = (await list({})).items;
      let found: readonly Item[] | undefined;
      await isRefused(async () => {
        found = (await list({ search: nowhere })).items;
      });
      expect(found ?? all, 'it searches by name, which it does not claim').toEqual(all);
    });
    return;
  }
  await bench.within(async (session) => {
    const found = (await session.browse({ path, limit: 100, search: part })).items;
    expect(found.map((item) => item.name)).toContain(name);
    for (const item of found) expect(item.name.toLowerCase()).toContain(part.toLowerCase());
    expect((await session.browse({ path, limit: 100, search: nowhere })).items).toEqual([]);
  });
};

export const describes: AbilityCheck = async (stand) => {
  const { source, started, bench } = stand;
  const { describe } = source.abilities;
  const text = started.query ?? 'select 1';
  const targets = [
    { what: 'a path', isClaimed: describe !== 'no', target: { path: started.readable.path } },
    { what: 'a query', isClaimed: describe === 'path-and-query', target: { query: text } },
  ];
  for (const { what, isClaimed, target } of targets) {
    if (!isClaimed) {
      const isDescribed = await connectorSession(
        stand,
        async (session) =>
          session.describe !== undefined && !(await isRefused(async () => session.describe?.(target, call))),
      );
      expect(isDescribed, `it describes ${what}, which it does not claim`).toBe(false);
      continue;
    }
    if ('query' in target) given(started.query, 'query');
    await bench.within(async (session) => {
      const shape = (columns: readonly { name: string; type: string }[]) =>
        columns.map(({ name, type }) => ({ name, type }));
      const described = await session.describe(target);
      const stream = await session.read({ ...target, batchRows: 10 });
      for await (const batch of stream.batches) expect(batch.length).toBeGreaterThan(0);
      expect(shape(described.columns), `columns of ${what}`).toEqual(shape(stream.columns));
    });
  }
};
