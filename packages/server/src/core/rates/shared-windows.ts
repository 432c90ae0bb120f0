import type { Logger } from 'pino';
import type { Store } from '../store/store.js';
import { addCounts, dropOldCounts, readCounts } from './rate-store.js';
import { createWindow, keyOf, sliceOf, type Window, type WindowOwner } from './rate-window.js';

const syncMs = 1000;

export interface SharedWindowsDependencies {
  store: Store;
  now(): number;
  log: Logger;
}

/** Runs one work after the other. */
function createTurns() {
  let turn: Promise<unknown> = Promise.resolve();
  return <Result>(work: () => Promise<Result>): Promise<Result> => {
    const mine = turn.then(work, work);
    turn = mine.catch(() => undefined);
    return mine;
  };
}

/** Windows of requests that all nodes count together, through the store. */
export function createSharedWindows({ store, now, log }: SharedWindowsDependencies) {
  const windows = new Map<string, Window>();

  // Counts on their way to the store are added here too. A read between their arrival and the moment this is known
  // would count the same requests twice, so all store access takes turns.
  const inTurn = createTurns();

  const read = async (wanted: readonly Window[]): Promise<void> => {
    const at = now();
    const counts = await readCounts(store.db, wanted, sliceOf(at));
    for (const window of wanted) window.learn(counts.get(window) ?? new Map(), at);
  };

  const add = async (changed: readonly Window[]): Promise<void> => {
    await store
      .transaction((tx) => addCounts(tx, changed))
      .catch((error: unknown) => {
        for (const window of changed) window.unsend();
        throw error;
      });
    for (const window of changed) window.arrived();
    await read(changed);
  };

  let cleared = 0;
  let syncing: Promise<void> | undefined;
  const sync = async (): Promise<void> => {
    const at = now();
    const changed = [...windows.values()].filter((window) => window.send());
    try {
      if (changed.length > 0) await add(changed);
      if (cleared !== sliceOf(at)) {
        await dropOldCounts(store.db, sliceOf(at));
        cleared = sliceOf(at);
      }
      for (const [key, window] of windows) if (window.isUnused(at)) windows.delete(key);
    } catch (error) {
      log.warn({ err: error }, 'request counts could not be shared; they are kept and retried');
    }
  };
  const syncOnce = (): Promise<void> => {
    syncing ??= inTurn(sync).finally(() => {
      syncing = undefined;
    });
    return syncing;
  };
  const timer = setInterval(() => void syncOnce(), syncMs).unref();

  return {
    /** Hold a window over any wait: it is dropped while it is unused. */
    of(owner: WindowOwner): Window {
      const key = keyOf(owner);
      let window = windows.get(key);
      if (!window) {
        window = createWindow(owner);
        windows.set(key, window);
      }
      return window;
    },
    /** Reads those from the store that have not been read for so long. */
    async refresh(wanted: readonly Window[], staleMs: number): Promise<void> {
      const isStale = (window: Window) => now() - window.learntAt > staleMs;
      if (!wanted.some(isStale)) return;
      await inTurn(async () => {
        const stale = wanted.filter(isStale);
        if (stale.length > 0) await read(stale);
      });
    },
    /** Adds what was counted here to the store and reads what others added. Runs by itself once a second. */
    sync: syncOnce,
    async close(): Promise<void> {
      clearInterval(timer);
      await syncing;
      await inTurn(sync);
    },
  };
}
