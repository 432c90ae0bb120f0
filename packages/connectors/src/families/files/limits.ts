// Caps against hostile or broken files. A file that needs more fails with `too_large`; it is never cut silently.
export { columnsMax } from '../../kit/columns.js';

/** Longest piece of a file that is looked at in one go, in bytes. */
export const pieceBytesMax = 64 * 1024;

/** NDJSON rows, and characters of them, that are looked at to find columns and their types. */
export const sample = { rows: 1_000, characters: 4 * 1024 * 1024 };

/** Text of the rows of one batch, in characters, beyond its first row. */
export const batchCharactersMax = 1024 * 1024;

/** Deepest nesting of a JSON value or a Parquet schema. */
export const depthMax = 64;

/** Longest wait for the next bytes of an open file, in milliseconds. */
export const idleMsMax = 30_000;

export const parquetLimits = {
  /** Largest footer, in bytes. */
  footerBytesMax: 16 * 1024 * 1024,
  /** Most bytes of the wanted columns in one row group, as stored. */
  groupBytesMax: 256 * 1024 * 1024,
  /** Chunks no farther apart than this are fetched by one request, up to `mergedBytesMax`. */
  gapBytes: 64 * 1024,
  mergedBytesMax: 4 * 1024 * 1024,
  /** Cells and bytes decoded in one go, in the decoding thread. */
  windowCells: 1_048_576,
  windowBytes: 32 * 1024 * 1024,
  /** Cells converted in one go, between two turns of the service's own event loop. */
  stepCells: 32_768,
  /** Longest time for one step, in milliseconds. */
  stepMsMax: 10_000,
  /** Largest JavaScript heap of the decoding thread. */
  heapMegabytesMax: 512,
  /** Most bytes the process may grow by during one step. */
  growthBytesMax: 1024 * 1024 * 1024,
};
