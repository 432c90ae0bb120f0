import { ConnectorError } from '../interface/errors.js';
import type { WireBudget } from './frame-guard.js';

const MEBIBYTE = 1_048_576;
/** Target batch size, so that a slow reader of wide rows holds little memory. */
const BATCH_BYTES_TARGET = 4 * MEBIBYTE;
/** Rows of the first batch; each batch may hold at most four times as many rows as the previous one. */
const FIRST_ROWS = 16;
const GROWTH_MAX = 4;
/** A row that needs more bytes on the wire is refused (case D15). */
const ROW_BYTES_MAX = 32 * MEBIBYTE;
/** A batch whose rows suddenly grew is refused beyond this size. */
const BATCH_BYTES_MAX = 128 * MEBIBYTE;
/** Messages between two rows: notices, empty results. Rows themselves arrive in batches of up to some thousand. */
const FRAMES_WITHOUT_ROW_MAX = 20_000;

/** Sizes batches for a source whose row width is unknown, and protects memory against hostile sources. */
export interface BatchPacer extends WireBudget {
  /** Rows to request now, at most `rowsMax`; starts measuring the next batch. */
  next(rowsMax: number): number;
  /** A row is complete. */
  row(): void;
  /** Whether the rows since `next` have reached the target batch size. */
  isFull(): boolean;
}

/** One pacer per stream. */
export function createBatchPacer(): BatchPacer {
  let rowsBefore = FIRST_ROWS / GROWTH_MAX;
  let bytesInBatch = 0;
  let bytesInRow = 0;
  let framesWithoutRow = 0;
  let rowsInBatch = 0;

  const next = (rowsMax: number) => {
    const fitting = rowsInBatch === 0 ? FIRST_ROWS : (BATCH_BYTES_TARGET * rowsInBatch) / (bytesInBatch + 1);
    const rows = Math.max(1, Math.min(rowsMax, rowsBefore * GROWTH_MAX, Math.floor(fitting)));
    rowsBefore = rows;
    bytesInBatch = 0;
    rowsInBatch = 0;
    return rows;
  };
  const received = (bytes: number, frames: number) => {
    bytesInBatch += bytes;
    bytesInRow += bytes;
    framesWithoutRow += frames;
    if (framesWithoutRow > FRAMES_WITHOUT_ROW_MAX) {
      throw new ConnectorError('too_large', 'The source keeps sending messages without any rows.');
    }
    if (bytesInRow > ROW_BYTES_MAX || bytesInBatch > BATCH_BYTES_MAX) {
      throw new ConnectorError('too_large', 'A row of the source is too large to read.', {
        remedy: 'Leave out the large column, or truncate its values in the query.',
      });
    }
  };
  const row = () => {
    rowsInBatch += 1;
    bytesInRow = 0;
    framesWithoutRow = 0;
  };
  return {
    frameBytesMax: ROW_BYTES_MAX,
    next,
    received,
    row,
    isFull: () => bytesInBatch >= BATCH_BYTES_TARGET,
  };
}
