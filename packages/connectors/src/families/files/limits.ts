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
