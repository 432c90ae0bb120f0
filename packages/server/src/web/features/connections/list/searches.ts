import { AppError } from '../../../../core/errors/app-error.js';
import { createSlots } from '../../../../core/isolation/slots.js';
import type { Queryable } from '../../../../core/store/queryable.js';
import type { Store } from '../../../../core/store/store.js';
import { ReadTooLongError } from '../../../../core/store/store-error.js';
import { isSearch, type Selection } from './selection.js';

// Lists with a filter or an owner may look through every connection that their caller sees. They do so beside other
// requests: on the thread of the embedded store, or as few as a shared store does at once.

const concurrency = { shared: 4, waiting: 64, waitMs: 10_000 };
const retryAfterSeconds = 2;
const neverAborted = new AbortController().signal;

const busy = () =>
  new AppError('BUSY', 'Too many searches at the same time. Try again, or use sw or eq on qName.', {
    retryAfterSeconds,
  });

const tooLong = (cause: unknown) =>
  new AppError(
    'BUSY',
    'filter: the search takes too long among so many connections; use sw or eq on qName.',
    {
      retryAfterSeconds,
      cause,
    },
  );

/** Runs the reads of a list. @throws AppError BUSY */
export type ReadList = <Result>(
  selection: Selection,
  /** Ends the wait of a search. */
  signal: AbortSignal | undefined,
  work: (db: Queryable) => Promise<Result>,
) => Promise<Result>;

/** Lists by index run at once; searches wait, one of a user at a time. */
export function createListReads(store: Store): ReadList {
  const slots = createSlots({
    max: () => (store.kind === 'sqlite' ? 1 : concurrency.shared),
    share: 1,
    waitMs: concurrency.waitMs,
    waitingMax: () => concurrency.waiting,
    full: busy,
  });
  return async (selection, signal, work) => {
    if (!isSearch(selection)) return work(store.db);
    const { userId } = selection.caller;
    await slots.take(userId, signal ?? neverAborted);
    try {
      return await store.search(work);
    } catch (error) {
      throw error instanceof ReadTooLongError ? tooLong(error) : error;
    } finally {
      slots.giveBack(userId);
    }
  };
}
