import type { Column, Row } from '../interface/data-types.js';
import type { Batch } from '../interface/plan.js';
import { rowsOf } from './arrow/rows.js';

export const lengthOf = (batch: Batch): number => ('rows' in batch ? batch.rows.length : batch.arrow.numRows);

/** Its first rows. */
export function firstOf(batch: Batch, count: number): Batch {
  if (count >= lengthOf(batch)) return batch;
  return 'rows' in batch ? { rows: batch.rows.slice(0, count) } : { arrow: batch.arrow.slice(0, count) };
}

/** Rows to make at once of a record batch, which may have far more. */
const rowsMax = 1000;

/** Its rows, those of a record batch in parts. @param firstRow number of its first row, from 1 */
export function* rowsIn(
  batch: Batch,
  columns: readonly Column[],
  firstRow: number,
): Generator<readonly Row[], void, undefined> {
  if ('rows' in batch) {
    yield batch.rows;
    return;
  }
  for (let from = 0; from < batch.arrow.numRows; from += rowsMax)
    yield rowsOf(batch.arrow.slice(from, from + rowsMax), columns, firstRow + from);
}
