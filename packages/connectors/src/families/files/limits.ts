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
  /** Most schema elements, groups included. */
  schemaElementsMax: 20_000,
  /** Largest single range read, in bytes: one column of one row group, as stored. */
  rangeBytesMax: 256 * 1024 * 1024,
  /** Largest page after decompression, in bytes. */
  pageBytesMax: 64 * 1024 * 1024,
  /** Most values in a page. */
  pageValuesMax: 4_000_000,
  /** Most values read from one row group that has nested columns: it is decoded as a whole. */
  nestedValuesMax: 8_000_000,
  /** Cells and bytes decoded in one go. */
  stepCells: 262_144,
  stepBytes: 32 * 1024 * 1024,
};
