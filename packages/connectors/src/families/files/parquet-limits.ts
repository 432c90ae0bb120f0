import { type ParsingCaps, parsingCaps } from '../../kit/json/caps.js';

// Caps against hostile Parquet files. Claims of a file are never trusted: memory follows the bytes at hand and the
// requested values, so claimed counts cost nothing. A file that needs more than this fails with `too_large`.

const mebibyte = 1024 * 1024;

export const parquetLimits = {
  /** Maximum footer size in bytes, and maximum number of schema elements. */
  footerBytesMax: 16 * mebibyte,
  schemaElementsMax: 100_000,
  /** Row groups and chunks together: a footer that locates each of them cannot hold as many. */
  chunksMax: 500_000,
  /** Chunks at most this far apart are fetched with one request, up to `fetchBytesMax`. */
  gapBytes: 64 * 1024,
  fetchBytesMax: 4 * mebibyte,
  /** Stored bytes of large chunks in memory for all columns together, and minimum bytes per request. */
  storedBytes: 64 * mebibyte,
  fetchBytesMin: 16 * 1024,
  /** Maximum size of a page header, and of a page after decompression, in bytes. */
  headerBytesMax: 8 * mebibyte,
  pageBytesMax: 128 * mebibyte,
  /** Size to which a page may always expand, and the maximum expansion ratio beyond it. */
  expansion: { freeBytes: 4 * mebibyte, ratioMax: 1_000 },
  /** Maximum bytes of open pages and decoded values of all columns together. */
  memoryBytesMax: 256 * mebibyte,
  /** Values and bytes decoded between two turns of the event loop. */
  stepCells: 32_768,
  stepBytes: 4 * mebibyte,
};

/** Caps on rows. Pages are not included: one page of each column is opened whole, for one row as for all. */
export interface ParquetCaps {
  /** Values in one row, and its bytes as text. */
  rowCells: number;
  rowBytes: number;
  /** One value that is a JSON document or a variant. */
  json: Pick<ParsingCaps, 'recordBytes' | 'record'>;
}

/** @param request the read; rows of a preview get a quarter of the caps of a full read */
export function parquetCaps(request: { isPreview?: boolean }): ParquetCaps {
  const share = request.isPreview === true ? 4 : 1;
  return {
    rowCells: mebibyte / share,
    rowBytes: (64 * mebibyte) / share,
    json: parsingCaps(request),
  };
}
