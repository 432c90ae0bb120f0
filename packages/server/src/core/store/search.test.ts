import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Kysely, sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { searchThread } from './search-thread.js';
import { migrate, openStore, type Store } from './store.js';
import { StoreUnavailableError } from './store-error.js';

const counted = (most: number) =>
  sql<{
    n: number;
  }>`with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${most})
    select count(*) as n from numbers`;

it('NO5: a thread that could not open the store fails its search only; the next has another thread', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-search-'));
  const file = path.join(folder, 'later', 'mooring.db');
  const { dialect } = searchThread(file);
  const db = new Kysely<unknown>({ dialect });
  try {
    await expect(counted(1).execute(db)).rejects.toThrow();
    mkdirSync(path.dirname(file));
    await expect
      .poll(
        () =>
          counted(3)
            .execute(db)
            .then(
              ({ rows }) => rows,
              () => [],
            ),
        { timeout: 5_000 },
      )
      .toEqual([{ n: 3 }]);
  } finally {
    await db.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
});

describe('searches of the embedded store', () => {
  let folder: string;
  let store: Store;

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'mooring-search-'));
    store = openStore({ dataFolder: folder });
    await migrate(store);
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('NO5: hold up no other statement and no turn of the event loop', async () => {
    const order: string[] = [];
    const search = store.search((tx) => counted(2_000_000).execute(tx)).then(() => order.push('search'));
    let turns = 0;
    let isOver = false;
    const turn = () => {
      turns += 1;
      if (!isOver) setTimeout(turn, 1);
    };
    turn();
    for (let count = 0; count < 5; count += 1) {
      await store.transaction((tx) =>
        tx
          .insertInto('setting')
          .values({ name: `s${count}`, value: '' })
          .execute(),
      );
      order.push('write');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await search;
    isOver = true;
    expect(order).toEqual([...Array(5).fill('write'), 'search']);
    expect(turns).toBeGreaterThan(5);
  });

  it('read what was committed before they began, in one snapshot, and cannot write', async () => {
    const settings = (name: string) => store.db.insertInto('setting').values({ name, value: '' }).execute();
    await settings('before');
    await store.search(async (tx) => {
      const all = () => tx.selectFrom('setting').select('name').execute();
      const first = await all();
      expect(first).toContainEqual({ name: 'before' });
      await settings('meanwhile');
      expect(await all()).toEqual(first);
    });
    const write = store.search((tx) => tx.insertInto('setting').values({ name: 'x', value: '' }).execute());
    await expect(write).rejects.toBeInstanceOf(StoreUnavailableError);
    const names = await store.search((tx) => tx.selectFrom('setting').select('name').execute());
    expect(names).toContainEqual({ name: 'meanwhile' });
    expect(names).not.toContainEqual({ name: 'x' });
  });

  it('run one after the other, and a checkpoint waits for them without holding up the loop', async () => {
    const order: string[] = [];
    const searches = [1, 2].map((name) =>
      store.search((tx) => counted(300_000).execute(tx)).then(() => order.push(`search ${name}`)),
    );
    await store.search((tx) => counted(1).execute(tx)).then(() => order.push('third'));
    const checkpoint = store.checkpoint().then(() => order.push('checkpoint'));
    await Promise.all([...searches, checkpoint]);
    expect(order).toEqual(['search 1', 'search 2', 'third', 'checkpoint']);
  });
});
