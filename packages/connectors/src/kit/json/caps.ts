import type { JsonCaps } from './gauge.js';

const mebibyte = 1024 * 1024;

/** What is read of a source's JSON, and of its records in any text format. */
export interface ParsingCaps {
  /** A JSON document after decompression: a file or an answer. */
  documentBytes: number;
  document: JsonCaps;
  /** A row of JSON, or a record of CSV. */
  recordBytes: number;
  record: JsonCaps;
}

const depth = 128;
const tokenBytes = 4 * 1024;

const ofReads: ParsingCaps = {
  documentBytes: 64 * mebibyte,
  document: { depth, tokenBytes, values: 10_000_000, names: 10_000_000 },
  recordBytes: 8 * mebibyte,
  record: { depth, tokenBytes, values: 1_000_000, names: 100_000 },
};

/** A preview shows a few rows and a test none: whoever waits for them gains nothing from more. */
const ofPreviews: ParsingCaps = {
  documentBytes: 16 * mebibyte,
  document: { depth, tokenBytes, values: 2_000_000, names: 2_000_000 },
  recordBytes: 2 * mebibyte,
  record: { depth, tokenBytes, values: 100_000, names: 20_000 },
};

/** @param request of a read; tests and browsing are as small as previews */
export const parsingCaps = (request: { isPreview?: boolean }): ParsingCaps =>
  request.isPreview === true ? ofPreviews : ofReads;
