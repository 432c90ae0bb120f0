import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * The body of a list that may be too long for one text. It is written piece by piece, as its reader takes it, and what
 * fails midway breaks the connection off, so that a part never looks whole.
 */
export interface ListStream {
  /** Member that holds the items. */
  name: string;
  /** Each a few at a time; left with `return()` when the reader leaves. */
  batches: AsyncIterable<readonly object[]>;
  /** The other members, once all items are written. */
  rest: () => object;
}

type Serialise = (body: unknown) => string;

async function* piecesOf({ name, batches, rest }: ListStream, serialise: Serialise): AsyncGenerator<string> {
  // Items are written by the schema of the whole answer, and cut out of it.
  const [before, after] = ['{"links":{},"data":[', ']}'];
  yield `{${JSON.stringify(name)}:[`;
  let isFirst = true;
  for await (const batch of batches) {
    const text = serialise({ data: batch, links: {} });
    if (!text.startsWith(before) || !text.endsWith(after)) throw new Error('the list has another form');
    if (batch.length === 0) continue;
    yield (isFirst ? '' : ',') + text.slice(before.length, -after.length);
    isFirst = false;
    // Others come in between.
    await nextTurn();
  }
  yield `],${serialise(rest()).slice(1)}`;
}

export function writeList(list: ListStream, serialise: Serialise): Readable {
  // One piece ahead, so that a slow reader costs no memory.
  return Readable.from(piecesOf(list, serialise), { highWaterMark: 1 });
}
