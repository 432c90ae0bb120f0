import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * The body of a list that may be too long for one string. It is streamed with back-pressure. A failure midway breaks the
 * connection, so that an incomplete list never looks complete.
 */
export interface ListStream {
  /** Member that holds the items. */
  name: string;
  /** The items, a few at a time. `return()` is called when the client disconnects. */
  batches: AsyncIterable<readonly object[]>;
  /** The other members; called after the last batch. */
  rest: () => object;
}

export type Serialise = (body: unknown) => string;

async function* piecesOf({ name, batches, rest }: ListStream, serialise: Serialise): AsyncGenerator<string> {
  // Items are serialized by the schema of the whole response, and cut out of it.
  const [before, after] = ['{"links":{},"data":[', ']}'];
  yield `{${JSON.stringify(name)}:[`;
  let isFirst = true;
  for await (const batch of batches) {
    const text = serialise({ data: batch, links: {} });
    if (!text.startsWith(before) || !text.endsWith(after)) throw new Error('the list has an unexpected form');
    if (batch.length === 0) continue;
    yield (isFirst ? '' : ',') + text.slice(before.length, -after.length);
    isFirst = false;
    // Let other requests run.
    await nextTurn();
  }
  yield `],${serialise(rest()).slice(1)}`;
}

export function writeList(list: ListStream, serialise: Serialise): Readable {
  // Only one piece ahead, so that a slow client does not cost memory.
  return Readable.from(piecesOf(list, serialise), { highWaterMark: 1 });
}
