import type { FileOptions } from '@mooring/contract/file-options';
import type { Column, Row } from '../../interface/data-types.js';
import { batchRowsMax } from '../../kit/columns.js';
import { createTurns } from '../../kit/turns.js';
import { batchCharactersMax } from './limits.js';

/** Rows in whatever number is cheap to produce. Text formats create each row only when it is taken. */
export type Portion = Iterable<Row> & {
  /** Length of the text of these rows, or the approximate length they would have as text. */
  readonly characters: number;
};

export const textPortion = (rows: Iterable<Row>, characters: number): Portion => ({
  [Symbol.iterator]: () => rows[Symbol.iterator](),
  characters,
});

/** Result of a format reader. */
export interface FileRows {
  columns: readonly Column[];
  /** How the file is read. */
  file: FileOptions;
  portions: AsyncGenerator<Portion>;
}

/** Rows in batches, pulled by their reader. */
export interface FileStream extends Omit<FileRows, 'portions'> {
  batches: AsyncIterable<readonly Row[]>;
}

async function* cut(
  { columns, portions }: Omit<FileRows, 'file'>,
  batchRows: number,
  limit: number,
): AsyncGenerator<readonly Row[]> {
  const rowsMax = Math.min(batchRows, batchRowsMax(columns));
  const turns = createTurns();
  let left = limit;
  let batch: Row[] = [];
  let characters = 0;
  if (left === 0) return;
  for await (const portion of portions) {
    characters += portion.characters;
    for (const row of portion) {
      batch.push(row);
      left -= 1;
      if (batch.length < rowsMax && left > 0) continue;
      yield batch;
      if (left === 0) return;
      batch = [];
      characters = portion.characters;
      await turns();
    }
    if (characters >= batchCharactersMax) {
      if (batch.length > 0) yield batch;
      batch = [];
      characters = 0;
    }
    await turns();
  }
  if (batch.length > 0) yield batch;
}

/**
 * Cuts rows into batches and applies the limit. `release` runs once, when the rows end, fail or are abandoned, even if
 * the iteration is returned from before it started.
 */
export function toRowStream(
  rows: FileRows,
  request: { batchRows: number; limit?: number },
  release: () => void,
): FileStream {
  const batches = cut(rows, request.batchRows, request.limit ?? Number.POSITIVE_INFINITY);
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
      // Release first: a generator that waits for the source returns only once the source answers or fails.
      release();
      return batches.return(undefined);
    },
  };
  return { columns: rows.columns, file: rows.file, batches: { [Symbol.asyncIterator]: () => iterator } };
}
