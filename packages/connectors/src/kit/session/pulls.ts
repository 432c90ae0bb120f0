import type { Work } from './run-session.js';

/**
 * Starts an iteration at the source.
 * @returns the next item; undefined once the source has ended, which it does once, whatever it does afterwards
 */
export async function pullsOf<Item>(
  work: Work,
  open: () => AsyncIterable<Item>,
): Promise<() => Promise<Item | undefined>> {
  const source = await work.step(() => open()[Symbol.asyncIterator]());
  work.iterates(() => source.return?.());
  let hasEnded = false;
  const end = (): undefined => {
    hasEnded = true;
    work.iterates();
  };
  return async () => {
    if (hasEnded) return undefined;
    try {
      const next = await work.step(() => source.next());
      return next.done === true ? end() : next.value;
    } catch (error) {
      end();
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
        const next = await items.next();
        if (next.done !== true) return next;
        await work.finish();
        return done;
      } catch (error) {
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
