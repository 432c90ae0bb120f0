import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CompiledQuery } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { recordStatements, type Statement } from '../../testing/recorded-statements.js';
import type { Tx } from './queryable.js';
import { migrate, openStore, type Store } from './store.js';

describe('transactions that share a commit', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'mooring-group-'));
  const statements: Statement[] = [];
  let endRecording: () => void;
  let store: Store;

  beforeAll(async () => {
    endRecording = recordStatements(statements);
    store = openStore({ dataFolder: folder });
    await migrate(store);
  });
  afterAll(async () => {
    await store.close();
    endRecording();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await store.db.deleteFrom('tenant').execute();
    statements.length = 0;
  });

  const insert = (tx: Tx, id: string) =>
    tx.insertInto('tenant').values({ id, name: id, created_at: '' }).execute();
  const stored = async () => {
    const rows = await store.db.selectFrom('tenant').select('id').orderBy('id').execute();
    return rows.map(({ id }) => id);
  };
  const count = (text: string) => statements.filter((one) => one.text === text).length;

  it('concurrent ones take few commits, and each answer comes after the commit', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `t${index}`.padStart(3, '0'));
    const commitsAtAnswer = await Promise.all(
      ids.map(async (id) => {
        await store.transaction((tx) => insert(tx, id));
        return count('commit');
      }),
    );
    expect(await stored()).toEqual(ids.toSorted());
    expect(count('commit')).toBeLessThan(ids.length / 4);
    expect(Math.min(...commitsAtAnswer)).toBeGreaterThan(0);
  });

  it('one that comes later in the same turn of the event loop shares the commit', async () => {
    const later = async () => {
      for (let step = 0; step < 5000; step += 1) await undefined;
      await store.transaction((tx) => insert(tx, 'b'));
    };
    await Promise.all([store.transaction((tx) => insert(tx, 'a')), later()]);
    expect(await stored()).toEqual(['a', 'b']);
    expect(count('commit')).toBe(1);
  });

  it('a failure undoes its own writes and no others, and gets its answer after the commit', async () => {
    const commitsAtFailure: number[] = [];
    const work = (id: string, fails: boolean) =>
      store
        .transaction(async (tx) => {
          await insert(tx, id);
          if (fails) throw new Error(`${id} failed`);
          return id;
        })
        .catch((error: Error) => {
          commitsAtFailure.push(count('commit'));
          return error.message;
        });
    const told = await Promise.all([work('a', false), work('b', true), work('c', false), work('d', true)]);
    expect(told).toEqual(['a', 'b failed', 'c', 'd failed']);
    expect(await stored()).toEqual(['a', 'c']);
    expect(count('commit')).toBe(1);
    expect(commitsAtFailure).toEqual([1, 1]);
  });

  it('a failure of the first one does not touch those that wait behind it', async () => {
    const first = store.transaction(async (tx) => {
      await insert(tx, 'a');
      throw new Error('first');
    });
    const second = store.transaction((tx) => insert(tx, 'b'));
    await expect(first).rejects.toThrow('first');
    await second;
    expect(await stored()).toEqual(['b']);
  });

  it('a refused statement, as of a name that is taken, fails its own transaction only', async () => {
    const told = await Promise.allSettled(
      ['a', 'a', 'b', 'b', 'c'].map((id) => store.transaction((tx) => insert(tx, id))),
    );
    expect(told.map(({ status }) => status)).toEqual([
      ...['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
    ]);
    expect(await stored()).toEqual(['a', 'b', 'c']);
  });

  it('when one ends the whole transaction, as a full disk does, the others run again by themselves', async () => {
    const runs: string[] = [];
    const work = (id: string, ends: boolean) =>
      store.transaction(async (tx) => {
        runs.push(id);
        await insert(tx, id);
        if (!ends) return;
        // What SQLite does by itself then.
        await tx.executeQuery(CompiledQuery.raw('rollback'));
        throw new Error('full');
      });
    const told = await Promise.allSettled([work('a', false), work('b', true), work('c', false)]);
    expect(told.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await stored()).toEqual(['a', 'c']);
    expect(runs).toEqual(['a', 'b', 'a', 'c']);
  });

  it('a commit that fails is the failure of all', async () => {
    const work = (id: string) =>
      store.transaction(async (tx) => {
        // A foreign key that is checked at the commit.
        await tx.executeQuery(CompiledQuery.raw('PRAGMA defer_foreign_keys = ON'));
        await insert(tx, id);
        if (id === 'b')
          await tx
            .insertInto('space')
            .values({
              ...{ id: 's', tenant_id: 'none', name: 's', name_key: 's', type: 'shared', description: '' },
              ...{ owner_id: 'none', created_at: '', created_by: '', updated_at: '' },
            })
            .execute();
      });
    const told = await Promise.allSettled([work('a'), work('b')]);
    expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await stored()).toEqual([]);
  });

  it('those that wait when the store is closed fail, and are not tried for ever', async () => {
    const dataFolder = path.join(folder, 'closed');
    mkdirSync(dataFolder);
    const closed = openStore({ dataFolder });
    await migrate(closed);
    const closing = closed.close();
    const late = [closed.transaction((tx) => insert(tx, 'a')), closed.transaction((tx) => insert(tx, 'b'))];
    const outcomes = await Promise.allSettled(late);
    await closing;
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('one that comes while another runs does not see what is undone', async () => {
    const seen: string[][] = [];
    const reading = () =>
      store.transaction(async (tx) => {
        const rows = await tx.selectFrom('tenant').select('id').execute();
        seen.push(rows.map(({ id }) => id));
      });
    const failing = store.transaction(async (tx) => {
      await insert(tx, 'a');
      throw new Error('undone');
    });
    await Promise.allSettled([reading(), failing, reading()]);
    expect(seen).toEqual([[], []]);
  });
});
