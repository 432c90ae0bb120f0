// Caps against hostile or broken files. A file that needs more fails with `too_large`; it is never cut silently.

/** Longest CSV or TSV record and longest NDJSON line, in bytes. */
export const recordBytesMax = 8 * 1024 * 1024;

/** Most columns a file may have. */
export const columnsMax = 10_000;

/** Largest `.json` document after decompression, in bytes: it is parsed as a whole. */
export const jsonBytesMax = 64 * 1024 * 1024;

/** NDJSON rows that are looked at to find columns and their types. */
export const sampleRows = 1_000;

/** Deepest nesting of a JSON value or a Parquet schema. */
export const depthMax = 64;

/** Bytes a gzip stream may always expand to, and how many times its size beyond that. */
export const expansion = { freeBytes: 1024 * 1024, ratioMax: 200 };

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
