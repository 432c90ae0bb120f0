import type { ReadRequest, RowStream } from '../../spec/connector.js';
import type { Column, Row } from '../../spec/data-types.js';

/** What a format reader gives: columns, and rows in whatever portions come cheap. */
export interface FileRows {
  columns: readonly Column[];
  portions: AsyncGenerator<readonly Row[]>;
}

async function* cut(
  portions: AsyncGenerator<readonly Row[]>,
  batchRows: number,
  limit: number,
): AsyncGenerator<readonly Row[]> {
  let left = limit;
  let pending: readonly Row[] = [];
  if (left === 0) return;
  for await (const rows of portions) {
    pending = pending.length === 0 ? rows : pending.concat(rows);
    let at = 0;
    for (
      let size = Math.min(batchRows, left);
      pending.length - at >= size;
      size = Math.min(batchRows, left)
    ) {
      yield at === 0 && pending.length === size ? pending : pending.slice(at, at + size);
      at += size;
      left -= size;
      if (left === 0) return;
    }
    pending = pending.slice(at);
  }
  if (pending.length > 0) yield pending;
}

/**
 * Cuts rows to batches and to the limit. `release` runs once, when the rows end, fail, or are left; also when
 * the iteration was never begun but is returned from.
 */
export function toRowStream(
  rows: FileRows,
  request: Pick<ReadRequest, 'batchRows' | 'limit'>,
  release: () => void,
): RowStream {
  const batches = cut(rows.portions, request.batchRows, request.limit ?? Number.POSITIVE_INFINITY);
  const iterator: AsyncIterator<readonly Row[]> = {
    next: async () => {
      try {
        const result = await batches.next();
        if (result.done === true) release();
        return result;
      } catch (error) {
        release();
        throw error;
      }
    },
    return: async () => {
      // Released first: a generator that waits for the source returns only once the source answers or fails.
      release();
      return batches.return(undefined);
    },
  };
  return { columns: rows.columns, batches: { [Symbol.asyncIterator]: () => iterator } };
}
