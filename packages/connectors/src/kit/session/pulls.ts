import type { Work } from './work.js';

/** Starts an iteration at the source, at which it ends too if it is left before its first pull. */
export function started<Item>(work: Work, items: AsyncIterable<Item>): AsyncIterator<Item> {
  const iterator = items[Symbol.asyncIterator]();
  work.iterates(() => iterator.return?.());
  return iterator;
}

/** @returns the next item; undefined once the source has ended */
export function pullsOf<Item>(work: Work, source: AsyncIterator<Item>): () => Promise<Item | undefined> {
  return async () => {
    try {
      const next = await work.step(() => source.next());
      if (next.done !== true) return next.value;
      work.iterates();
      return undefined;
    } catch (error) {
      // One that was interrupted has not ended by itself.
      if (!work.failure()) work.iterates();
      throw error;
    }
  };
}

/** The items, made in the course of the work: their end is its end, and leaving them leaves it. Can be iterated once. */
export function streamOf<Item>(
  work: Work,
  items: AsyncGenerator<Item, void, undefined>,
): AsyncIterable<Item> {
  const done: IteratorResult<Item, undefined> = { done: true, value: undefined };
  let isOver = false;
  const iterator: AsyncIterator<Item, undefined> = {
    async next() {
      if (isOver) return done;
      try {
        // What a batch was cut into is not returned once the work has ended from outside.
        const failure = work.failure();
        if (failure) throw failure;
        const next = await items.next();
        if (next.done !== true) return next;
        isOver = true;
        await work.finish();
        return done;
      } catch (error) {
        isOver = true;
        throw await work.fail(error);
      }
    },
    async return() {
      // Not the generator's own, which would wait for what the source still owes.
      isOver = true;
      await work.leave();
      return done;
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
