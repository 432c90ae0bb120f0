import { type ParsingCaps, parsingCaps } from '../../kit/json/caps.js';

// Caps against hostile Parquet files. What a file claims is never believed: memory follows the bytes at hand and the
// values that are wanted, so claimed counts cost nothing. A file that needs more than this fails with `too_large`.

const mebibyte = 1024 * 1024;

export const parquetLimits = {
  /** Largest footer, in bytes, and most elements of its schema. */
  footerBytesMax: 16 * mebibyte,
  schemaElementsMax: 100_000,
  /** Most row groups and chunks together: a footer that says where each of them is cannot hold as many. */
  chunksMax: 500_000,
  /** Chunks no farther apart than this are fetched by one request, up to `fetchBytesMax`. */
  gapBytes: 64 * 1024,
  fetchBytesMax: 4 * mebibyte,
  /** Bytes of large chunks at hand as stored, for all columns together, and least bytes a request. */
  storedBytes: 64 * mebibyte,
  fetchBytesMin: 16 * 1024,
  /** Largest page header and largest page after decompression, in bytes. */
  headerBytesMax: 8 * mebibyte,
  pageBytesMax: 128 * mebibyte,
  /** Bytes a page may always expand to, and how many times its size beyond that. */
  expansion: { freeBytes: 4 * mebibyte, ratioMax: 1_000 },
  /** Most bytes of open pages and decoded values of all columns together. */
  memoryBytesMax: 256 * mebibyte,
  /** Values and bytes decoded in one go, between two turns of the event loop. */
  stepCells: 32_768,
  stepBytes: 4 * mebibyte,
};

/** What rows are held to. Pages are not: of each column one is opened whole, for one row as for all. */
export interface ParquetCaps {
  /** Values in one row, and its bytes as text. */
  rowCells: number;
  rowBytes: number;
  /** A JSON document, and a variant, in one value. */
  json: Pick<ParsingCaps, 'recordBytes' | 'record'>;
}

/** @param request of a read; rows of a preview are held to a quarter of what a read may bring */
export function parquetCaps(request: { isPreview?: boolean }): ParquetCaps {
  const share = request.isPreview === true ? 4 : 1;
  return {
    rowCells: mebibyte / share,
    rowBytes: (64 * mebibyte) / share,
    json: parsingCaps(request),
  };
}
