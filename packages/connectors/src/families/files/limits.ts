// Caps against hostile or broken files. A file that exceeds one fails with `too_large`; it is never silently truncated.
export { columnsMax } from '../../kit/columns.js';

/** Longest piece of a file that is inspected in one go, in bytes. */
export const pieceBytesMax = 64 * 1024;

/** NDJSON rows, and their characters, that are sampled to find columns and types. */
export const sample = { rows: 1_000, characters: 4 * 1024 * 1024 };

/** Text of one batch, in characters, beyond its first row. */
export const batchCharactersMax = 1024 * 1024;

/** Maximum nesting of a JSON value or a Parquet schema. */
export const depthMax = 64;

/** Longest wait for the next bytes of an open file, in milliseconds. */
export const idleMsMax = 30_000;
